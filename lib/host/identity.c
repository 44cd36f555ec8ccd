/*
 * identity: see identity.h.
 */
#include "lib/host/identity.h"

#include <stdio.h>

#include "lib/base/io.h"

char *identity_of(const struct stat *st, char out[IDENTITY_MAX])
{
	char boot[40];

	io_read_line("/proc/sys/kernel/random/boot_id", boot, sizeof(boot));
	if (S_ISBLK(st->st_mode))
		snprintf(out, IDENTITY_MAX, "%s:block:%llx", boot, (unsigned long long)st->st_rdev);
	else
		snprintf(out, IDENTITY_MAX, "%s:%llx:%llu", boot, (unsigned long long)st->st_dev,
			(unsigned long long)st->st_ino);
	return out;
}

bool identity_is_same(const struct stat *a, const struct stat *b)
{
	if (S_ISBLK(a->st_mode))
		return S_ISBLK(b->st_mode) && a->st_rdev == b->st_rdev;
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}
