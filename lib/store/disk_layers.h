/*
 * disk_layers: the layers of a disk image that is open.
 */
#ifndef IMG_DISK_LAYERS_H
#define IMG_DISK_LAYERS_H

#include "lib/format/qcow2.h"
#include "lib/store/disk_image.h"

/* A layer; valid as long as the disk image. */
struct disk_layer {
	struct image *img;
	const struct qcow2 *qcow2; /* NULL: it is raw */
	uint64_t len;		   /* of the guest's disk, in bytes */
	const char *id;		   /* its identity (identity.h) */
};

unsigned disk_layers_count(const struct image *disk);

/* The layer at that depth, which is less than the count; 0 is the uppermost. */
struct disk_layer disk_layers_at(const struct image *disk, unsigned depth);

/*
 * How many bytes of the guest's disk a layer has itself, those that are zeros included; of a raw
 * one all.  0, or -1 recorded, as of qcow2_map_at().  Blocks: it reads the layer's tables.
 */
int disk_layers_bytes(struct image *disk, unsigned depth, uint64_t *bytes);

#endif
