/*
 * verify_run: the image is read for its digest, and after that the structure is checked.
 */
#include "lib/cli/verify_run.h"

#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/cli/json.h"
#include "lib/cli/progress.h"

/* Checks what the format of the content allows to check. */
static int check_format(struct verify_side *s, bool live)
{
	const char *format = kv_get(&s->reply, "format");
	bool recorded = false, leaks = false, dirty = false;
	struct buf args = BUF_INIT;
	struct kv reply;
	int r;

	if (kv_get(&s->reply, "compression")) {
		if (kv_get_bool(&s->reply, "recorded", &recorded) < 0)
			return -1;
		if (!recorded)
			log_warn("warning: %s: the archive has neither length nor digest: "
				 "a missing block would not be noticed",
				s->loc.text);
		return 0;
	}
	if (!format || strcmp(format, "qcow2") != 0)
		return 0;
	kv_add(&args, "path", s->loc.path);
	kv_add_bool(&args, "live", live);
	r = peer_call(s->peer, "check", &args, NULL, &reply);
	buf_fini(&args);
	if (r < 0)
		return err_wrap("%s", s->loc.text);
	if (kv_get(&reply, "checked_by"))
		log_info("%s: checked by %s", s->loc.text, kv_get(&reply, "checked_by"));
	r = kv_get_bool(&reply, "leaks", &leaks);
	if (r >= 0)
		r = kv_get_bool(&reply, "dirty", &dirty);
	if (dirty)
		log_note("%s: it is marked dirty: it is open, or was not closed", s->loc.text);
	if (leaks)
		log_note("%s: some clusters are leaked: they take space, but do no other harm",
			s->loc.text);
	kv_fini(&reply);
	return r < 0 ? -1 : 0;
}

static int show_digest(const struct cli *c, const struct verify_side *s)
{
	const char *digest = kv_get(&s->reply, "digest");
	json_t *o;

	if (!c->json) {
		cli_print(c, "%s  %s", digest, s->loc.text);
		return 0;
	}
	o = json_object();
	json_set_text(o, "location", s->loc.text);
	json_set_text(o, "format", kv_get(&s->reply, "format"));
	json_set_text(o, "compression", kv_get(&s->reply, "compression"));
	if (json_set_u64(o, "capacity", &s->reply, "capacity") < 0 ||
		json_set_u64(o, "data_bytes", &s->reply, "data_bytes") < 0) {
		json_decref(o);
		return -1;
	}
	json_set_text(o, "digest", digest);
	return json_print(o);
}

int verify_run(struct cli *c, const struct verify_want *w)
{
	struct verify_side s;
	int r;

	memset(&s, 0, sizeof(s));
	progress_begin(c);
	progress_item(c->args[0], 1, 1);
	r = verify_side_parse(&s, c->args[0]);
	if (r == 0)
		r = verify_side_open(&s, c, progress_is_on());
	if (r == 0)
		r = verify_side_ask_digest(&s, w);
	if (r == 0)
		r = verify_side_get_digest(&s);
	if (r == 0 && kv_need(&s.reply, "an OK", "digest") < 0)
		r = err_wrap("%s", s.loc.text);
	if (r == 0)
		progress_total(s.capacity);
	progress_clear();
	if (r == 0 && !w->as_is)
		r = check_format(&s, w->live);
	progress_end(r == 0);
	if (r == 0)
		r = show_digest(c, &s);
	verify_side_fini(&s);
	return r;
}
