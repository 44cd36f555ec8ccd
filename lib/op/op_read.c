/*
 * read: sends the blocks of an image, after the client has prepared the target.
 *	RECORD  the source (reading.h); token, if the request has lanes (data_lanes.h)
 *	GO      from the client, which may also close the connection here
 *	DATA, HOLE ... END; over data lanes also PROGRESS
 *	OK      counts of what was sent (op_reply_stats()); consistent, as the source's, but at its
 *		end
 */
#include "lib/flow/sink.h"
#include "lib/op/data_lanes.h"
#include "lib/op/op.h"
#include "lib/op/reading.h"

int op_read(struct session *s, const struct kv *request, struct buf *reply)
{
	struct flow_options opt;
	struct flow_stats stats;
	struct data_lanes lanes = DATA_LANES_INIT;
	struct buf record = BUF_INIT;
	struct reading_want want;
	struct reading from;
	struct sink *sink = NULL;
	unsigned count;
	int r = -1;

	op_flow_options(s, request, &opt);
	reading_want_parse(&want, request, "path");
	if (reading_open(&from, s, &want) < 0)
		return -1;
	reading_describe(&from, &record);
	data_lanes_offer(&lanes, request, &record);
	if (op_record(s, &record) < 0 || op_wait_for_go(s, &count) < 0 ||
		data_lanes_begin(&lanes, s, count) < 0)
		goto out;
	if (count == 0)
		opt.progress = NULL; /* who passes the blocks on can see it */
	sink = sink_wire(&lanes.lanes, false);
	if (!sink || flow_run(from.source, sink, &opt, &stats) < 0)
		goto out;
	op_reply_stats(reply, &stats);
	r = reading_check(&from);
	kv_add_bool(reply, "consistent", from.consistent);
	if (r == 0)
		r = reading_finish(&from);
out:
	sink_free(sink);
	data_lanes_end(&lanes);
	buf_fini(&record);
	reading_close(&from);
	return r;
}
