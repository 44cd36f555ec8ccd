/*
 * digest: reads all of an image and computes its digest.
 *	OK  format, compression, capacity, data_bytes, digest, content (the digest without the
 *	    length); recorded=1: it is an archive that stores length and digest, and they agree;
 *	    data_file (reading.h)
 * With format_only, of an image that is not read and may be in use:
 *	OK  format, compression; neither if a header is damaged
 */
#include "lib/base/err.h"
#include "lib/flow/sink.h"
#include "lib/format/content.h"
#include "lib/op/op.h"
#include "lib/op/reading.h"
#include "lib/store/backend.h"
#include "lib/store/image.h"

/* What reading_open() would make of the image, which a later request opens for reading. */
static int digest_format(struct session *s, const struct kv *request, struct buf *reply)
{
	struct place *place = place_open(&s->policy, kv_get(request, "path"));
	struct image *img = place ? image_open(place) : NULL;
	const struct content *c;

	if (!img)
		return -1;
	c = image_content(img);
	err_clear(); /* that request also says what is damaged */
	if (c && !*c->damaged) {
		kv_add(reply, "format", c->format);
		kv_add(reply, "compression", c->is_archive ? "lzo" : NULL);
	}
	image_close(img);
	return 0;
}

int op_digest(struct session *s, const struct kv *request, struct buf *reply)
{
	struct flow_options opt;
	struct flow_stats stats;
	struct reading_want want;
	struct reading from;
	struct sink *null = NULL;
	char hex[HASH_HEX];
	int r = -1;

	if (op_flag(request, "format_only"))
		return digest_format(s, request, reply);
	op_flow_options(s, request, &opt);
	reading_want_parse(&want, request, "path");
	want.must_parse = true; /* whether it can be parsed is the question */
	if (reading_open(&from, s, &want) < 0)
		return -1;
	null = sink_null();
	if (!null || flow_run(from.source, null, &opt, &stats) < 0 || reading_check(&from) < 0)
		goto out;
	if (from.compressed && from.content)
		kv_add_bool(reply, "recorded", from.content->archive.header.has_length);
	kv_add(reply, "format", from.format);
	kv_add(reply, "compression", from.compressed ? "lzo" : NULL);
	kv_add_u64(reply, "capacity", stats.end.len);
	kv_add_u64(reply, "data_bytes", stats.end.data_bytes - stats.zero_bytes);
	kv_add(reply, "digest", hash_hex(&stats.end.digest, hex));
	kv_add(reply, "content", hash_hex(&stats.content, hex));
	reading_describe_files(&from, reply);
	r = 0;
out:
	sink_free(null);
	reading_close(&from);
	return r;
}
