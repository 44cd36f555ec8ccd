/*
 * verify_run: each host reads its image; only the digests are compared here.
 */
#include "lib/cli/verify_run.h"

#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/block/digest.h"
#include "lib/cli/json.h"
#include "lib/cli/progress.h"
#include "lib/cli/usage.h"
#include "lib/job/parts.h"

struct image_digest {
	struct location loc;
	struct peer *peer;
	struct kv reply;
	struct hash content;
	uint64_t capacity;
};

static void on_read_progress(void *arg, const struct wire_progress *p)
{
	(void)arg;
	progress_show(NULL, "read", p, 0);
}

/* Asks a helper to read the image; receive_digest() waits for the answer. */
static int request_digest(
	struct image_digest *d, struct cli *c, const char *text, bool live, bool as_is, bool shown)
{
	struct peer_options opt = c->peer;
	struct buf args = BUF_INIT;
	int r;

	if (cli_location(&d->loc, text, STDIN_FILENO) < 0)
		return -1;
	if (d->loc.is_stdio)
		return usage_error("'-' cannot be verified: it is no image on a host");
	if (shown)
		opt.progress = on_read_progress;
	d->peer = peer_open(&d->loc, &opt);
	if (!d->peer)
		return err_wrap("%s", text);
	kv_add(&args, "path", *d->loc.path ? d->loc.path : ".");
	kv_add_bool(&args, "live", live);
	kv_add_bool(&args, "as_is", as_is);
	kv_add_u64(&args, "jobs", cli_copying.jobs);
	kv_add_u64(&args, "bwlimit", cli_copying.bwlimit);
	kv_add_bool(&args, "progress", shown);
	r = peer_request(d->peer, "digest", &args);
	buf_fini(&args);
	return r < 0 ? err_wrap("%s", text) : 0;
}

static int receive_digest(struct image_digest *d)
{
	const char *content;
	int r = peer_answer(d->peer, &d->reply);

	if (r == 1)
		r = err_set(ST_PEER, "protocol error: a RECORD instead of the OK");
	if (r == 0) {
		content = kv_get(&d->reply, "content");
		if (!content || hash_from_hex(&d->content, content) < 0 ||
			kv_get_u64(&d->reply, "capacity", &d->capacity) <= 0)
			r = err_set(ST_PEER, "protocol error: a reply without a digest");
	}
	if (r == 0)
		parts_warn(d->loc.text, &d->reply, "examined");
	return r < 0 ? err_wrap("%s", d->loc.text) : 0;
}

static void image_digest_fini(struct image_digest *d)
{
	peer_close(d->peer);
	kv_fini(&d->reply);
	location_fini(&d->loc);
}

/* Checks what the format of the content allows to check. */
static int check_format(struct image_digest *d, bool live)
{
	const char *format = kv_get(&d->reply, "format");
	bool recorded = false, leaks = false, dirty = false;
	struct buf args = BUF_INIT;
	struct kv reply;
	int r;

	if (kv_get(&d->reply, "compression")) {
		if (kv_get_bool(&d->reply, "recorded", &recorded) < 0)
			return -1;
		if (!recorded)
			log_warn("%s: the archive has neither length nor digest: "
				 "a missing block would not be noticed",
				d->loc.text);
		return 0;
	}
	if (!format || strcmp(format, "qcow2") != 0)
		return 0;
	kv_add(&args, "path", d->loc.path);
	kv_add_bool(&args, "live", live);
	r = peer_call(d->peer, "check", &args, NULL, &reply);
	buf_fini(&args);
	if (r < 0)
		return err_wrap("%s", d->loc.text);
	r = kv_get_bool(&reply, "leaks", &leaks);
	if (r >= 0)
		r = kv_get_bool(&reply, "dirty", &dirty);
	if (dirty)
		log_note("%s: it is marked dirty: it is open, or was not closed", d->loc.text);
	if (leaks)
		log_note("%s: some clusters are leaked: they take space, but do no other harm",
			d->loc.text);
	kv_fini(&reply);
	return r < 0 ? -1 : 0;
}

static int show_digest(const struct cli *c, const struct image_digest *d)
{
	const char *digest = kv_get(&d->reply, "digest");
	json_t *o;

	if (!c->json) {
		cli_print(c, "%s  %s", digest ? digest : "", d->loc.text);
		return 0;
	}
	o = json_object();
	json_set_text(o, "location", d->loc.text);
	json_set_text(o, "format", kv_get(&d->reply, "format"));
	json_set_text(o, "compression", kv_get(&d->reply, "compression"));
	if (json_set_u64(o, "capacity", &d->reply, "capacity") < 0 ||
		json_set_u64(o, "data_bytes", &d->reply, "data_bytes") < 0) {
		json_decref(o);
		return -1;
	}
	json_set_text(o, "digest", digest);
	return json_print(o);
}

int verify_run_one(struct cli *c, bool live, bool as_is)
{
	struct image_digest d;
	int r;

	memset(&d, 0, sizeof(d));
	progress_begin(c);
	progress_item(c->args[0], 1, 1);
	r = request_digest(&d, c, c->args[0], live, as_is, progress_is_on());
	if (r == 0)
		r = receive_digest(&d);
	if (r == 0)
		progress_total(d.capacity);
	progress_clear();
	if (r == 0 && !as_is)
		r = check_format(&d, live);
	progress_end(r == 0);
	if (r == 0)
		r = show_digest(c, &d);
	image_digest_fini(&d);
	return r;
}

static int compare_contents(
	const struct cli *c, const struct image_digest *a, const struct image_digest *b)
{
	bool equal = hash_equal(&a->content, &b->content);
	json_t *o;

	if (c->json) {
		o = json_object();
		json_set_text(o, "location", a->loc.text);
		json_set_text(o, "location2", b->loc.text);
		json_object_set_new(o, "equal", json_boolean(equal));
		json_object_set_new(o, "capacity", json_integer((json_int_t)a->capacity));
		json_object_set_new(o, "capacity2", json_integer((json_int_t)b->capacity));
		if (json_print(o) < 0)
			return -1;
	}
	if (!equal)
		return err_set(ST_CORRUPT, "%s and %s: contents differ", a->loc.text, b->loc.text);
	if (a->capacity != b->capacity)
		log_note("%s is longer than %s, but only by zeros",
			a->capacity > b->capacity ? a->loc.text : b->loc.text,
			a->capacity > b->capacity ? b->loc.text : a->loc.text);
	return 0;
}

int verify_run_two(struct cli *c, bool live, bool as_is)
{
	struct image_digest a, b;
	int r;

	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	progress_begin(c);
	progress_item(c->args[0], 1, 1);
	r = request_digest(&a, c, c->args[0], live, as_is, progress_is_on());
	if (r == 0)
		r = request_digest(&b, c, c->args[1], live, as_is, false);
	if (r == 0)
		r = receive_digest(&a);
	if (r == 0)
		r = receive_digest(&b);
	if (r == 0)
		progress_total(a.capacity);
	progress_clear();
	if (r == 0)
		r = compare_contents(c, &a, &b);
	progress_end(r == 0);
	image_digest_fini(&a);
	image_digest_fini(&b);
	return r;
}
