/*
 * Looks for the end of what a qcow2 layer uses, and for what it has behind its disk, in arbitrary
 * bytes.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/format/qcow2_tables.h"
#include "lib/format/qcow2_tail.h"
#include "lib/format/qcow2_watermark.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_check(bool good)
{
	if (!good)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct qcow2_tail tail;
	struct qcow2 q;
	uint64_t end;
	int fd;

	err_clear();
	if (qcow2_parse(&q, data, size < QCOW2_HEADER_MAX ? size : QCOW2_HEADER_MAX) < 0)
		return 0;
	fd = memfd_create("fuzz", MFD_CLOEXEC);
	fuzz_check(fd >= 0 && io_pwrite(fd, data, size, 0) == 0);
	if (qcow2_watermark(&q, fd, size, &end) == 0) {
		fuzz_check(end >= q.cluster_size && end % q.cluster_size == 0);
		fuzz_check(end - q.cluster_size < size);
	} else {
		fuzz_check(err_status() == ST_CORRUPT);
	}
	err_clear();
	if (qcow2_tables_check(&q, fd, size) == 0 && qcow2_tail_read(&tail, &q, fd, size) == 0)
		fuzz_check(!tail.ends_in_backing || q.size % q.cluster_size);
	else
		fuzz_check(err_status() == ST_CORRUPT);
	fuzz_check(qcow2_tail_limit(&q) > 0 && qcow2_tail_limit(&q) <= INT64_MAX);
	close(fd);
	return 0;
}
