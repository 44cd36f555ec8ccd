/*
 * check: checks the structure of a qcow2 layer by qemu-img.
 *	OK  leaks=1: clusters are lost, but the image is sound
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/child.h"
#include "lib/base/err.h"
#include "lib/format/content.h"
#include "lib/op/op.h"
#include "lib/store/image.h"

#define CHECK_CORRUPT 2 /* qemu-img(1) */
#define CHECK_LEAKS 3

/*
 * Checks only this layer, by its descriptor: the backing file that its header names is not
 * opened.
 */
static int check_layer(int fd, bool live, bool *leaks)
{
	char name[160];
	const char *const argv[] = { "qemu-img", "check", "-q", name, live ? "-U" : NULL, NULL };
	struct buf errors = BUF_INIT;
	struct child c = { .argv = argv, .keep_fd = fd, .errors = &errors };
	int status, r = -1;

	snprintf(name, sizeof(name),
		"json:{\"driver\":\"qcow2\",\"backing\":null,"
		"\"file\":{\"driver\":\"file\",\"filename\":\"/proc/self/fd/%d\"}}",
		fd);
	status = child_run(&c);
	*leaks = status == CHECK_LEAKS;
	if (status == 0 || status == CHECK_LEAKS)
		r = 0;
	else if (status == CHECK_CORRUPT)
		err_set(ST_CORRUPT, "the qcow2 image is corrupt: %.200s", buf_str(&errors));
	else if (status > 0)
		err_set(ST_FAILED, "qemu-img check failed (%d): %.200s", status, buf_str(&errors));
	buf_fini(&errors);
	return r;
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
	if (check_layer(img->fd, live, &leaks) < 0)
		goto out;
	kv_add_bool(reply, "leaks", leaks);
	r = 0;
out:
	image_close(img);
	return r;
}
