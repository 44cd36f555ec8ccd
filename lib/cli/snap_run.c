/*
 * snap_run: one request for all locations, since their snapshots are of one moment.
 */
#include "lib/cli/snap_run.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/cli/guest_option.h"
#include "lib/cli/json.h"
#include "lib/cli/results.h"
#include "lib/cli/usage.h"
#include "lib/job/host_snapshots.h"

struct snap_run {
	struct cli *c;
	const struct snap_options *options;
	struct location *loc; /* one for each argument */
	struct results results;
};

static int snap_parse(struct snap_run *s)
{
	int i;

	if (guest_option_check(s->options->qmp, s->options->libvirt) < 0)
		return -1;
	for (i = 0; i < s->c->count; i++) {
		if (cli_location(&s->loc[i], s->c->args[i], STDIN_FILENO) < 0)
			return -1;
		if (s->loc[i].is_stdio)
			return usage_error("'-' cannot be used here: it is no image, but "
					   "standard input or output");
		if (usage_check_image(&s->loc[i]) < 0)
			return -1;
		if (!location_same_host(&s->loc[0], &s->loc[i]))
			return usage_error("%s and %s are on different hosts, whose snapshots "
					   "cannot be taken together",
				s->loc[0].text, s->loc[i].text);
	}
	if (s->c->count > 1 && s->options->name)
		return usage_error("several snapshots cannot have one name, so --name needs a "
				   "single LOCATION");
	return 0;
}

static void snap_request(const struct snap_run *s, struct buf *args)
{
	int i;

	for (i = 0; i < s->c->count; i++)
		kv_add(args, "path", s->loc[i].path);
	kv_add(args, "name", s->options->name);
	if (s->options->size)
		kv_add_u64(args, "size", s->options->size);
	kv_add(args, "pre", s->options->pre);
	kv_add(args, "post", s->options->post);
	kv_add(args, "qmp", s->options->qmp);
	kv_add(args, "libvirt", s->options->libvirt);
	kv_add_bool(args, "dry_run", s->c->dry_run);
}

/* Puts what has failed before the recorded error: the location, or nothing if it is about all. */
static int snap_blame(const struct snap_run *s, int which)
{
	if (which >= 0 && which < s->c->count)
		return err_wrap("%s", s->loc[which].text);
	return s->loc[0].host ? err_wrap("%s", s->loc[0].host) : -1;
}

static int snap_ask(const struct snap_run *s, struct peer *p, struct kv *reply)
{
	struct buf args = BUF_INIT;
	int r, has, which = s->c->count == 1 ? 0 : -1;
	struct kv record;
	uint64_t n;

	snap_request(s, &args);
	r = peer_request(p, "snap", &args) < 0 ? -1 : 1;
	buf_fini(&args);
	while (r == 1 && (r = peer_answer(p, &record)) == 1) {
		has = kv_get_u64(&record, "failed", &n);
		kv_fini(&record);
		if (has < 0)
			r = -1;
		else if (has && n < (uint64_t)s->c->count)
			which = (int)n;
	}
	if (r == 0)
		*reply = record;
	return r < 0 ? snap_blame(s, which) : 0;
}

/* Microseconds as seconds, or null if that is not known. */
static json_t *snap_seconds(bool is_known, uint64_t us)
{
	return is_known ? json_real((double)us / 1000000) : json_null();
}

/* What is told of all snapshots. */
struct snap_times {
	bool has_apart, has_paused;
	uint64_t apart_us;  /* between the first and the last, if nothing was paused */
	uint64_t paused_us; /* the guest was paused */
};

static int snap_show_one(struct snap_run *s, const struct location *loc, const char *path,
	const struct snap_times *t)
{
	char *text = location_at(loc, path);
	json_t *o;

	if (!text)
		return -1;
	if (!s->c->json)
		cli_print(s->c, "%s", text);
	o = results_object(loc->text);
	json_set_text(o, "snapshot", text);
	json_set_text(o, "path", path);
	json_object_set_new(o, "apart", snap_seconds(t->has_apart, t->apart_us));
	json_object_set_new(o, "paused", snap_seconds(t->has_paused, t->paused_us));
	free(text);
	return results_add(&s->results, o);
}

static int snap_show(struct snap_run *s, const struct kv *reply)
{
	bool has_guest = s->options->qmp || s->options->libvirt;
	struct snap_times t = { .has_apart = s->c->count > 1 && !s->c->dry_run && !has_guest };
	const char *path;
	size_t at = 0;
	int i, has;

	has = kv_get_u64(reply, "paused_us", &t.paused_us);
	if (has < 0 || kv_get_u64(reply, "apart_us", &t.apart_us) < 0)
		return -1;
	t.has_paused = has;
	for (i = 0; i < s->c->count; i++) {
		path = kv_each(reply, "path", &at);
		if (!path)
			return err_set(ST_PEER, "protocol error: a snapshot without a path");
		if (snap_show_one(s, &s->loc[i], path, &t) < 0)
			return -1;
	}
	if (t.has_apart)
		host_snapshots_tell_apart(NULL, t.apart_us);
	return 0;
}

static int snap_all(struct snap_run *s)
{
	struct kv reply = KV_INIT;
	struct peer *p;
	int r;

	if (snap_parse(s) < 0)
		return -1;
	p = peer_open(&s->loc[0], &s->c->peer);
	r = p ? snap_ask(s, p, &reply) : snap_blame(s, 0);
	results_begin(&s->results, s->c, s->c->count);
	if (r == 0)
		r = snap_show(s, &reply);
	peer_close(p);
	kv_fini(&reply);
	return results_end(&s->results) < 0 ? -1 : r;
}

int snap_end(struct cli *c, const struct snap_options *o, int r)
{
	struct snap_run s = { .c = c, .options = o };
	int i;

	s.loc = calloc((size_t)c->count, sizeof(*s.loc));
	if (r == 0)
		r = s.loc ? snap_all(&s) : err_set(ST_FAILED, "out of memory");
	for (i = 0; s.loc && i < c->count; i++)
		location_fini(&s.loc[i]);
	free(s.loc);
	return cli_end(c, r);
}
