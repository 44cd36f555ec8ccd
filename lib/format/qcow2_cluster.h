/*
 * qcow2_cluster: unpacks compressed clusters of a qcow2 layer.  They are a raw deflate stream, or
 * zstd frames.  What follows in the last sector is ignored.
 */
#ifndef IMG_QCOW2_CLUSTER_H
#define IMG_QCOW2_CLUSTER_H

#include "lib/format/qcow2.h"

struct libdeflate_decompressor;
struct ZSTD_DCtx_s;

/*
 * The caller's storage, zeros at first.  Each kind of compression that it meets adds at most
 * 200 KiB on the heap, whatever the image says.
 */
struct qcow2_cluster {
	struct libdeflate_decompressor *zlib;
	struct ZSTD_DCtx_s *zstd;
};

void qcow2_cluster_fini(struct qcow2_cluster *c);

/* 0, or -1 recorded: ST_REFUSED for an unknown compression type, ST_CORRUPT for a wrong one. */
int qcow2_cluster_check(const struct qcow2 *q);

/*
 * Unpacks one cluster of an image that qcow2_cluster_check() has accepted into out, which has
 * q->cluster_size bytes, from the n bytes at p.  It stops after them, or after the cluster.  Does
 * not block.  0, or -1 recorded: ST_CORRUPT, or out of memory.
 */
int qcow2_cluster_unpack(
	struct qcow2_cluster *c, const struct qcow2 *q, void *out, const void *p, size_t n);

#endif
