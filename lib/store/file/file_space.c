/*
 * file_space: the filesystem is asked, since a dry run allocates nothing.
 */
#include "lib/store/file/file_space.h"

#include <sys/statvfs.h>

#include "lib/base/err.h"
#include "lib/base/size.h"

int file_space_check(const struct place_file *p, const struct target_want *want)
{
	char need[SIZE_HUMAN], have[SIZE_HUMAN];
	uint64_t free_bytes;
	struct statvfs vfs;

	if (want->sparse || want->len == TARGET_LEN_UNKNOWN || fstatvfs(p->dir, &vfs) < 0)
		return 0;
	free_bytes = (uint64_t)vfs.f_bavail * vfs.f_frsize;
	if (want->len > free_bytes)
		return err_set(ST_NOROOM, "needs %s, and the filesystem has %s free",
			size_human(want->len, need), size_human(free_bytes, have));
	return 0;
}
