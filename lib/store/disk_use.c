/*
 * disk_use: see disk_use.h.
 */
#include "lib/store/disk_use.h"

#include "lib/store/disk_image_state.h"

/* The next of the images; *at begins as 0.  NULL: there are no more. */
static struct image *next_image(const struct image *disk, unsigned *at)
{
	const struct disk_image *d = (const struct disk_image *)disk;
	const struct layer *l;
	struct image *img;

	while (*at < 2 * d->count) {
		l = d->layer[*at / 2];
		img = *at % 2 == 0 ? l->img : l->data;
		(*at)++;
		if (img)
			return img;
	}
	return NULL;
}

int disk_use_look(struct image *disk, struct inuse *u)
{
	unsigned at = 0;
	struct image *img = next_image(disk, &at);
	int r;

	for (;;) {
		r = img->ops->use(img, u);
		img = next_image(disk, &at);
		if (r < 0 || u->writers || !img)
			return r;
		inuse_fini(u);
	}
}

int disk_use_check(struct image *disk)
{
	struct image *img;
	unsigned at = 0;

	while ((img = next_image(disk, &at)))
		if (image_check_end(img) < 0)
			return -1;
	return 0;
}

void disk_use_hold(struct image *disk)
{
	struct image *img;
	unsigned at = 0;

	while ((img = next_image(disk, &at)))
		if (img->ops->hold)
			img->ops->hold(img);
}

int disk_use_check_unwritten(struct image *disk)
{
	struct image *img;
	unsigned at = 0;

	while ((img = next_image(disk, &at)))
		if (img->ops->check_unwritten && img->ops->check_unwritten(img) < 0)
			return -1;
	return 0;
}
