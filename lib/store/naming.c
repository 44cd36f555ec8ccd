/*
 * naming: see naming.h.
 */
#include "lib/store/naming.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/syscall.h>
#include <unistd.h>

int naming_rename_new(int dir, const char *from, const char *to)
{
	if (syscall(SYS_renameat2, dir, from, dir, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	if (linkat(dir, from, dir, to, 0) < 0)
		return -1;
	return unlinkat(dir, from, 0);
}

int naming_sync(int dir)
{
	int r, keep, fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return errno == EACCES ? 0 : -1; /* may be written, not read */
	r = fsync(fd);
	keep = errno;
	close(fd);
	errno = keep;
	return r < 0 && errno == EINVAL ? 0 : r; /* a filesystem that has no such thing */
}
