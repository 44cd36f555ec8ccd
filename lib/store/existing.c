/*
 * existing: the name is judged first (a FIFO must not be opened to be known as
 * one), then the descriptor must be of the same file.
 */
#include "lib/store/existing.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/store/inuse.h"

int existing_check(const struct stat *st, bool allow_links)
{
	if (S_ISLNK(st->st_mode))
		return err_set(ST_REFUSED, "is a symbolic link");
	if (S_ISDIR(st->st_mode))
		return err_set(ST_REFUSED, "is a directory, not an image");
	if (!S_ISREG(st->st_mode))
		return err_set(ST_REFUSED, "is not a regular file");
	if (st->st_nlink > 1 && !allow_links)
		return err_set(ST_REFUSED, "has %lu links (see --allow-links)",
			(unsigned long)st->st_nlink);
	return 0;
}

/* As chattr(1) has it.  who: "" or "the directory ".  What cannot be asked shows later. */
static int check_attributes(int dir, const char *name, const char *who)
{
	struct statx x;

	if (statx(dir, name, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, STATX_TYPE, &x) < 0)
		return 0;
	if (x.stx_attributes & STATX_ATTR_IMMUTABLE)
		return err_set(ST_REFUSED, "%sis immutable (see chattr)", who);
	if (x.stx_attributes & STATX_ATTR_APPEND)
		return err_set(ST_REFUSED, "%sis append-only (see chattr)", who);
	if (*name && x.stx_attributes & STATX_ATTR_MOUNT_ROOT)
		return err_set(ST_BUSY, "is a mount point");
	return 0;
}

int existing_check_fixed(int dir, const char *name, bool dry_run)
{
	if (dry_run && faccessat(dir, ".", W_OK | X_OK, AT_EACCESS) < 0)
		return err_sys("cannot write into the directory");
	if (name && check_attributes(dir, name, "") < 0)
		return -1;
	return check_attributes(dir, "", "the directory ");
}

int existing_open(const struct place *p, int flags, bool allow_links, struct stat *st)
{
	struct stat named;
	int fd, look;

	if (fstatat(p->dir, p->name, &named, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys("cannot look at it");
	if (existing_check(&named, allow_links) < 0)
		return -1;
	/* A lease tells about other writers, and can be tried only without being one. */
	look = openat(p->dir, p->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (look < 0)
		return err_sys("cannot look at it");
	if (fstat(look, st) < 0) {
		err_sys("cannot stat");
	} else if (st->st_dev != named.st_dev || st->st_ino != named.st_ino) {
		err_set(ST_BUSY, "was replaced while it was looked at");
	} else if (inuse_refuse(look, INUSE_ANY) == 0) {
		if (flags == O_RDONLY)
			return look;
		fd = openat(p->dir, p->name, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0)
			err_sys("cannot open for writing");
		else if (fstat(fd, &named) < 0 || st->st_dev != named.st_dev ||
			 st->st_ino != named.st_ino)
			err_set(ST_BUSY, "was replaced while it was looked at");
		else {
			close(look);
			return fd;
		}
		if (fd >= 0)
			close(fd);
	}
	close(look);
	return -1;
}
