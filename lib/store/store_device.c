/*
 * store_device: block devices that the configuration names.  They are filled,
 * and neither made, removed nor renamed.
 */
#include "lib/store/store.h"

#include "lib/base/err.h"
#include "lib/store/target_state.h"

static int look(const struct place *p, struct stat *st)
{
	return stat(p->path, st);
}

static int remove_device(const struct place *p, const struct store_want *want)
{
	(void)p;
	(void)want;
	return err_set(ST_REFUSED, "is a device, not an image");
}

static int rename_device(const struct place *p, const char *name, const struct store_want *want)
{
	(void)name;
	return remove_device(p, want);
}

const struct store_ops store_device = {
	.has_files = false,
	.make = &target_device_ops,
	.in_place = &target_device_in_place_ops,
	.look = look,
	.remove = remove_device,
	.rename = rename_device,
};
