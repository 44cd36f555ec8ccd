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
#include "lib/flow/source.h"
#include "lib/format/content.h"
#include "lib/op/reading_stdin.h"
#include "lib/op/snapping.h"
#include "lib/store/backend.h"
#include "lib/store/disk_image.h"

int reading_accept_damaged(const struct content *c, const struct reading_want *want)
{
	if (!*c->damaged || want->as_is)
		return 0;
	if (want->must_unpack || want->flatten)
		return err_set(ST_CORRUPT, "%s", c->damaged);
	if (want->must_parse)
		return err_set(ST_CORRUPT, "%s (see --as-is)", c->damaged);
	log_warn("warning: %s: copied as it is: %s", want->path ? want->path : "-", c->damaged);
	return 0;
}

int reading_refuse_unfinished(struct image *img, bool as_is)
{
	if (as_is && img->place->backend->marks_content)
		return 0;
	return image_refuse_unfinished(img);
}

/*
 * Notes whether img is in use.  If it is not, reading_check() finds out whether it came into use.
 * 0, or -1 recorded.
 */
static int watch(struct reading *r, struct image *img)
{
	struct inuse u;
	int ret;

	if (img->ops->hold)
		img->ops->hold(img);
	ret = img->ops->use(img, &u);
	r->consistent = r->watched = ret == 0 && !u.writers;
	inuse_fini(&u);
	return ret;
}

static int refuse_used(struct reading *r, bool live)
{
	int ret;

	if (!live) {
		ret = image_hold(r->img);
		if (ret < 0 && (err_status() == ST_BUSY || err_status() == ST_REFUSED))
			err_set(err_status(), "%s (see --live)", err_text());
		r->consistent = true;
		return ret;
	}
	return watch(r, r->img);
}

/* Of a file, the space that it takes tells how much of it is data. */
static uint64_t data_len_of(struct image *img)
{
	uint64_t bytes;

	if (S_ISREG(img->st.st_mode) && img->ops->allocated(img, &bytes) == 0)
		return bytes;
	err_clear();
	return 0;
}

static uint64_t file_mtime(const struct image *img)
{
	return S_ISREG(img->st.st_mode) && img->st.st_mtim.tv_sec > 0
		       ? (uint64_t)img->st.st_mtim.tv_sec
		       : 0;
}

static int open_archive(struct reading *r, const struct content *c)
{
	r->compressed = true;
	r->mtime = c->archive.header.mtime;
	r->format = c->format;
	if (lseek(r->img->fd, 0, SEEK_SET) < 0)
		return err_sys("cannot seek to the beginning");
	r->source = source_archive(r->img->fd, NULL, 0, c->archive.len);
	return r->source ? 0 : -1;
}

static int open_disk(struct reading *r)
{
	const struct image *named = r->origin ? r->origin : r->img;

	r->disk = disk_image_open(r->img, named->place);
	r->source = r->disk ? source_image(r->disk) : NULL;
	r->format = "raw";
	r->content = NULL; /* of the layers, nothing is told */
	if (!r->source)
		return -1;
	return r->watched ? watch(r, r->disk) : 0;
}

static int open_content(struct reading *r, const struct reading_want *want)
{
	const struct content *c = image_content(r->img);
	bool unpack = !want->as_is;

	r->content = c;
	r->mtime = file_mtime(r->origin ? r->origin : r->img);
	r->format = "raw";
	/* Of an archive that is not unpacked it does not matter whether it is damaged. */
	if (!c && (unpack || err_status() != ST_CORRUPT))
		return -1;
	if (c && reading_accept_damaged(c, want) < 0)
		return -1;
	if (c && c->is_archive && unpack && want->flatten && strcmp(c->format, "raw") != 0)
		return err_set(ST_REFUSED,
			"is an archive of a %s image, whose layers cannot be read (see "
			"img-unarchive)",
			c->format);
	if (c && c->is_archive && unpack)
		return open_archive(r, c);
	if (c && !c->is_archive && want->flatten && strcmp(c->format, "raw") != 0)
		return open_disk(r);
	r->is_packed = !c || c->is_archive || c->is_packed_disk;
	if (c && !c->is_archive)
		r->format = c->format;
	err_clear();
	r->source = source_image(r->img);
	if (!r->source)
		return -1;
	r->source->data_len = data_len_of(r->img);
	return 0;
}

/* Reads the snapshot of a set, which it takes over with the origin. */
static void use_snapshot(struct reading *r, struct snapping_member *m)
{
	r->origin = m->image;
	r->snapshot = m->snapshot;
	r->img = r->snapshot->image;
	r->consistent = true;
	m->image = NULL;
	m->snapshot = NULL;
}

/* Takes a snapshot of r->img, and reads that instead. */
static int take_snapshot(struct reading *r, struct session *s, const struct reading_want *want)
{
	struct image *img = r->img;
	struct snapping g;
	int ret = -1;

	r->consistent = true;
	if (snapping_init(&g, s, want->snapshot_size, false, want->dry_run) < 0)
		return -1;
	r->img = NULL;
	if (snapping_add(&g, img->place->path, img) == 0 &&
		snapping_pauses(&g, s, want->qmp, want->libvirt) == 0 &&
		snapping_take(&g, s, want->pre, want->post) == 0) {
		ret = 0;
		if (want->dry_run) {
			r->img = img;
			g.member[0].image = NULL;
		} else {
			use_snapshot(r, &g.member[0]);
		}
	}
	snapping_close(&g);
	return ret;
}

