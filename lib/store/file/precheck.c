/*
 * precheck: the type of the file is known from its place, since a FIFO must not be
 * opened to find that out; what is opened later must be the same file.
 */
#include "lib/store/file/precheck.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/hint.h"
#include "lib/host/inuse.h"

int precheck_links(const struct place_file *p, bool allow_links)
{
	if (p->st.st_nlink > 1 && !allow_links)
		return err_set(ST_REFUSED, "has %lu hard links (see --allow-links)",
			(unsigned long)p->st.st_nlink);
	return 0;
}

/* Whether an attribute as of chattr(1) is set.  Where statx() fails, so does the change. */
static bool has_attribute(int dir, const char *name, uint64_t which)
{
	struct statx x;

	return statx(dir, name, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH, STATX_TYPE, &x) == 0 &&
	       x.stx_attributes & which;
}

int precheck_writable(const struct place_file *p)
{
	int r = faccessat(p->dir, p->base.name, W_OK, AT_EACCESS);

	if (r == 0 && has_attribute(p->dir, p->base.name, STATX_ATTR_APPEND)) {
		errno = EPERM; /* as of open(2) */
		r = -1;
	}
	return r < 0 ? err_sys("cannot open for writing") : 0;
}

bool precheck_keeps_entries(int dir)
{
	if (faccessat(dir, ".", W_OK | X_OK, AT_EACCESS) < 0)
		return true;
	errno = EPERM;
	return has_attribute(dir, "", STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND);
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

/* who: "" or "the directory ". */
static int refuse_attributes(int dir, const char *name, const char *who)
{
	if (has_attribute(dir, name, STATX_ATTR_IMMUTABLE))
		return err_set(ST_REFUSED, "%sis immutable (see chattr)", who);
	if (has_attribute(dir, name, STATX_ATTR_APPEND))
		return err_set(ST_REFUSED, "%sis append-only (see chattr)", who);
	if (*name && has_attribute(dir, name, STATX_ATTR_MOUNT_ROOT))
		return err_set(ST_BUSY, "is a mount point");
	return 0;
}

/* Whether the sticky bit does not bind us. */
static bool is_above_sticky(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &head, data) < 0)
		return geteuid() == 0;
	return data[CAP_TO_INDEX(CAP_FOWNER)].effective & CAP_TO_MASK(CAP_FOWNER);
}

bool precheck_is_kept(int dir, const struct stat *st)
{
	struct stat d;

	return fstat(dir, &d) == 0 && (d.st_mode & S_ISVTX) && geteuid() != st->st_uid &&
	       geteuid() != d.st_uid && !is_above_sticky();
}

int precheck_devices(const struct place_file *p)
{
	struct stat dir, dev;

	if (fstat(p->dir, &dir) < 0)
		return err_sys("cannot stat the directory");
	if (stat("/dev", &dev) == 0 && dir.st_dev == dev.st_dev)
		return err_set(ST_REFUSED, "would be a file among the device nodes in /dev");
	return 0;
}

int precheck_fixed(const struct place_file *p, bool dry_run)
{
	if (dry_run && faccessat(p->dir, ".", W_OK | X_OK, AT_EACCESS) < 0)
		return err_sys("cannot write into the directory");
	if (p->node >= 0 && refuse_attributes(p->dir, p->base.name, "") < 0)
		return -1;
	if (refuse_attributes(p->dir, "", "the directory ") < 0)
		return -1;
	if (p->node >= 0 && precheck_is_kept(p->dir, &p->st))
		return err_set(ST_REFUSED,
			"belongs to another user, and its directory has the sticky bit (%s)",
			hint_sudo());
	return 0;
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
