/*
 * Checks arbitrary bytes as a qcow2 layer.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/format/qcow2_bitmaps.h"
#include "lib/format/qcow2_check.h"

#define BUDGET (UINT64_C(32) << 20)
#define WINDOW 1000 /* clusters */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_check(bool good)
{
	if (!good)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct qcow2_check small = { 0 }, large = { 0 };
	struct qcow2 q;
	int fd, r, s;

	err_clear();
	if (qcow2_parse(&q, data, size < QCOW2_HEADER_MAX ? size : QCOW2_HEADER_MAX) < 0)
		return 0;
	fd = memfd_create("fuzz", MFD_CLOEXEC);
	fuzz_check(fd >= 0 && io_pwrite(fd, data, size, 0) == 0);
	fuzz_check(qcow2_bitmaps_open(&q, fd, size) >= 0 || err_status() == ST_CORRUPT);
	err_clear();
	r = qcow2_check_by(&q, fd, size, WINDOW, BUDGET, &small);
	fuzz_check(r == 0 || err_status() == ST_CORRUPT || err_status() == ST_FAILED);
	if (r == 0 || err_status() == ST_CORRUPT) {
		s = qcow2_check_by(&q, fd, size, UINT64_C(1) << 20, BUDGET, &large);
		/* The window does not change the verdict. */
		fuzz_check(r == s && small.leaks == large.leaks);
	}
	close(fd);
	return 0;
}
