/*
 * resize_backing: see resize_backing.h.
 */
#include "lib/op/resize_backing.h"

#include <string.h>

#include "lib/base/err.h"
#include "lib/format/content.h"
#include "lib/store/image.h"
#include "lib/store/recorded.h"

/* The size of an image of that recorded format, which may be ""; 0: not known. */
static uint64_t size_of_layer(struct image *img, const char *format)
{
	const struct content *c;

	if (strcmp(format, "raw") == 0)
		return img->len;
	/* QEMU takes a layer of no recorded format for what it looks like. */
	c = image_content(img);
	if (!c || *c->damaged || c->is_archive)
		return 0;
	if (strcmp(c->format, "qcow2") == 0)
		return c->qcow2.size;
	return *format || strcmp(c->format, "raw") != 0 ? 0 : img->len;
}

uint64_t resize_backing_size(const struct place *from, const struct qcow2 *q)
{
	const char *format = q->backing_format;
	struct place *place = NULL;
	struct image *img = NULL;
	struct recorded found;
	uint64_t size = 0;

	if (*format && strcmp(format, "raw") != 0 && strcmp(format, "qcow2") != 0)
		return 0;
	if (recorded_look(&found, from, q->backing) == 0 && found.exists)
		place = place_open(from->policy, found.path);
	if (place)
		img = image_open(place);
	if (img)
		size = size_of_layer(img, format);
	image_close(img);
	recorded_fini(&found);
	err_clear();
	return size;
}
