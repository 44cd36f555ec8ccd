/*
 * file_clone: FICLONE, of which the result is checked.  From Linux 4.20 until a mend of December
 * 2024, XFS says that all is well if it ends early, for instance because of a quota; but the new
 * file is only as long then as what it shares.  FICLONERANGE would tell, but the length of a file
 * that is in use is known only to the call itself.
 */
#include "lib/store/file/file_clone.h"

#include <errno.h>
#include <linux/fs.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

int file_clone(int fd, int from)
{
	struct stat source, own, now;
	bool shows_length;
	int r, sys;

	if (fstat(from, &source) < 0 || fstat(fd, &own) < 0)
		return -1;
	shows_length = own.st_blocks == 0;
	if (shows_length && own.st_size > 0 && ftruncate(fd, 0) < 0)
		return -1;
	r = ioctl(fd, FICLONE, from);
	if (r == 0 && shows_length) {
		r = fstat(fd, &now);
		if (r == 0 && now.st_size < source.st_size) {
			errno = EIO;
			r = -1;
		}
	}
	if (r == 0 || !shows_length)
		return r;
	sys = errno;
	if (ftruncate(fd, 0) == 0 && ftruncate(fd, own.st_size) == 0)
		errno = sys;
	return -1;
}
