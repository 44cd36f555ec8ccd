/*
 * capabilities: a table of the programs that each type needs.
 */
#include "lib/host/capabilities.h"

#include <blkid/blkid.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/child.h"
#include "lib/base/kv.h"

#define NEEDS_MAX 3

static const struct rule {
	const char *key, *type, *needs[NEEDS_MAX];
} rules[] = {
	{ "grow", "ext2", { "resize2fs", "e2fsck", NULL } },
	{ "grow", "ext3", { "resize2fs", "e2fsck", NULL } },
	{ "grow", "ext4", { "resize2fs", "e2fsck", NULL } },
	{ "grow", "xfs", { "xfs_growfs", "mount", NULL } },
	{ "grow", "btrfs", { "btrfs", "mount", NULL } },
	{ "grow", "swap", { "mkswap", NULL } },
	{ "shrink", "ext2", { "resize2fs", "e2fsck", NULL } },
	{ "shrink", "ext3", { "resize2fs", "e2fsck", NULL } },
	{ "shrink", "ext4", { "resize2fs", "e2fsck", NULL } },
	{ "shrink", "btrfs", { "btrfs", "mount", NULL } },
	{ "shrink", "swap", { "mkswap", NULL } },
};

static bool has_all(const char *const *needs)
{
	int i;

	for (i = 0; i < NEEDS_MAX && needs[i]; i++)
		if (!child_has(needs[i]))
			return false;
	return true;
}

void capabilities_write(struct buf *out)
{
	const char *name;
	size_t i;

	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (has_all(rules[i].needs))
			kv_add(out, rules[i].key, rules[i].type);
	/* Reflinks need no program.  Whether a directory supports them, its record says. */
	kv_add(out, "snapshot", "btrfs");
	kv_add(out, "snapshot", "xfs");
	for (i = 0; blkid_superblocks_get_name(i, &name, NULL) == 0; i++)
		kv_add(out, "detect", name);
}
