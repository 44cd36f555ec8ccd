/*
 * block_size: see block_size.h.
 */
#include "lib/store/block_size.h"

#include <linux/fs.h>
#include <stddef.h> /* for BLKGETSIZE64 */
#include <sys/ioctl.h>

#include "lib/base/err.h"

int block_size_get(int fd, uint64_t *out)
{
	return ioctl(fd, BLKGETSIZE64, out) < 0 ? err_sys("cannot get the device's size") : 0;
}

int block_size_check(int fd, uint64_t len)
{
	uint64_t now;

	if (block_size_get(fd, &now) < 0)
		return -1;
	return now == len ? 0
			  : err_set(ST_CORRUPT, "the device changed its size while it was read");
}
