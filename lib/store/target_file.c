/*
 * target_file: a file that is made beside its name.
 *
 *	checks, partial_create, allocate | writes | set_len, fsync, rename, fsync dir
 *
 * Before the rename an abort unlinks the hidden file; after it there is
 * nothing left to undo.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/store/existing.h"
#include "lib/store/inuse.h"
#include "lib/store/naming.h"
#include "lib/store/target_state.h"
#include "lib/store/unfinished.h"

#define LABEL_MAX 4096
#define LABEL "security.selinux"
#define ACL "system.posix_acl_access"

static int refuse_old_in_use(struct target *t)
{
	int r, fd;

	fd = openat(t->place.dir, t->place.name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return err_sys("cannot look at the target");
	r = inuse_refuse(fd, INUSE_ANY);
	close(fd);
	return r;
}

/* What stands under the final name now, and whether it may be replaced. */
static int check_old(struct target *t)
{
	const struct target_want *w = &t->want;

	if (fstatat(t->place.dir, t->place.name, &t->old, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys("cannot look at the target");
	t->has_old = true;
	if (S_ISDIR(t->old.st_mode) || S_ISLNK(t->old.st_mode))
		return existing_check(&t->old, false);
	if (w->source && t->old.st_dev == w->source->st_dev && t->old.st_ino == w->source->st_ino)
		return err_set(ST_REFUSED, "source and target are the same image");
	if (!w->overwrite)
		return err_set(ST_EXISTS, "exists already");
	if (existing_check(&t->old, w->allow_links) < 0 || refuse_old_in_use(t) < 0)
		return -1;
	/* Held, as some FUSE filesystems number a file anew when nothing holds it. */
	t->old_fd = openat(t->place.dir, t->place.name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (t->old_fd < 0 || fstat(t->old_fd, &t->old) < 0)
		return err_sys("cannot look at the target");
	return existing_check(&t->old, w->allow_links);
}

static int reserve(struct target *t)
{
	uint64_t len = t->want.len;

	if (fallocate(t->fd, 0, 0, (off_t)len) == 0)
		t->allocated = true;
	else if (!target_lacks_call())
		return target_out_of_room("cannot allocate", len, " bytes");
	return 0;
}

/* What may come to share the source's blocks needs no room of its own: see clone(). */
static bool may_share(const struct target *t)
{
	const struct stat *source = t->want.source;
	struct stat own;

	return source && S_ISREG(source->st_mode) && (uint64_t)source->st_size == t->want.len &&
	       fstat(t->fd, &own) == 0 && own.st_dev == source->st_dev;
}

static int allocate(struct target *t)
{
	uint64_t len = t->want.len;

	if (len == TARGET_LEN_UNKNOWN)
		return 0;
	if (len > INT64_MAX)
		return err_set(ST_NOROOM, "%llu bytes are more than a file can hold",
			(unsigned long long)len);
	if (ftruncate(t->fd, (off_t)len) < 0)
		return target_out_of_room("cannot make a file of", len, " bytes");
	if (t->want.sparse || len == 0) {
		t->allocated = true;
		return 0;
	}
	return may_share(t) ? 0 : reserve(t);
}

/* A file among the device nodes would be one in memory, whatever its name promises. */
static int refuse_devices(struct target *t)
{
	struct stat dir, dev;

	if (fstat(t->place.dir, &dir) < 0)
		return err_sys("cannot look at the directory");
	if (stat("/dev", &dev) == 0 && dir.st_dev == dev.st_dev)
		return err_set(
			ST_REFUSED, "is among the device nodes, where no image file belongs");
	return 0;
}

/* A dry run's part of allocate(). */
static int check_room(struct target *t)
{
	struct statvfs vfs;
	uint64_t free_bytes;

	if (t->want.sparse || t->want.len == TARGET_LEN_UNKNOWN || fstatvfs(t->place.dir, &vfs) < 0)
		return 0;
	free_bytes = (uint64_t)vfs.f_bavail * vfs.f_frsize;
	if (t->want.len > free_bytes)
		return err_set(ST_NOROOM, "%llu bytes are wanted, %llu are free",
			(unsigned long long)t->want.len, (unsigned long long)free_bytes);
	return 0;
}

static int begin(struct target *t)
{
	partial_name(t->place.name, t->hidden);
	if (partial_is(t->place.name))
		return err_set(ST_REFUSED, "is a name for what is unfinished");
	if (refuse_devices(t) < 0)
		return -1;
	if (check_old(t) < 0 || existing_check_fixed(t->place.dir,
					t->has_old ? t->place.name : NULL, t->want.dry_run) < 0)
		return -1;
	if (partial_check(t->place.dir, t->hidden) < 0)
		return -1;
	if (t->want.dry_run)
		return check_room(t);
	t->fd = partial_create(t->place.dir, t->hidden);
	return t->fd < 0 ? -1 : allocate(t);
}

static int zero(struct target *t, uint64_t len, uint64_t off)
{
	if (t->allocated || t->want.sparse)
		return 0;
	if (fallocate(t->fd, 0, (off_t)off, (off_t)len) == 0)
		return 0;
	if (!target_lacks_call())
		return target_out_of_room("cannot allocate", len, " bytes");
	return target_write_zeros(t, len, off);
}

/* Holes of the source are holes of the clone: gives them their room. */
static int fill_holes(struct target *t, off_t len)
{
	off_t end, hole = lseek(t->fd, 0, SEEK_HOLE);

	while (hole >= 0 && hole < len) {
		end = lseek(t->fd, hole, SEEK_DATA);
		if (end < 0 || end > len)
			end = len;
		if (fallocate(t->fd, 0, hole, end - hole) < 0 && !target_lacks_call())
			return target_out_of_room(
				"cannot allocate", (uint64_t)(end - hole), " bytes");
		hole = end < len ? lseek(t->fd, end, SEEK_HOLE) : len;
	}
	return 0;
}

static int clone(struct target *t, int src)
{
	uint64_t len = t->want.len;

	if (ioctl(t->fd, FICLONE, src) < 0)
		return t->want.sparse || t->allocated || len == 0 || len == TARGET_LEN_UNKNOWN
			       ? 0
			       : reserve(t);
	if (t->want.sparse || len == TARGET_LEN_UNKNOWN || fill_holes(t, (off_t)len) == 0)
		return 1;
	return -1;
}

static int set_len(struct target *t, uint64_t len)
{
	if (len > INT64_MAX)
		errno = EFBIG;
	else if (ftruncate(t->fd, (off_t)len) == 0)
		return 0;
	return target_out_of_room("cannot set the length to", len, " bytes");
}

/* The model's list, and none that the directory gave; as path, since it may be O_PATH. */
static int keep_acl(struct target *t, const char *model)
{
	char *acl = malloc(XATTR_SIZE_MAX);
	ssize_t n = acl ? getxattr(model, ACL, acl, XATTR_SIZE_MAX) : -1;
	int r = 0;

	if (!acl)
		return err_set(ST_FAILED, "out of memory");
	if (n >= 0)
		r = fsetxattr(t->fd, ACL, acl, (size_t)n, 0);
	else if (fgetxattr(t->fd, ACL, NULL, 0) > 0)
		r = fremovexattr(t->fd, ACL);
	free(acl);
	return r < 0 ? err_sys("cannot keep the access list") : 0;
}

/*
 * It looks like the file that it replaces or stands for: owner, mode, label.  What
 * is so already is left, since not every filesystem can be asked for it.
 */
static int look_like(struct target *t, int model)
{
	char label[LABEL_MAX], path[64];
	struct stat st, own;
	ssize_t n;

	if (fstat(model, &st) < 0 || fstat(t->fd, &own) < 0)
		return err_sys("cannot look at its owner");
	if ((st.st_uid != own.st_uid || st.st_gid != own.st_gid) &&
		fchown(t->fd, st.st_uid, st.st_gid) < 0)
		return err_sys("cannot keep the owner");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", model);
	if (keep_acl(t, path) < 0)
		return -1;
	if (fstat(t->fd, &own) < 0)
		return err_sys("cannot look at its mode");
	if (st.st_mode != own.st_mode && fchmod(t->fd, st.st_mode & 07777) < 0)
		return err_sys("cannot keep the mode");
	n = getxattr(path, LABEL, label, sizeof(label));
	if (n > 0 && fsetxattr(t->fd, LABEL, label, (size_t)n, 0) < 0)
		return err_sys("cannot keep the security label");
	return 0;
}

static int keep_attributes(struct target *t)
{
	struct timespec times[2];
	struct stat st;

	if (t->want.like <= 0)
		return t->old_fd < 0 ? 0 : look_like(t, t->old_fd);
	if (look_like(t, t->want.like) < 0)
		return -1;
	if (fstat(t->want.like, &st) < 0)
		return err_sys("cannot look at its times");
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	return futimens(t->fd, times) < 0 ? err_sys("cannot keep the times") : 0;
}

static int give_name(struct target *t)
{
	struct stat now;
	int r;

	if (!t->want.overwrite || !t->has_old) {
		r = naming_rename_new(t->place.dir, t->hidden, t->place.name);
		if (r < 0 && errno == EEXIST)
			return err_set(ST_EXISTS, "another program has made it meanwhile");
		return r < 0 ? err_sys("cannot give it its name") : 0;
	}
	/* What the checks allowed to be replaced must still be what is there, and unused. */
	if (fstatat(t->place.dir, t->place.name, &now, AT_SYMLINK_NOFOLLOW) == 0) {
		if (now.st_dev != t->old.st_dev || now.st_ino != t->old.st_ino)
			return err_set(ST_BUSY, "another program has replaced it meanwhile");
		if (refuse_old_in_use(t) < 0)
			return -1;
	}
	if (renameat(t->place.dir, t->hidden, t->place.dir, t->place.name) < 0)
		return err_sys("cannot give it its name");
	return 0;
}

static int commit(struct target *t)
{
	partial_unmark(t->fd);
	if (keep_attributes(t) < 0 || target_sync(t) < 0 || give_name(t) < 0)
		return -1;
	close(t->fd);
	t->fd = -1;
	if (unfinished_forget(t->place.dir, t->place.name) == 0) {
		if (!t->want.fsync || naming_sync(t->place.dir) == 0)
			return 0;
		err_sys("cannot bring the directory to stable storage");
	}
	if (!t->has_old)
		unlinkat(t->place.dir, t->place.name, 0);
	return -1;
}

static void undo(struct target *t)
{
	if (t->fd < 0)
		return;
	/* The lock goes last, so that nobody takes the file for a dead run's. */
	if (unlinkat(t->place.dir, t->hidden, 0) < 0 && errno != ENOENT)
		log_warn("cannot remove the unfinished '%s'", t->hidden);
	close(t->fd);
}

const struct target_ops target_file_ops = { begin, zero, set_len, clone, commit, undo };
