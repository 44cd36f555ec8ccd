/*
 * disk_layers: see disk_layers.h.
 */
#include "lib/store/disk_layers.h"

#include "lib/format/content.h"
#include "lib/store/disk_image_state.h"

static const struct layer *layer_of(const struct image *disk, unsigned depth)
{
	return ((const struct disk_image *)disk)->layer[depth];
}

unsigned disk_layers_count(const struct image *disk)
{
	return ((const struct disk_image *)disk)->count;
}

struct disk_layer disk_layers_at(const struct image *disk, unsigned depth)
{
	const struct layer *l = layer_of(disk, depth);

	return (struct disk_layer){ .img = l->img,
		.qcow2 = l->is_qcow2 ? &l->img->content->qcow2 : NULL,
		.len = l->len,
		.id = l->id };
}

static int count_bytes(struct layer *l, uint64_t *bytes)
{
	struct qcow2_run run;
	uint64_t off;

	for (off = 0; off < l->len; off += run.len) {
		if (qcow2_map_at(&l->qcow2.map, off, l->len - off, &run) < 0)
			return -1;
		if (run.kind != QCOW2_UNALLOCATED)
			*bytes += run.len;
	}
	return 0;
}

int disk_layers_bytes(struct image *disk, unsigned depth, uint64_t *bytes)
{
	struct disk_image *d = (struct disk_image *)disk;
	struct layer *l = d->layer[depth];
	int r;

	*bytes = l->is_qcow2 ? 0 : l->len;
	if (!l->is_qcow2)
		return 0;
	pthread_mutex_lock(&d->lock);
	r = count_bytes(l, bytes);
	pthread_mutex_unlock(&d->lock);
	return r;
}
