/*
 * disk_image_state: the struct that disk_image.c, disk_layers.c and disk_use.c share; nothing else
 * includes it.
 */
#ifndef IMG_DISK_IMAGE_STATE_H
#define IMG_DISK_IMAGE_STATE_H

#include <pthread.h>

#include "lib/format/qcow2_layer.h"
#include "lib/host/identity.h"
#include "lib/store/chain.h"
#include "lib/store/image.h"

struct layer {
	struct image *img;  /* its own, except that of the uppermost layer */
	struct image *data; /* the external data file, or NULL */
	bool is_qcow2;
	uint64_t len; /* of the guest's disk, in bytes */
	struct qcow2_layer qcow2;
	char id[IDENTITY_MAX];
	bool is_ready;
};

struct disk_image {
	struct image base;
	pthread_mutex_t lock; /* of the layers' tables */
	struct qcow2_unpack unpack;
	bool any_state; /* layers below the uppermost may be unfinished */
	unsigned count;
	struct layer *layer[CHAIN_LAYERS_MAX]; /* the uppermost first */
};

#endif
