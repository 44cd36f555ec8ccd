/*
 * qcow2_layer: `memory` has an unpacked cluster, and behind it the packed bytes, of which a cluster
 * has at most twice its size.
 */
#include "lib/format/qcow2_layer.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/format/qcow2_tables.h"

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

/* Brings the cluster that contains off into memory. */
static int unpack_cluster(struct qcow2_layer *l, const struct qcow2_run *run, uint64_t off)
{
	size_t cluster = l->map.q->cluster_size;
	uint64_t start = off - off % cluster;
	uint8_t *packed;
	int r;

	if (l->unpacked == start)
		return 0;
	l->unpacked = UINT64_MAX;
	if (!l->memory)
		l->memory = malloc(3 * cluster);
	if (!l->memory)
		return err_set(ST_FAILED, "out of memory");
	packed = l->memory + cluster;
	r = io_pread_within(l->map.fd, l->map.len, packed, run->host_len, run->host);
	if (r == 0)
		r = qcow2_tables_refuse("L2 table", "has a cluster outside of the image");
	if (r < 0 || qcow2_cluster_unpack(&l->packing, l->memory, packed, run->host_len) < 0)
		return -1;
	l->unpacked = start;
	return 0;
}

int qcow2_layer_read(
	struct qcow2_layer *l, const struct qcow2_run *run, uint64_t off, void *p, size_t n)
{
	if (run->kind == QCOW2_DATA)
		return read_data(l, run, off, p, n);
	if (unpack_cluster(l, run, off) < 0)
		return -1;
	memcpy(p, l->memory + off % l->map.q->cluster_size, n);
	return 0;
}

int qcow2_layer_init(
	struct qcow2_layer *l, const struct qcow2 *q, int fd, uint64_t len, int data_fd)
{
	*l = (struct qcow2_layer){ .data_fd = data_fd, .unpacked = UINT64_MAX };
	if (q->crypt)
		return err_set(ST_REFUSED,
			"the qcow2 image is encrypted: it cannot be read without the key");
	if (qcow2_map_init(&l->map, q, fd, len) < 0)
		return -1;
	if (qcow2_cluster_init(&l->packing, q) < 0) {
		qcow2_map_fini(&l->map);
		return -1;
	}
	return 0;
}

void qcow2_layer_fini(struct qcow2_layer *l)
{
	free(l->memory);
	l->memory = NULL;
	qcow2_cluster_fini(&l->packing);
	qcow2_map_fini(&l->map);
}
