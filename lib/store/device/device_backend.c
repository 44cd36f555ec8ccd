/*
 * device_backend: block devices that are not logical volumes.  The policy allows which are
 * read; only those that the configuration names can be filled.  None can be created, removed
 * or renamed.
 */
#include <fcntl.h>

#include "lib/base/err.h"
#include "lib/store/device/device_image.h"
#include "lib/store/device/device_place.h"
#include "lib/store/device/device_target.h"

static int identify_device(const struct place *p, char out[IDENTITY_MAX])
{
	struct stat st = { .st_mode = S_IFBLK, .st_rdev = ((const struct place_device *)p)->dev };

	identity_of(&st, out);
	return 0;
}

static int open_first_bytes(const struct place *p)
{
	return device_place_open(p, O_RDONLY | O_NONBLOCK);
}

static int describe_nothing(const struct place *p, struct buf *out)
{
	(void)p;
	(void)out;
	return 0;
}

static int refuse_change(void)
{
	return err_set(ST_REFUSED, "is a device, not an image");
}

static struct place *refuse_child(const struct place *p, const char *name)
{
	(void)p;
	(void)name;
	refuse_change();
	return NULL;
}

static int refuse_remove(const struct place *p, const struct change_want *want)
{
	(void)p;
	(void)want;
	return refuse_change();
}

static int refuse_rename(const struct place *p, const char *name, const struct change_want *want)
{
	(void)name;
	return refuse_remove(p, want);
}

const struct backend backend_device = {
	.kind = "device",
	.marks_content = true,
	.find = device_place_find,
	.child = refuse_child,
	.beside = refuse_child,
	.identify = identify_device,
	.describe = describe_nothing,
	.open = device_image_open,
	.peek = open_first_bytes,
	.make = device_target_make,
	.fill = device_target_fill,
	.remove = refuse_remove,
	.rename = refuse_rename,
};
