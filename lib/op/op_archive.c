/*
 * archive, unarchive: an image file and its lzop file take each other's place.
 *	REQUEST op=archive or unarchive, path, keep, allow_links, dry_run, jobs,
 *	        bwlimit, progress
 *	RECORD  path, of the new file; capacity, of the image
 *	OK      counts; kept=1 if the original is still there though it was to go
 *
 * The original goes last, when the new file has its name and is on disk.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/op/op.h"
#include "lib/op/reading.h"
#include "lib/op/writing.h"
#include "lib/store/existing.h"
#include "lib/store/naming.h"
#include "lib/store/probe.h"
#include "lib/store/store.h"

#define SUFFIX ".lzo"

struct swap {
	struct place place; /* of the original */
	struct stat st;
	struct reading from;
	struct writing to;
	bool pack, recorded;
	bool keep, links, dry;
};

/* The other file's path.  The caller frees it.  NULL recorded. */
static char *other_path(const struct swap *w, const char *path)
{
	size_t n = strlen(path), m = strlen(SUFFIX);
	char *out = NULL;

	if (w->pack) {
		if (asprintf(&out, "%s%s", path, SUFFIX) < 0)
			out = NULL;
	} else if (n <= m || strcmp(path + n - m, SUFFIX) != 0 || path[n - m - 1] == '/') {
		err_set(ST_REFUSED, "its name does not end in %s, which would be taken off",
			SUFFIX);
		return NULL;
	} else {
		out = strndup(path, n - m);
	}
	if (!out)
		err_set(ST_FAILED, "out of memory");
	return out;
}

/* All that can be refused of the original. */
static int open_original(struct swap *w, struct session *s, const char *path)
{
	const struct reading_want want = { .path = path };
	struct probe_archive a;
	int fd;

	if (place_open(&w->place, &s->limits, path) < 0)
		return -1;
	if (!w->place.store->has_files)
		return err_set(ST_REFUSED, "is a volume, and only files become archives");
	fd = existing_open(&w->place, O_RDONLY, w->links, &w->st);
	if (fd < 0)
		return -1;
	close(fd);
	if (!w->keep && existing_check_fixed(w->place.dir, w->place.name, w->dry) < 0)
		return -1;
	if (reading_open(&w->from, s, &want) < 0)
		return -1;
	if (w->from.img.st.st_dev != w->st.st_dev || w->from.img.st.st_ino != w->st.st_ino)
		return err_set(ST_BUSY, "was replaced while it was looked at");
	if (w->pack == w->from.compressed)
		return err_set(
			ST_REFUSED, w->pack ? "is an archive already" : "is no lzop archive");
	if (w->pack)
		return 0;
	if (probe_archive_open(&w->from.img, &a) < 0)
		return -1;
	w->recorded = a.header.has_length;
	return 0;
}

static int open_other(struct swap *w, struct session *s, const char *path)
{
	struct writing_want want = { .archive = w->pack, .compressed = w->from.compressed };
	struct buf record = BUF_INIT;
	char *other = other_path(w, path);
	int r = -1;

	if (!other)
		return -1;
	want.path = other;
	want.target.len = w->from.source->len;
	want.target.fsync = true;
	want.target.dry_run = w->dry;
	want.target.like = w->from.img.fd;
	if (writing_open(&w->to, s, &want) == 0) {
		kv_add(&record, "path", w->to.path);
		kv_add_u64(&record, "capacity", w->from.source->len);
		r = op_record(s, &record);
	} else {
		err_wrap("'%s'", other);
	}
	buf_fini(&record);
	free(other);
	return r;
}

/* The name must still be that of what was read. */
static int drop_original(struct swap *w)
{
	struct stat now;

	if (fstatat(w->place.dir, w->place.name, &now, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys("cannot look at the original");
	if (now.st_dev != w->st.st_dev || now.st_ino != w->st.st_ino)
		return err_set(ST_BUSY, "the original was replaced meanwhile, and is left");
	if (unlinkat(w->place.dir, w->place.name, 0) < 0)
		return err_sys("cannot remove the original");
	return naming_sync(w->place.dir) < 0
		       ? err_sys("cannot bring the directory to stable storage")
		       : 0;
}

static int convert(struct swap *w, const struct flow_options *opt, struct buf *reply)
{
	struct flow_stats stats;

	if (flow_run(w->from.source, w->to.sink, opt, &stats) < 0 || writing_commit(&w->to) < 0)
		return -1;
	op_reply_stats(reply, &stats);
	if (w->keep)
		return 0;
	if (!w->pack && !w->recorded) {
		log_note("the archive records neither length nor digest, so it is kept");
		kv_add_bool(reply, "kept", true);
		return 0;
	}
	return drop_original(w);
}

static int run(struct session *s, const struct kv *request, struct buf *reply, bool pack)
{
	struct swap w = { .pack = pack, .place = { .dir = -1 } };
	const char *path = kv_get(request, "path");
	struct flow_options opt;
	int r = -1;

	w.keep = op_flag(request, "keep");
	w.links = op_flag(request, "allow_links");
	w.dry = op_flag(request, "dry_run");
	op_flow_options(s, request, &opt);
	if (open_original(&w, s, path) == 0 && open_other(&w, s, path) == 0)
		r = w.dry ? 0 : convert(&w, &opt, reply);
	writing_abort(&w.to);
	reading_close(&w.from);
	place_close(&w.place);
	return r;
}

int op_archive(struct session *s, const struct kv *request, struct buf *reply)
{
	return run(s, request, reply, true);
}

int op_unarchive(struct session *s, const struct kv *request, struct buf *reply)
{
	return run(s, request, reply, false);
}
