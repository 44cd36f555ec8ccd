/*
 * qcow2_cluster: unpacks compressed clusters of a qcow2 layer.  They are a raw deflate stream, or
 * zstd frames.  What follows in the last sector is ignored.
 */
#ifndef IMG_QCOW2_CLUSTER_H
#define IMG_QCOW2_CLUSTER_H

#include "lib/format/qcow2.h"

struct libdeflate_decompressor;
struct ZSTD_DCtx_s;

/* The caller's storage, with at most 200 KiB on the heap, whatever the image says. */
struct qcow2_cluster {
	uint32_t size; /* bytes of a cluster */
	struct libdeflate_decompressor *zlib;
	struct ZSTD_DCtx_s *zstd;
};

/* 0, or -1 recorded: ST_REFUSED for an unknown compression type, ST_CORRUPT for a wrong one. */
int qcow2_cluster_init(struct qcow2_cluster *c, const struct qcow2 *q);
void qcow2_cluster_fini(struct qcow2_cluster *c);

/*
 * Unpacks one cluster, of c->size bytes, into out, from the n bytes at p.  It stops after them, or
 * after the cluster.  Does not block.  0, or -1 with ST_CORRUPT recorded.
 */
int qcow2_cluster_unpack(struct qcow2_cluster *c, void *out, const void *p, size_t n);

#endif
