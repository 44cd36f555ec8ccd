/*
 * reading: all checks of a source are made before any data is read.
 */
#include "lib/op/reading.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/base/size.h"
#include "lib/flow/inlet.h"
#include "lib/flow/source.h"
#include "lib/format/content.h"
#include "lib/op/hook.h"
#include "lib/store/backend.h"

/* Standard input is recognised by its first bytes, and read as a stream. */
static int open_stdin(struct reading *r)
{
	uint8_t head[STREAM_HEAD_MAX];
	struct inlet in;
	const uint8_t *p;
	ssize_t n;

	r->consistent = true;
	if (inlet_init(&in, STDIN_FILENO, NULL, 0) < 0)
		return -1;
	n = inlet_read(&in, head, sizeof(head));
	inlet_fini(&in);
	if (n < 0)
		return -1;
	p = head;
	r->compressed = lzop_is(p, (size_t)n);
	r->format = content_format_of(p, (size_t)n);
	r->source = r->compressed ? source_archive(STDIN_FILENO, head, (size_t)n, FLOW_LEN_UNKNOWN)
				  : source_stream(STDIN_FILENO, head, (size_t)n);
	if (r->source && (!r->compressed || source_archive_format(r->source, &r->format) == 0))
		return 0;
	reading_close(r);
	return -1;
}

static int refuse_unfinished(struct image *img)
{
	int is = img->ops->is_unfinished(img);

	if (is > 0)
		err_set(ST_CORRUPT, "is unfinished: the last write to it was interrupted");
	return is ? -1 : 0;
}

static int refuse_used(struct reading *r, bool live)
{
	struct inuse u;
	int ret;

	if (!live) {
		ret = image_hold(r->img);
		if (ret < 0 && (err_status() == ST_BUSY || err_status() == ST_REFUSED))
			err_set(err_status(), "%s (see --live)", err_text());
		r->consistent = true;
		return ret;
	}
	ret = r->img->ops->use(r->img, &u);
	r->consistent = !u.writers;
	inuse_fini(&u);
	return ret;
}

static int open_content(struct reading *r)
{
	const struct content *c = image_content(r->img);

	if (!c)
		return -1;
	r->format = c->format;
	r->compressed = c->is_archive;
	if (c->is_archive) {
		if (lseek(r->img->fd, 0, SEEK_SET) < 0)
			return err_sys("cannot seek to the beginning");
		r->source = source_archive(r->img->fd, NULL, 0, c->archive.len);
	} else {
		snprintf(r->backing, sizeof(r->backing), "%s", c->qcow2.backing);
		r->source = source_image(r->img);
	}
	return r->source ? 0 : -1;
}

/* A value of the configuration; the user's file takes precedence. */
static const char *get_setting(const struct session *s, const char *key)
{
	const char *value = config_get(s->user, key);

	return value ? value : config_get(s->system, key);
}

static unsigned hook_seconds(const struct session *s)
{
	const char *value = get_setting(s, "snapshot.hook-timeout");

	return value ? (unsigned)strtoul(value, NULL, 10) : HOOK_SECONDS;
}

static int snapshot_defaults(struct snapshot_want *out, const struct session *s)
{
	const char *size = get_setting(s, "snapshot.size");
	int autoextend = config_bool(get_setting(s, "snapshot.autoextend"));

	out->autoextend = autoextend != 0;
	if (!size)
		return 0;
	if (size[strlen(size) - 1] != '%')
		return size_parse(size, &out->size);
	out->percent = (unsigned)strtoul(size, NULL, 10);
	return 0;
}

int reading_snapshot_want(
	struct snapshot_want *out, const struct session *s, uint64_t size, bool dry_run)
{
	char human[SIZE_HUMAN];

	memset(out, 0, sizeof(*out));
	if (snapshot_defaults(out, s) < 0)
		return -1;
	if (size > INT64_MAX / 2)
		return err_set(ST_NOROOM, "no snapshot can have %s", size_human(size, human));
	if (size)
		out->size = size;
	out->dry_run = dry_run;
	return 0;
}

/* Takes a snapshot of r->img, and reads that instead. */
static int take_snapshot(struct reading *r, const struct snapshot_want *w)
{
	if (snapshot_take(&r->snapshot, r->img, w) < 0)
		return -1;
	if (r->snapshot) {
		r->origin = r->img;
		r->img = r->snapshot->image;
	}
	return 0;
}

