/*
 * unfinished: both forms of the mark are looked for and removed, since a file may have
 * been moved here from another filesystem.
 */
#include "lib/store/file/unfinished.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/store/file/partial.h"

static char *mark_name(const char *name)
{
	char *path;

	if (asprintf(&path, ".%s%s", name, UNFINISHED_SUFFIX) >= 0)
		return path;
	err_set(ST_FAILED, "out of memory");
	return NULL;
}

int unfinished_is(int fd, int dir_fd, const char *name)
{
	struct stat st;
	char *mark;
	int r;

	if (partial_is(name))
		return 1;
	if (fgetxattr(fd, UNFINISHED_ATTR, NULL, 0) >= 0)
		return 1;
	if (errno != ENODATA && errno != EOPNOTSUPP && errno != EPERM)
		return err_sys("cannot read its attributes");
	mark = mark_name(name);
	if (!mark)
		return -1;
	r = fstatat(dir_fd, mark, &st, AT_SYMLINK_NOFOLLOW) == 0;
	free(mark);
	return r;
}

int unfinished_mark_name(int dir_fd, const char *name)
{
	const int flags = O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	char *mark = mark_name(name);
	int file, r;

	if (!mark)
		return -1;
	file = openat(dir_fd, mark, flags | O_CREAT | O_EXCL, 0600);
	r = file >= 0;
	if (file < 0 && errno == EEXIST)
		file = openat(dir_fd, mark, flags);
	if (file < 0 || fsync(file) < 0 || io_sync_dir(dir_fd) < 0)
		r = err_sys("cannot mark it as unfinished");
	if (file >= 0)
		close(file);
	free(mark);
	return r;
}

int unfinished_set(int fd, int dir_fd, const char *name)
{
	if (fsetxattr(fd, UNFINISHED_ATTR, "1", 1, 0) == 0)
		return fsync(fd) < 0 ? err_sys("cannot mark it as unfinished") : 0;
	return unfinished_mark_name(dir_fd, name) < 0 ? -1 : 0;
}

int unfinished_clear(int fd, int dir_fd, const char *name)
{
	if (fremovexattr(fd, UNFINISHED_ATTR) < 0 && errno != ENODATA && errno != EOPNOTSUPP &&
		errno != EPERM)
		return err_sys("cannot remove its unfinished mark");
	return unfinished_forget(dir_fd, name);
}

int unfinished_forget(int dir_fd, const char *name)
{
	char *mark = mark_name(name);
	int r = 0;

	if (!mark)
		return -1;
	if (unlinkat(dir_fd, mark, 0) == 0)
		r = io_sync_dir(dir_fd);
	else if (errno != ENOENT && errno != ENAMETOOLONG)
		r = -1;
	free(mark);
	return r < 0 ? err_sys("cannot remove its unfinished mark") : 0;
}

int unfinished_carry(int dir_fd, const char *from, const char *to)
{
	char *mark = mark_name(from);
	struct stat st;
	int r;

	if (!mark)
		return -1;
	r = fstatat(dir_fd, mark, &st, AT_SYMLINK_NOFOLLOW);
	free(mark);
	if (r < 0)
		return unfinished_forget(dir_fd, to);
	return unfinished_mark_name(dir_fd, to) < 0 ? -1 : 0;
}
