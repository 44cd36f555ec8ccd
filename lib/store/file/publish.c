/*
 * naming: the first of three ways that the filesystem has.  A link is as good as
 * RENAME_NOREPLACE, but for the moment in which both names are there.  Where
 * there are no links either (exFAT), or where they would be seen for longer (FUSE,
 * NFS), an empty file takes the name first and is then replaced.
 */
#include "lib/store/file/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/store/file/unfinished.h"

/* Removes a name on the way out of a failure, whose errno stays. */
static int take_back(int dir, const char *name)
{
	int keep = errno;

	unlinkat(dir, name, 0);
	errno = keep;
	return -1;
}

/* Whether the name is still that of fd, and nobody has filled it. */
static bool is_untouched(int dir, const char *name, int fd)
{
	struct stat own, now;

	return fstat(fd, &own) == 0 && fstatat(dir, name, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
	       now.st_ino == own.st_ino && now.st_dev == own.st_dev && now.st_size == 0;
}

static int replace_own(int dir, const char *from, const char *to)
{
	int fd = openat(dir, to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int own, r;

	if (fd < 0)
		return -1;
	/* Some FUSE filesystems number a file anew when nothing holds it. */
	own = openat(dir, to, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	close(fd);
	if (own < 0)
		return take_back(dir, to);
	if (is_untouched(dir, to, own)) {
		r = renameat(dir, from, dir, to) < 0 ? take_back(dir, to) : 0;
		/* Plain SFTP has just shown that it replaces nothing. */
		if (r < 0 && (errno == EEXIST || errno == EPERM))
			r = renameat(dir, from, dir, to);
	} else {
		errno = EEXIST;
		r = -1;
	}
	close(own);
	return r;
}

/* The mark tells whoever finds the empty file after a crash what it is. */
static int rename_reserving(int dir, const char *from, const char *to)
{
	int keep, r, marked = unfinished_mark_name(dir, to);

	if (marked < 0)
		return -1;
	r = replace_own(dir, from, to);
	keep = errno;
	if (marked && unfinished_forget(dir, to) < 0)
		err_clear(); /* it is safe to call it unfinished, whatever came of it */
	errno = keep;
	return r;
}

static int rename_linking(int dir, const char *from, const char *to)
{
	if (linkat(dir, from, dir, to, 0) < 0)
		return -1;
	return unlinkat(dir, from, 0) < 0 ? take_back(dir, to) : 0;
}

/*
 * Where a file that is open and loses its name only gets a hidden one until it is
 * closed, what was linked would have two links as long, and longer in caches.
 */
static bool hides_removed(int dir)
{
	struct statfs fs;

	return fstatfs(dir, &fs) == 0 &&
	       (fs.f_type == NFS_SUPER_MAGIC || fs.f_type == FUSE_SUPER_MAGIC);
}

int publish_name(int dir, const char *from, const char *to)
{
	if (syscall(SYS_renameat2, dir, from, dir, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
		return -1;
	if (hides_removed(dir))
		return rename_reserving(dir, from, to);
	if (rename_linking(dir, from, to) == 0)
		return 0;
	if (errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS || errno == EMLINK)
		return rename_reserving(dir, from, to);
	return -1;
}