void reading_want_parse(struct reading_want *w, const struct kv *request, const char *key)
{
	memset(w, 0, sizeof(*w));
	w->path = kv_get(request, key);
	w->live = op_flag(request, "live");
	w->snapshot = op_flag(request, "snapshot");
	w->snapshot_size = op_u64(request, "snapshot_size", 0);
	w->taken = op_flag(request, "taken");
	w->dry_run = op_flag(request, "dry_run");
	w->as_is = op_flag(request, "as_is");
	w->flatten = op_flag(request, "flatten");
	w->must_parse = op_flag(request, "must_parse");
	w->stream_len = op_u64(request, "stream_size", FLOW_LEN_UNKNOWN);
	w->pre = kv_get(request, "pre");
	w->post = kv_get(request, "post");
	w->qmp = kv_get(request, "qmp");
	w->libvirt = kv_get(request, "libvirt");
}

static void reading_identify(struct reading *r, const struct place *place)
{
	if (place->backend->identify(place, r->id) < 0)
		r->id[0] = '\0';
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
	reading_identify(r, r->img->place); /* another one, if the name led to another file */
	/* In use is checked before unfinished, since a job that is writing the image marks it. */
	if (want->snapshot) {
		ret = reading_refuse_unfinished(r->img, want->as_is);
		if (ret == 0)
			ret = take_snapshot(r, s, want);
	} else {
		ret = refuse_used(r, want->live);
		if (ret == 0)
			ret = reading_refuse_unfinished(r->img, want->as_is);
	}
	if (ret == 0 && open_content(r, want) == 0)
		return 0;
	reading_close(r);
	return -1;
}

/* Reads the snapshot that an earlier request of this session has taken (op_snapshots.c). */
static int reading_open_taken(struct reading *r, struct session *s, const struct reading_want *want)
{
	struct snapping_member *m = s->taken ? snapping_find(s->taken, want->path) : NULL;

	if (!m)
		return err_set(ST_FAILED, "has no snapshot that was taken before");
	use_snapshot(r, m);
	reading_identify(r, r->origin->place);
	if (open_content(r, want) == 0)
		return 0;
	reading_close(r);
	return -1;
}

int reading_open(struct reading *r, struct session *s, const struct reading_want *want)
{
	struct place *place;

	memset(r, 0, sizeof(*r));
	if (!want->path && s->has_stdio)
		return reading_stdin_open(r, want);
	if (!want->path)
		return err_set(ST_REFUSED, "has no standard input here");
	if (want->taken)
		return reading_open_taken(r, s, want);
	place = place_open(&s->policy, want->path);
	return place ? reading_open_place(r, s, place, want) : -1;
}

/* What must stay as it is while it is read, with all its layers; NULL: standard input. */
static struct image *image_of(const struct reading *r)
{
	return r->disk ? r->disk : r->img;
}

/* Whether what may be in use came into use after all.  0, or -1 recorded: it is marked now. */
static int check_watched(struct reading *r)
{
	struct image *img = image_of(r);

	if (reading_refuse_unfinished(r->img, true) < 0)
		return -1;
	if (!img->ops->check_unwritten || img->ops->check_unwritten(img) == 0)
		return 0;
	if (err_status() != ST_CORRUPT)
		return -1;
	err_clear();
	r->consistent = false;
	return 0;
}

int reading_check(struct reading *r)
{
	struct image *img = image_of(r);

	if (r->watched && check_watched(r) < 0)
		return -1;
	if (r->snapshot && snapshot_check(r->snapshot) < 0)
		return -1;
	return img ? image_check_end(img) : 0;
}

int reading_finish(struct reading *r)
{
	struct snapshot *snapshot = r->snapshot;

	if (!snapshot)
		return 0;
	source_free(r->source); /* it reads the snapshot */
	r->source = NULL;
	image_close(r->disk);
	r->disk = NULL;
	r->snapshot = NULL;
	r->img = NULL; /* the snapshot's own */
	r->content = NULL;
	return snapshot_drop(snapshot);
}

void reading_close(struct reading *r)
{
	source_free(r->source);
	image_close(r->disk);
	if (r->snapshot)
		snapshot_drop(r->snapshot);
	else
		image_close(r->img);
	image_close(r->origin);
	free(r->stream);
	memset(r, 0, sizeof(*r));
}

/* Whether what is read is what the content tells of: not if an archive is read as it is. */
static bool is_told(const struct reading *r)
{
	return r->content && (r->compressed || !r->content->is_archive);
}

const char *reading_backing(const struct reading *r)
{
	const char *name;

	if (!is_told(r))
		return NULL;
	name = content_backing(r->content);
	return *name ? name : NULL;
}

void reading_describe_files(const struct reading *r, struct buf *record)
{
	const char *name;
	size_t at = 0;

	while (is_told(r) && (name = content_next_file(r->content, &at)))
		kv_add(record, "data_file", name);
}

void reading_describe(const struct reading *r, struct buf *record)
{
	if (r->source->len != FLOW_LEN_UNKNOWN)
		kv_add_u64(record, "capacity", r->source->len);
	if (r->source->data_len)
		kv_add_u64(record, "data", r->source->data_len);
	if (r->img) {
		kv_add_u64(record, "physical", r->img->len);
		kv_add(record, "kind", r->img->kind);
		kv_add(record, "id", r->id);
	}
	if (r->mtime)
		kv_add_u64(record, "mtime", r->mtime);
	kv_add(record, "format", r->format);
	kv_add(record, "compression", r->compressed ? "lzo" : NULL);
	if (r->is_packed)
		kv_add_bool(record, "packed", true);
	kv_add_bool(record, "consistent", r->consistent);
	kv_add(record, "snapshot", r->snapshot ? r->snapshot->name : NULL);
	kv_add(record, "backing", reading_backing(r));
	reading_describe_files(r, record);
}
