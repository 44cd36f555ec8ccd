/*
 * publish: of three ways, the first that the filesystem supports.  RENAME_NOREPLACE is
 * the best.  With a hard link, both names exist for a moment.  Where there are no hard
 * links (exFAT), or where both names would be seen for longer (FUSE, NFS), an empty file
 * reserves the name and is then replaced.
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
#include "lib/host/identity.h"
#include "lib/store/file/unfinished.h"

/* Removes a name after a failure, and keeps errno.  -1. */
static int unlink_after_failure(int dir, const char *name)
{
	int keep = errno;

	unlinkat(dir, name, 0);
	errno = keep;
	return -1;
}

/* Whether the name still leads to fd, and the file is still empty. */
static bool is_untouched(int dir, const char *name, int fd)
{
	struct stat own, now;

	return fstat(fd, &own) == 0 && fstatat(dir, name, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
	       identity_is_same(&now, &own) && now.st_size == 0;
}

static int replace_reserved(int dir, const char *from, const char *to)
{
	int fd = openat(dir, to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int own, r;

	if (fd < 0)
		return -1;
	/* Kept open, because some FUSE filesystems give a file that nothing holds a new number. */
	own = openat(dir, to, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	close(fd);
	if (own < 0)
		return unlink_after_failure(dir, to);
	if (is_untouched(dir, to, own)) {
		r = renameat(dir, from, dir, to) < 0 ? unlink_after_failure(dir, to) : 0;
		/* Plain SFTP never replaces a file, and the name is free again: no race is
		 * possible. */
		if (r < 0 && (errno == EEXIST || errno == EPERM))
			r = renameat(dir, from, dir, to);
	} else {
		errno = EEXIST;
		r = -1;
	}
	close(own);
	return r;
}

/*
 * The mark shows that the empty file is unfinished, if a crash leaves it.  An unfinished file that
 * is renamed has brought its mark, which is its owner's.
 */
static int rename_reserving(int dir, const char *from, const char *to)
{
	struct stat st;
	int keep, r, marked;

	if (fstatat(dir, from, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	marked = unfinished_mark_name(dir, to, st.st_uid);
	if (marked < 0)
		return -1;
	r = replace_reserved(dir, from, to);
	keep = errno;
	if (marked && unfinished_forget(dir, to, st.st_uid) < 0)
		err_clear(); /* a mark that remains does no harm */
	errno = keep;
	return r;
}

static int rename_linking(int dir, const char *from, const char *to)
{
	if (linkat(dir, from, dir, to, 0) < 0)
		return -1;
	return unlinkat(dir, from, 0) < 0 ? unlink_after_failure(dir, to) : 0;
}

/*
 * On NFS and FUSE, a file that is open when its name is removed keeps a hidden name until
 * it is closed, so a file that was linked would have two links until then.
 */
static bool keeps_removed_names(int dir)
{
	struct statfs fs;

	return fstatfs(dir, &fs) == 0 &&
	       (fs.f_type == NFS_SUPER_MAGIC || fs.f_type == FUSE_SUPER_MAGIC);
}

/* 0; or -1 with errno set and nothing recorded, or with an error recorded. */
static int rename_new(int dir, const char *from, const char *to)
{
	if (syscall(SYS_renameat2, dir, from, dir, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
		return -1;
	if (keeps_removed_names(dir))
		return rename_reserving(dir, from, to);
	if (rename_linking(dir, from, to) == 0)
		return 0;
	if (errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS || errno == EMLINK)
		return rename_reserving(dir, from, to);
	return -1;
}

int publish_name(int dir, const char *from, const char *to, const char *what)
{
	err_clear();
	if (rename_new(dir, from, to) == 0)
		return 0;
	return err_status() == ST_OK ? err_sys("%s", what) : -1;
}
