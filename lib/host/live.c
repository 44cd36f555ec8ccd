/*
 * live: see live.h.
 */
#include "lib/host/live.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/pathname.h"
#include "lib/host/identity.h"

/* Which file or device is at an absolute path: 1; 0: none that may be looked up. */
static int live_look(const struct policy *policy, const char *path, struct stat *st)
{
	int node = policy_open_recorded(policy, path, O_PATH), r;

	/* A device need not be below an allowed directory; it is not opened. */
	if (node < 0 && strncmp(path, "/dev/", 5) == 0)
		node = policy_find(policy, path);
	err_clear();
	if (node < 0)
		return 0;
	r = fstat(node, st);
	close(node);
	return r == 0 && (S_ISREG(st->st_mode) || S_ISBLK(st->st_mode));
}

/* path as an absolute one: NULL recorded, or without an error if there is none. */
static char *live_absolute(const char *directory, const char *path)
{
	char *joined, *absolute;

	if (*path == '/')
		return pathname_absolute(path);
	if (!directory || !*path)
		return NULL;
	joined = pathname_join(directory, path);
	absolute = joined ? pathname_absolute(joined) : NULL;
	free(joined);
	return absolute;
}

static struct live_disk *live_append(struct live *l, const struct stat *st, const char *node)
{
	struct live_disk *disk = realloc(l->disk, (l->count + 1) * sizeof(*disk));
	char *name = node && disk ? strdup(node) : NULL;

	if (disk)
		l->disk = disk;
	if (!disk || (node && !name)) {
		err_set(ST_FAILED, "out of memory");
		return NULL;
	}
	disk = &l->disk[l->count++];
	memset(disk, 0, sizeof(*disk));
	disk->st = *st;
	disk->node = name;
	return disk;
}

struct live_disk *live_add(struct live *l, const struct policy *policy, const char *directory,
	const char *path, const char *node)
{
	struct stat st;
	char *absolute;
	int found;

	err_clear();
	if (l->count == LIVE_DISKS_MAX) {
		err_set(ST_FAILED, "more than %d disks are open in QEMU", LIVE_DISKS_MAX);
		return NULL;
	}
	absolute = live_absolute(directory, path);
	if (!absolute)
		return NULL;
	found = live_look(policy, absolute, &st);
	free(absolute);
	return found ? live_append(l, &st, node) : NULL;
}

const struct live_disk *live_find(const struct live *l, const struct stat *st)
{
	const struct live_disk *best = NULL, *disk;
	size_t i;

	for (i = 0; i < l->count; i++) {
		disk = &l->disk[i];
		if (identity_is_same(&disk->st, st) && (!best || disk->end > best->end))
			best = disk;
	}
	return best;
}

void live_fini(struct live *l)
{
	size_t i;

	for (i = 0; i < l->count; i++)
		free(l->disk[i].node);
	free(l->disk);
	memset(l, 0, sizeof(*l));
}
