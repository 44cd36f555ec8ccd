/*
 * check: checks the structure of a qcow2 layer; with chain that of all layers of an image.
 *	OK  leaks=1: clusters are lost, but the image is sound; dirty=1: it was not closed;
 *	    checked_by: the program that checked it
 * With chain:
 *	RECORD  for each layer, as in check_chain.h
 */
#include <string.h>

#include "lib/base/err.h"
#include "lib/format/content.h"
#include "lib/op/check_chain.h"
#include "lib/op/check_layer.h"
#include "lib/op/op.h"

static int check_image(struct image *img, bool live, struct buf *reply)
{
	const struct content *c = image_content(img);
	struct check_result result;

	if (!c || (!live && image_refuse_writers(img) < 0))
		return -1;
	if (*c->damaged)
		return err_set(ST_CORRUPT, "%s", c->damaged);
	if (c->is_archive || strcmp(c->format, "qcow2") != 0)
		return err_set(ST_REFUSED, "is not a qcow2 image");
	if (check_layer(img, live, &result) < 0)
		return -1;
	kv_add_bool(reply, "leaks", result.leaks);
	kv_add_bool(reply, "dirty", result.dirty);
	kv_add(reply, "checked_by", result.by);
	return 0;
}

static int send_checked(void *arg, const struct buf *record)
{
	return op_record(arg, record);
}

int op_check(struct session *s, const struct kv *request, struct buf *reply)
{
	struct place *place = place_open(&s->policy, kv_get(request, "path"));
	bool live = op_flag(request, "live");
	struct image *img;
	int r;

	if (place && op_flag(request, "chain"))
		return check_chain(place, live, send_checked, s);
	img = place ? image_open(place) : NULL;
	r = img ? check_image(img, live, reply) : -1;
	image_close(img);
	return r;
}
