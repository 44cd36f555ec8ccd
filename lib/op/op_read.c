/*
 * read: sends the blocks of an image, after the client has prepared the target.
 *	RECORD  the source (reading.h)
 *	GO      from the client, which may also close the connection here
 *	DATA, HOLE ... END
 *	OK      counts of what was sent (op_reply_stats())
 */
#include "lib/flow/sink.h"
#include "lib/op/op.h"
#include "lib/op/reading.h"

int op_read(struct session *s, const struct kv *request, struct buf *reply)
{
	struct flow_options opt;
	struct flow_stats stats;
	struct buf record = BUF_INIT;
	struct reading_want want;
	struct reading from;
	struct sink *sink = NULL;
	int r = -1;

	op_flow_options(s, request, &opt);
	reading_want_parse(&want, request, "path");
	if (reading_open(&from, s, &want) < 0)
		return -1;
	reading_describe(&from, &record);
	if (op_record(s, &record) < 0 || op_wait_for_go(s) < 0)
		goto out;
	sink = sink_wire(s->conn, false);
	if (!sink || flow_run(from.source, sink, &opt, &stats) < 0)
		goto out;
	op_reply_stats(reply, &stats);
	r = reading_check(&from) < 0 ? -1 : reading_finish(&from);
out:
	sink_free(sink);
	buf_fini(&record);
	reading_close(&from);
	return r;
}