/* If the first command ran, which may freeze a guest, the second one runs, too, to thaw it. */
static int snapshot_with_hooks(
	struct reading *r, struct session *s, const struct reading_want *want)
{
	struct snapshot_want w;
	struct err e;
	int ret, post = 0;

	if (reading_snapshot_want(&w, s, want->snapshot_size, want->dry_run) < 0)
		return -1;
	r->consistent = true;
	if (want->dry_run)
		return take_snapshot(r, &w);
	ret = hook_run("pre-snapshot", want->pre, hook_seconds(s));
	if (ret == 0)
		ret = take_snapshot(r, &w);
	err_take(&e);
	if (want->pre || ret == 0)
		post = hook_run("post-snapshot", want->post, hook_seconds(s));
	if (ret < 0 && post < 0)
		log_warn("%s", err_text());
	if (ret < 0 || post == 0)
		err_put(&e);
	return ret < 0 || post < 0 ? -1 : 0;
}

void reading_want_parse(struct reading_want *w, const struct kv *request, const char *key)
{
	memset(w, 0, sizeof(*w));
	w->path = kv_get(request, key);
	w->live = op_flag(request, "live");
	w->snapshot = op_flag(request, "snapshot");
	w->snapshot_size = op_u64(request, "snapshot_size", 0);
	w->dry_run = op_flag(request, "dry_run");
	w->pre = kv_get(request, "pre");
	w->post = kv_get(request, "post");
}

int reading_open_place(
	struct reading *r, struct session *s, struct place *place, const struct reading_want *want)
{
	int ret;

	memset(r, 0, sizeof(*r));
	r->img = image_open(place);
	if (!r->img)
		return -1;
	r->img->may_change = want->live;
	if (place->backend->identify(place, r->id) < 0)
		r->id[0] = '\0';
	/* In use is checked before unfinished, since a job that is writing the image marks it. */
	if (want->snapshot)
		ret = refuse_unfinished(r->img) < 0 ? -1 : snapshot_with_hooks(r, s, want);
	else
		ret = refuse_used(r, want->live) < 0 ? -1 : refuse_unfinished(r->img);
	if (ret == 0 && open_content(r) == 0)
		return 0;
	reading_close(r);
	return -1;
}

int reading_open(struct reading *r, struct session *s, const struct reading_want *want)
{
	struct place *place;

	memset(r, 0, sizeof(*r));
	if (!want->path && s->has_stdio)
		return open_stdin(r);
	if (!want->path)
		return err_set(ST_REFUSED, "has no standard input here");
	place = place_open(&s->policy, want->path);
	return place ? reading_open_place(r, s, place, want) : -1;
}

int reading_check(struct reading *r)
{
	if (r->snapshot && snapshot_check(r->snapshot) < 0)
		return -1;
	return r->img ? image_check_end(r->img) : 0;
}

int reading_finish(struct reading *r)
{
	struct snapshot *snapshot = r->snapshot;

	if (!snapshot)
		return 0;
	r->snapshot = NULL;
	r->img = NULL; /* the snapshot's own */
	return snapshot_drop(snapshot);
}

void reading_close(struct reading *r)
{
	source_free(r->source);
	if (r->snapshot)
		snapshot_drop(r->snapshot);
	else
		image_close(r->img);
	image_close(r->origin);
	memset(r, 0, sizeof(*r));
}

void reading_describe_files(const struct reading *r, struct buf *record)
{
	const struct content *c = r->img ? image_content(r->img) : NULL;
	const char *name;
	size_t at = 0;

	while (c && (name = content_next_file(c, &at)))
		kv_add(record, "data_file", name);
}

void reading_describe(const struct reading *r, struct buf *record)
{
	if (r->source->len != FLOW_LEN_UNKNOWN)
		kv_add_u64(record, "capacity", r->source->len);
	if (r->img) {
		kv_add_u64(record, "physical", r->img->len);
		kv_add(record, "kind", r->img->kind);
		kv_add(record, "id", r->id);
	}
	kv_add(record, "format", r->format);
	kv_add(record, "compression", r->compressed ? "lzo" : NULL);
	kv_add_bool(record, "consistent", r->consistent);
	kv_add(record, "snapshot", r->snapshot ? r->snapshot->name : NULL);
	kv_add(record, "backing", r->backing[0] ? r->backing : NULL);
	reading_describe_files(r, record);
}
