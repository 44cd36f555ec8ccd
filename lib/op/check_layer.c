/*
 * check_layer: see check_layer.h.
 */
#include "lib/op/check_layer.h"

#include "lib/base/child.h"
#include "lib/base/err.h"
#include "lib/format/content.h"
#include "lib/format/qcow2_check.h"
#include "lib/format/qcow2_tables.h"
#include "lib/op/qemu_check.h"

static int check_by_qemu_img(struct image *img, const struct qcow2 *q, bool live, bool *leaks)
{
	uint64_t bytes;

	if (img->ops->allocated(img, &bytes) < 0)
		return -1;
	return qemu_check_layer(
		img->fd, q, bytes, live ? QEMU_CHECK_LIVE : QEMU_CHECK_ALONE, leaks);
}

/* Refuses what qemu-img cannot check, or would report in other words. */
static int check_qcow2_header(const struct qcow2 *q)
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

int check_layer(struct image *img, bool live, struct check_result *out)
{
	const struct qcow2 *q = &img->content->qcow2;
	struct qcow2_check found;

	*out = (struct check_result){ .dirty = q->incompatible & QCOW2_DIRTY, .by = "qemu-img" };
	if (check_qcow2_header(q) < 0 || qcow2_tables_check(q, img->fd, img->len) < 0)
		return -1;
	if (child_has("qemu-img"))
		return check_by_qemu_img(img, q, live, &out->leaks);
	out->by = "img-tools";
	if (qcow2_check(q, img->fd, img->len, &found) < 0)
		return -1;
	out->leaks = found.leaks > 0;
	return 0;
}
