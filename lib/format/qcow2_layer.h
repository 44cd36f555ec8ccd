/*
 * qcow2_layer: the guest's bytes that one qcow2 layer has, without the layers below it.
 *
 *	while (off < q->size) {
 *		qcow2_map_at(&l.map, off, max, &run);
 *		if (run.kind == QCOW2_DATA || run.kind == QCOW2_COMPRESSED)
 *			qcow2_layer_read(&l, &run, off, bytes, run.len);
 *		else ...
 *		off += run.len;
 *	}
 */
#ifndef IMG_QCOW2_LAYER_H
#define IMG_QCOW2_LAYER_H

#include "lib/format/qcow2_map.h"
#include "lib/format/qcow2_unpack.h"

/* The caller's storage. */
struct qcow2_layer {
	struct qcow2_map map;
	int data_fd;
	struct qcow2_unpack *unpack; /* borrowed */
};

/*
 * As qcow2_map_init().  data_fd is the external data file if qcow2_has_data_file(), and else not
 * used; it and unpack, which several layers may share, must outlive the layer, too.  ST_REFUSED
 * also for an encrypted layer.
 */
int qcow2_layer_init(struct qcow2_layer *l, const struct qcow2 *q, int fd, uint64_t len,
	int data_fd, struct qcow2_unpack *unpack);
void qcow2_layer_fini(struct qcow2_layer *l);

/*
 * Reads n bytes of the guest's disk at off into p.  They must lie in run, which qcow2_map_at() has
 * found with kind QCOW2_DATA or QCOW2_COMPRESSED.  May block; several threads may call it at once.
 * 0, or -1 recorded: ST_CORRUPT, or a read error.
 */
int qcow2_layer_read(
	struct qcow2_layer *l, const struct qcow2_run *run, uint64_t off, void *p, size_t n);

#endif
