/*
 * archive, unarchive: replaces an image file by its lzop file, or the reverse.
 *	RECORD  path of the new file; capacity of the image; backing, data_file (reading.h)
 *	OK      counts (op_reply_stats()); kept=1: the original was kept, contrary to the request
 *
 * The original is removed last, when the new file has its name and is synced to disk.  An
 * archive that is to replace its image is decoded before that.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/flow/sink.h"
#include "lib/flow/source.h"
#include "lib/format/content.h"
#include "lib/op/op.h"
#include "lib/op/reading.h"
#include "lib/op/writing.h"
#include "lib/store/backend.h"

#define SUFFIX ".lzo"

struct swap {
	struct reading from; /* the original */
	struct writing to;
	struct change_want change; /* how the original is removed */
	bool pack, keep, as_is, sparse, dry_run;
};

/* The name of the new file.  The caller frees it.  NULL recorded. */
static char *new_name(const char *name, bool pack)
{
	size_t n = strlen(name), m = strlen(SUFFIX);
	char *out = NULL;

	if (pack) {
		if (asprintf(&out, "%s%s", name, SUFFIX) < 0)
			out = NULL;
	} else if (n <= m || strcmp(name + n - m, SUFFIX) != 0) {
		err_set(ST_REFUSED, "its name does not end in %s", SUFFIX);
		return NULL;
	} else {
		out = strndup(name, n - m);
	}
	if (!out)
		err_set(ST_FAILED, "out of memory");
	return out;
}

/* Makes the checks of the original that need no data. */
static int check_original(const struct swap *w, const struct place *p)
{
	struct change_want try = w->change;

	try.dry_run = true;
	if (!p->backend->can_archive)
		return err_set(
			ST_REFUSED, "is a %s, and only files become archives", p->backend->kind);
	if (p->is_link)
		return err_set(ST_REFUSED, "is a symbolic link");
	return w->keep ? 0 : p->backend->remove(p, &try);
}

/* An archive of the file with the header would be without the data. */
static int refuse_split(const struct reading *from)
{
	const char *name;
	size_t at = 0;

	name = from->content ? content_next_file(from->content, &at) : NULL;
	if (!name)
		return 0;
	return err_set(ST_REFUSED,
		"needs its external data file%s%s%s, which is not archived (see --keep)",
		*name ? " '" : "", name, *name ? "'" : "");
}

static int open_original(struct swap *w, struct session *s, const char *path)
{
	/* Only a copy, whose original stays, may be of what cannot be understood. */
	const struct reading_want want = {
		.path = path, .as_is = w->as_is, .must_parse = !w->keep, .must_unpack = !w->pack
	};
	struct place *p = place_open(&s->policy, path);

	if (!p || check_original(w, p) < 0) {
		place_close(p);
		return -1;
	}
	if (reading_open_place(&w->from, s, p, &want) < 0)
		return -1;
	if (w->pack == w->from.compressed)
		return err_set(
			ST_REFUSED, w->pack ? "is an archive already" : "is not an lzop archive");
	return w->pack && !w->keep ? refuse_split(&w->from) : 0;
}

static int open_new(struct swap *w, struct session *s)
{
	struct writing_want want = { .archive = w->pack, .compressed = w->from.compressed };
	const struct place *original = w->from.img->place;
	char *name = new_name(original->name, w->pack);
	struct place *place = name ? original->backend->beside(original, name) : NULL;
	struct buf record = BUF_INIT;
	int r = -1;

	want.target.len = w->from.source->len;
	want.target.fsync = true;
	want.target.sparse = w->sparse;
	want.target.dry_run = w->dry_run;
	want.target.like = w->from.img;
	want.mode = w->from.img->st.st_mode & 0777;
	want.mtime = w->from.mtime;
	if (place && writing_open_place(&w->to, place, &want) == 0) {
		kv_add(&record, "path", w->to.path);
		kv_add_u64(&record, "capacity", w->from.source->len);
		kv_add(&record, "backing", reading_backing(&w->from));
		reading_describe_files(&w->from, &record);
		r = op_record(s, &record);
	} else if (place) {
		err_wrap("'%s'", name); /* without a place the error names it already */
	}
	buf_fini(&record);
	free(name);
	return r;
}

/* Decodes the new archive, whose image must have the digest that was computed of the original. */
static int check_new_archive(
	const struct swap *w, const struct flow_options *opt, const struct flow_stats *original)
{
	const struct flow_options how = { .jobs = opt->jobs, .digest = true };
	struct source *from = NULL;
	struct sink *null = sink_null();
	struct flow_stats stats;
	int r = -1, fd = null ? target_rewind(w->to.target) : -1;

	if (fd >= 0)
		from = source_archive(fd, NULL, 0, w->from.source->len);
	if (from)
		r = flow_run(from, null, &how, &stats);
	if (r == 0 && !hash_equal(&stats.end.digest, &original->end.digest))
		r = err_set(ST_CORRUPT, "its content is not that of the original");
	source_free(from);
	sink_free(null);
	return r < 0 ? err_wrap("the new archive") : 0;
}

static int convert_file(struct swap *w, const struct flow_options *opt, struct buf *reply)
{
	const struct place *original = w->from.img->place;
	struct flow_stats stats;

	if (flow_run(w->from.source, w->to.sink, opt, &stats) < 0 || writing_settle(&w->to) < 0)
		return -1;
	if (w->pack && !w->keep && check_new_archive(w, opt, &stats) < 0)
		return -1;
	if (reading_check(&w->from) < 0 || writing_commit(&w->to) < 0)
		return -1;
	op_reply_stats(reply, &stats);
	if (w->keep)
		return 0;
	if (!w->pack && !w->from.content->archive.header.has_length) {
		log_note("%s: the archive records neither length nor digest, so it is kept",
			original->path);
		kv_add_bool(reply, "kept", true);
		return 0;
	}
	w->change.read = w->from.img; /* what was written to it since is nowhere else */
	return original->backend->remove(original, &w->change) < 0 ? err_wrap("the original") : 0;
}

static int replace_file(struct session *s, const struct kv *request, struct buf *reply, bool pack)
{
	struct swap w = { .pack = pack,
		.keep = op_flag(request, "keep"),
		.as_is = op_flag(request, "as_is"),
		.sparse = op_flag(request, "sparse"),
		.dry_run = op_flag(request, "dry_run"),
		.change.allow_links = op_flag(request, "allow_links"),
		.change.is_archive = !pack };
	struct flow_options opt;
	int r = -1;

	op_flow_options(s, request, &opt);
	if (open_original(&w, s, kv_get(request, "path")) == 0 && open_new(&w, s) == 0)
		r = w.dry_run ? 0 : convert_file(&w, &opt, reply);
	writing_abort(&w.to);
	reading_close(&w.from);
	return r;
}

int op_archive(struct session *s, const struct kv *request, struct buf *reply)
{
	return replace_file(s, request, reply, true);
}

int op_unarchive(struct session *s, const struct kv *request, struct buf *reply)
{
	return replace_file(s, request, reply, false);
}
