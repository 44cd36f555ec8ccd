/*
 * qcow2_layer: data is read where it lies; what is compressed goes through the unpackers.
 */
#include "lib/format/qcow2_layer.h"

#include <string.h>

#include "lib/base/err.h"
#include "lib/base/io.h"

static int read_data(
	struct qcow2_layer *l, const struct qcow2_run *run, uint64_t off, uint8_t *p, size_t n)
{
	int fd = qcow2_has_data_file(l->map.q) ? l->data_fd : l->map.fd;
	uint64_t host = run->host + (off - run->off);
	ssize_t got = io_pread(fd, p, n, host);

	if (got < 0)
		return err_sys("cannot read at %llu", (unsigned long long)host);
	memset(p + got, 0, n - (size_t)got);
	return 0;
}

int qcow2_layer_read(
	struct qcow2_layer *l, const struct qcow2_run *run, uint64_t off, void *p, size_t n)
{
	if (run->kind == QCOW2_DATA)
		return read_data(l, run, off, p, n);
	return qcow2_unpack_read(l->unpack, &l->map, run, off, p, n);
}

int qcow2_layer_init(struct qcow2_layer *l, const struct qcow2 *q, int fd, uint64_t len,
	int data_fd, struct qcow2_unpack *unpack)
{
	*l = (struct qcow2_layer){ .data_fd = data_fd, .unpack = unpack };
	if (q->crypt)
		return err_set(ST_REFUSED,
			"the qcow2 image is encrypted: it cannot be read without the key");
	return qcow2_cluster_check(q) < 0 ? -1 : qcow2_map_init(&l->map, q, fd, len);
}

void qcow2_layer_fini(struct qcow2_layer *l)
{
	qcow2_map_fini(&l->map);
}
