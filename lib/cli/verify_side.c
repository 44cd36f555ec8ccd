/*
 * verify_side: see verify_side.h.
 */
#include "lib/cli/verify_side.h"

#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/cli/progress.h"
#include "lib/cli/usage.h"
#include "lib/job/parts.h"

static void on_read_progress(void *arg, const struct wire_progress *p)
{
	(void)arg;
	progress_show(NULL, "read", p, 0);
}

int verify_side_parse(struct verify_side *s, const char *text)
{
	if (cli_location(&s->loc, text, STDIN_FILENO) < 0)
		return -1;
	if (s->loc.is_stdio)
		return usage_error("'-' cannot be verified: it is no image on a host");
	return usage_check_image(&s->loc);
}

int verify_side_open(struct verify_side *s, const struct cli *c, bool shown)
{
	struct peer_options opt = c->peer;

	s->shown = shown;
	if (shown)
		opt.progress = on_read_progress;
	s->peer = peer_open(&s->loc, &opt);
	return s->peer ? 0 : err_wrap("%s", s->loc.text);
}

static int verify_side_ask(struct verify_side *s, struct buf *args)
{
	int r;

	kv_add(args, "path", s->loc.path);
	r = peer_request(s->peer, "digest", args);
	buf_fini(args);
	return r < 0 ? err_wrap("%s", s->loc.text) : 0;
}

/* Waits for the OK.  0, or -1 recorded. */
static int verify_side_answer(struct verify_side *s, struct kv *reply)
{
	int r = peer_answer(s->peer, reply);

	if (r == 1)
		r = err_set(ST_PEER, "protocol error: a RECORD instead of the OK");
	return r < 0 ? err_wrap("%s", s->loc.text) : 0;
}

int verify_side_ask_format(struct verify_side *s)
{
	struct buf args = BUF_INIT;

	kv_add_bool(&args, "format_only", true);
	return verify_side_ask(s, &args);
}

int verify_side_get_format(struct verify_side *s)
{
	return verify_side_answer(s, &s->found);
}

int verify_side_ask_digest(struct verify_side *s, const struct verify_want *w)
{
	struct buf args = BUF_INIT;

	kv_add_bool(&args, "live", w->live);
	kv_add_bool(&args, "as_is", w->as_is);
	if (w->flatten)
		kv_add_bool(&args, "flatten", true);
	kv_add_u64(&args, "jobs", cli_copying.jobs);
	kv_add_u64(&args, "bwlimit", cli_copying.bwlimit);
	kv_add_bool(&args, "progress", s->shown);
	return verify_side_ask(s, &args);
}

int verify_side_get_digest(struct verify_side *s)
{
	const char *content;

	if (verify_side_answer(s, &s->reply) < 0)
		return -1;
	content = kv_get(&s->reply, "content");
	if (!content || hash_from_hex(&s->content, content) < 0 ||
		kv_get_u64(&s->reply, "capacity", &s->capacity) <= 0 || s->capacity > INT64_MAX) {
		err_set(ST_PEER, "protocol error: a reply without a digest");
		return err_wrap("%s", s->loc.text);
	}
	parts_warn(s->loc.text, &s->reply, "examined");
	return 0;
}

void verify_side_fini(struct verify_side *s)
{
	peer_close(s->peer);
	kv_fini(&s->found);
	kv_fini(&s->reply);
	location_fini(&s->loc);
}
