/*
 * copy: copies an image within this host.
 *	RECORD  the source (reading.h)
 *	RECORD  path of the target, as resolved
 *	RECORD  failed=source, if an error that follows concerns the source
 *	RECORD  counts (op_reply_stats()), when the target is synced to disk; consistent, as the
 *		source's, but at its end; cloned=1: the storage shares the blocks; has_digest=1: a
 *		digest was computed
 *	GO      from the client, unless it was interrupted; or it closes the connection
 *	OK      the image is complete
 * In a dry run OK follows the second RECORD.
 *
 * The client is asked because it alone gets the signals: a ^C ends the program that writes to
 * standard input, too, and the end of that input must not be taken for the end of the image.
 */
#include "lib/op/op.h"
#include "lib/op/reading.h"
#include "lib/op/writing.h"

#include "lib/flow/sink.h"

/*
 * The file whose bytes the target gets, if there is one; else NULL: what a guest sees in a qcow2
 * image (from->disk) has no file.
 */
static const struct image *copied_file(const struct reading *from)
{
	return from->disk || from->compressed ? NULL : from->img;
}

/*
 * Lets the target share the source's blocks.  Then there is nothing to compare, and the digest is
 * computed only on request.  1: cloned; 0: not possible; -1 recorded.
 */
static int clone_image(struct reading *from, struct writing *to, const struct flow_options *opt,
	bool want_digest, struct flow_stats *stats)
{
	const struct image *file = copied_file(from);
	struct sink *null;
	int r;

	if (!file || to->is_archive || !to->target)
		return 0;
	r = target_clone(to->target, file);
	if (r <= 0)
		return r;
	stats->end.len = file->len;
	if (!want_digest)
		return 1;
	null = sink_null();
	r = null ? flow_run(from->source, null, opt, stats) : -1;
	sink_free(null);
	return r < 0 ? -1 : 1;
}

/* Tells the client that the recorded error, which is kept, concerns the source. */
static void report_source_failed(struct session *s)
{
	struct buf record = BUF_INIT;
	struct err e;

	err_take(&e);
	kv_add(&record, "failed", "source");
	op_record(s, &record);
	buf_fini(&record);
	err_put(&e);
}

static int copy_data(struct session *s, const struct kv *request, struct reading *from,
	struct writing *to, struct buf *counts)
{
	struct flow_stats stats = { .source_failed = false };
	bool want_digest = op_flag(request, "want_digest");
	struct flow_options opt;
	unsigned none;
	int cloned;

	op_flow_options(s, request, &opt);
	cloned = clone_image(from, to, &opt, want_digest, &stats);
	if (cloned < 0 || (!cloned && flow_run(from->source, to->sink, &opt, &stats) < 0)) {
		if (stats.source_failed)
			report_source_failed(s);
		return -1;
	}
	/* The source is checked for the last time before the client is asked. */
	if (reading_check(from) < 0 || reading_finish(from) < 0) {
		report_source_failed(s);
		return -1;
	}
	if (writing_settle(to) < 0)
		return -1;
	buf_clear(counts);
	op_reply_stats(counts, &stats);
	kv_add_bool(counts, "consistent", from->consistent);
	kv_add_bool(counts, "cloned", cloned);
	kv_add_bool(counts, "has_digest", !cloned || want_digest);
	if (op_record(s, counts) < 0 || op_wait_for_go(s, &none) < 0)
		return -1;
	return writing_commit(to);
}

int op_copy(struct session *s, const struct kv *request, struct buf *reply)
{
	struct buf record = BUF_INIT;
	struct reading_want source;
	struct writing_want target;
	struct reading from;
	struct writing to = { .target = NULL };
	int r = -1;

	(void)reply;
	reading_want_parse(&source, request, "source");
	writing_want_parse(&target, request);
	if (reading_open(&from, s, &source) < 0)
		return -1;
	reading_describe(&from, &record);
	if (op_record(s, &record) < 0)
		goto out;
	target.target.source = copied_file(&from);
	target.target.source_id = *from.id ? from.id : NULL;
	target.target.len = from.source->len;
	target.compressed = from.compressed;
	target.format = from.format;
	target.mtime = from.mtime;
	if (writing_open(&to, s, &target) < 0)
		goto out;
	buf_clear(&record);
	kv_add(&record, "path", to.path);
	kv_add_bool(&record, "replaces", to.replaces);
	if (op_record(s, &record) < 0)
		goto out;
	r = to.sink ? copy_data(s, request, &from, &to, &record) : 0;
out:
	writing_abort(&to);
	reading_close(&from);
	buf_fini(&record);
	return r;
}
