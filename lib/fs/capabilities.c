/*
 * capabilities: see capabilities.h.
 */
#include "lib/fs/capabilities.h"

#include <blkid/blkid.h>

#include "lib/base/kv.h"
#include "lib/fs/fs.h"

static void add_grow(void *out, const char *type)
{
	kv_add(out, "grow", type);
}

static void add_shrink(void *out, const char *type)
{
	kv_add(out, "shrink", type);
}

void capabilities_write(struct buf *out)
{
	const char *name;
	size_t i;

	fs_each_kind(false, add_grow, out);
	fs_each_kind(true, add_shrink, out);
	/* Reflinks need no program.  Whether a directory supports them, its record says. */
	kv_add(out, "snapshot", "btrfs");
	kv_add(out, "snapshot", "xfs");
	for (i = 0; blkid_superblocks_get_name(i, &name, NULL) == 0; i++)
		kv_add(out, "detect", name);
}
