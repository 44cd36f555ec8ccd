/*
 * check: checks the structure of a qcow2 layer: its header and tables here, then all of it by
 * qemu-img.
 *	OK  leaks=1: clusters are lost, but the image is sound; dirty=1: it was not closed
 */
#include <string.h>

#include "lib/base/err.h"
#include "lib/format/content.h"
#include "lib/format/qcow2_tables.h"
#include "lib/op/op.h"
#include "lib/op/qemu_check.h"
#include "lib/store/image.h"

static int check_layer(struct image *img, const struct qcow2 *q, bool live, bool *leaks)
{
	uint64_t bytes;

	if (img->ops->allocated(img, &bytes) < 0)
		return -1;
	return qemu_check_layer(
		img->fd, q, bytes, live ? QEMU_CHECK_LIVE : QEMU_CHECK_ALONE, leaks);
}

/* Refuses what qemu-img cannot check, or would report in other words. */
static int check_header(const struct qcow2 *q)
{
	char text[QCOW2_TEXT_MAX];
	unsigned i;

	if (q->incompatible & QCOW2_CORRUPT)
		return err_set(ST_CORRUPT, "the qcow2 image is marked as corrupt (see qemu-img "
					   "check -r)");
	for (i = 0; i < QCOW2_FEATURES; i++)
		if (qcow2_unknown_feature(q, i, text))
			return err_set(ST_CORRUPT,
				"the qcow2 image has a feature that is not supported: %s", text);
	if (q->crypt)
		return err_set(ST_FAILED, "is encrypted: its structure cannot be checked "
					  "without the key");
	return 0;
}

int op_check(struct session *s, const struct kv *request, struct buf *reply)
{
	struct place *place = place_open(&s->policy, kv_get(request, "path"));
	struct image *img = place ? image_open(place) : NULL;
	bool live = op_flag(request, "live"), leaks;
	const struct content *c;
	int r = -1;

	if (!img)
		return -1;
	c = image_content(img);
	if (!c || (!live && image_refuse_writers(img) < 0))
		goto out;
	if (*c->damaged) {
		err_set(ST_CORRUPT, "%s", c->damaged);
		goto out;
	}
	if (c->is_archive || strcmp(c->format, "qcow2") != 0) {
		err_set(ST_REFUSED, "is not a qcow2 image");
		goto out;
	}
	if (check_header(&c->qcow2) < 0 || qcow2_tables_check(&c->qcow2, img->fd, img->len) < 0 ||
		check_layer(img, &c->qcow2, live, &leaks) < 0)
		goto out;
	kv_add_bool(reply, "leaks", leaks);
	kv_add_bool(reply, "dirty", c->qcow2.incompatible & QCOW2_DIRTY);
	r = 0;
out:
	image_close(img);
	return r;
}
