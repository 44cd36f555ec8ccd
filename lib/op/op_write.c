/*
 * write: creates or fills an image with the blocks that the client sends.
 *	RECORD  path, as resolved; token, if the request has lanes (data_lanes.h); in a dry run, OK
 *		follows
 *	GO      from the client, if there was a token
 *	DATA, HOLE ... END	from the client; over data lanes PROGRESS is sent meanwhile
 *	RECORD  counts of what was written (op_reply_stats()), when that is synced to disk
 *	GO      from the client, after the source's OK; or it closes the connection
 *	OK      the image is complete
 */
#include <string.h>

#include "lib/flow/source.h"
#include "lib/op/data_lanes.h"
#include "lib/op/op.h"
#include "lib/op/writing.h"

int op_write(struct session *s, const struct kv *request, struct buf *reply)
{
	struct data_lanes lanes = DATA_LANES_INIT;
	struct source *source = NULL;
	struct block *first = NULL;
	struct buf record = BUF_INIT;
	struct flow_options opt;
	struct flow_stats stats;
	struct writing_want want;
	struct writing to;
	unsigned count = 0, none;
	int r = -1;

	(void)reply;
	op_flow_options(s, request, &opt);
	writing_want_parse(&want, request);
	if (writing_open(&to, s, &want) < 0)
		return -1;
	/* Who sends an archive has computed its digest: to compare the coded blocks is enough. */
	opt.coded_digest = to.is_archive;
	opt.digest = !to.is_archive;
	kv_add(&record, "path", to.path);
	kv_add_bool(&record, "replaces", to.replaces);
	if (to.sink)
		data_lanes_offer(&lanes, request, &record);
	if (op_record(s, &record) < 0)
		goto out;
	if (!to.sink) {
		r = 0;
		goto out;
	}
	if ((lanes.is_offered && op_wait_for_go(s, &count) < 0) ||
		data_lanes_begin(&lanes, s, count) < 0)
		goto out;
	if (count == 0)
		opt.progress = NULL; /* who passes the blocks on can see it */
	source = source_wire(&lanes.lanes, want.target.len);
	if (!source || (want.in_place && source_wire_peek(source, &first) < 0) ||
		writing_judge(&to, &want, first) < 0 ||
		flow_run(source, to.sink, &opt, &stats) < 0 || writing_settle(&to) < 0)
		goto out;
	buf_clear(&record);
	op_reply_stats(&record, &stats);
	if (op_record(s, &record) < 0 || op_wait_for_go(s, &none) < 0)
		goto out;
	r = writing_commit(&to);
out:
	writing_abort(&to);
	source_free(source);
	data_lanes_end(&lanes);
	buf_fini(&record);
	return r;
}
