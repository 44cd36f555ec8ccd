/*
 * Maps arbitrary bytes as a qcow2 layer, and reads some of what the guest sees in it.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/format/qcow2_layer.h"

#define RUNS_MAX 3000
#define READS_MAX 8  /* of each kind */
#define RUN_MAX 4096 /* clusters */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_check(bool good)
{
	if (!good)
		abort();
}

/* The start of a run.  The layer counts as its own data file. */
static void read_run(struct qcow2_layer *l, const struct qcow2_run *run)
{
	static uint8_t bytes[65536];
	size_t n = run->len < sizeof(bytes) ? (size_t)run->len : sizeof(bytes);

	if (qcow2_layer_read(l, run, run->off, bytes, n) < 0)
		fuzz_check(run->kind == QCOW2_COMPRESSED && err_status() == ST_CORRUPT);
}

static void map_layer(struct qcow2_layer *l, const struct qcow2 *q, uint64_t size)
{
	uint64_t off = 0, max = (uint64_t)q->cluster_size * RUN_MAX, n;
	unsigned i, reads[QCOW2_COMPRESSED + 1] = { 0 };
	struct qcow2_run run;

	for (i = 0; i < RUNS_MAX && off < q->size; i++, off += run.len) {
		if (qcow2_map_at(&l->map, off, max, &run) < 0) {
			fuzz_check(err_status() == ST_CORRUPT);
			return;
		}
		fuzz_check(run.off == off && run.len > 0 && run.len <= max);
		fuzz_check(run.len <= q->size - off);
		if (run.kind != QCOW2_DATA && run.kind != QCOW2_COMPRESSED)
			continue;
		n = run.kind == QCOW2_DATA ? run.len : run.host_len;
		fuzz_check(n > 0);
		if (qcow2_has_data_file(q))
			fuzz_check(run.kind == QCOW2_DATA && run.host == run.off);
		else
			fuzz_check(run.host < size && n <= size - run.host);
		if (reads[run.kind]++ < READS_MAX)
			read_run(l, &run);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct qcow2_unpack unpack;
	struct qcow2_layer l;
	struct qcow2 q;
	int fd;

	err_clear();
	if (qcow2_parse(&q, data, size < QCOW2_HEADER_MAX ? size : QCOW2_HEADER_MAX) < 0)
		return 0;
	fd = memfd_create("fuzz", MFD_CLOEXEC);
	fuzz_check(fd >= 0 && io_pwrite(fd, data, size, 0) == 0);
	qcow2_unpack_init(&unpack);
	if (qcow2_layer_init(&l, &q, fd, size, fd, &unpack) == 0)
		map_layer(&l, &q, size);
	else
		fuzz_check(err_status() == ST_CORRUPT || err_status() == ST_REFUSED);
	qcow2_layer_fini(&l);
	qcow2_unpack_fini(&unpack);
	close(fd);
	return 0;
}
