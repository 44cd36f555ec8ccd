/*
 * precheck: the type of the file is known from its place, since a FIFO must not be
 * opened to find that out; what is opened later must be the same file.
 */
#include "lib/store/file/precheck.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/host/inuse.h"

int precheck_links(const struct place_file *p, bool allow_links)
{
	if (p->st.st_nlink > 1 && !allow_links)
		return err_set(ST_REFUSED, "has %lu hard links (see --allow-links)",
			(unsigned long)p->st.st_nlink);
	return 0;
}

int precheck_writable(const struct place_file *p)
{
	return faccessat(p->dir, p->base.name, W_OK, AT_EACCESS) < 0
		       ? err_sys("cannot open for writing")
		       : 0;
}

int precheck_stat(const struct place_file *p, bool allow_links)
{
	if (p->base.is_link)
		return err_set(ST_REFUSED, "is a symbolic link");
	if (p->base.is_container)
		return err_set(ST_REFUSED, "is a directory, not an image");
	if (!S_ISREG(p->st.st_mode))
		return err_set(ST_REFUSED, "is not a regular file");
	return precheck_links(p, allow_links);
}

/* Attributes as of chattr(1).  who: "" or "the directory ".  Where statx() fails, so does the
 * change. */
static int refuse_attributes(int dir, const char *name, const char *who)
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

int precheck_fixed(const struct place_file *p, bool dry_run)
{
	if (dry_run && faccessat(p->dir, ".", W_OK | X_OK, AT_EACCESS) < 0)
		return err_sys("cannot write into the directory");
	if (p->node >= 0 && refuse_attributes(p->dir, p->base.name, "") < 0)
		return -1;
	return refuse_attributes(p->dir, "", "the directory ");
}

int precheck_open(const struct place_file *p, int flags, bool allow_links)
{
	int fd, reader;

	if (p->node < 0 && !p->base.is_link) {
		errno = ENOENT;
		return err_sys("cannot open");
	}
	if (precheck_stat(p, allow_links) < 0)
		return -1;
	/* A lease shows other writers, but only to a descriptor that is not for writing. */
	reader = file_place_open(&p->base, O_RDONLY | O_NONBLOCK);
	if (reader < 0)
		return -1;
	if (inuse_refuse(reader) < 0) {
		close(reader);
		return -1;
	}
	if (flags == O_RDONLY)
		return reader;
	fd = file_place_open(&p->base, flags | O_NONBLOCK);
	close(reader);
	return fd;
}
