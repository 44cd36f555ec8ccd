/*
 * Parses arbitrary bytes as the start of a qcow2 image.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/format/qcow2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct qcow2 q;
	unsigned i;

	err_clear();
	if (qcow2_parse(&q, data, size) != 0) {
		check(err_status() == ST_CORRUPT);
		return 0;
	}
	check(qcow2_is(data, size) && (q.version == 2 || q.version == 3));
	check(q.cluster_size >= 512 && q.cluster_size <= 2097152);
	check((q.cluster_size & (q.cluster_size - 1)) == 0 && q.size <= INT64_MAX);
	check(q.kept <= q.cluster_size + 8 && qcow2_backing_room(&q, 5) <= QCOW2_BACKING_MAX);
	check(memchr(q.backing, '\0', sizeof(q.backing)));
	check(memchr(q.backing_format, '\0', sizeof(q.backing_format)));
	check(q.version == 3 || (q.incompatible | q.compatible | q.autoclear) == 0);
	for (i = 0; i < QCOW2_FEATURES; i++)
		if (qcow2_feature(&q, i))
			check((i < 64 ? q.incompatible >> i : q.compatible >> (i - 64)) & 1);
	return 0;
}
