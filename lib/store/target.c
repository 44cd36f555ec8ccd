/*
 * target: the transaction of making one file.
 *
 *	checks, partial_create, allocate | writes | set_len, fsync, rename, fsync dir
 *
 * Before the rename an abort unlinks the hidden file; after it there is
 * nothing left to undo.
 */
#include "lib/store/target.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/store/inuse.h"
#include "lib/store/partial.h"

#define ZERO_PIECE (1u << 20)
#define LABEL_MAX 4096
#define LABEL "security.selinux"

struct target {
	struct place place;
	struct target_want want;
	char hidden[PARTIAL_NAME_MAX];
	int fd; /* of the hidden file */
	struct stat old;
	bool has_old;
	bool allocated; /* unwritten parts already read as zeros and have their room */
};

/* err_sys() for "what n", where beyond what a file may be is no room, too. */
static int out_of_room(const char *what, uint64_t n)
{
	if (errno == EFBIG)
		return err_set(ST_NOROOM, "%s %llu: more than this filesystem, or a limit, allows",
			what, (unsigned long long)n);
	return err_sys("%s %llu", what, (unsigned long long)n);
}

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
	if (S_ISDIR(t->old.st_mode))
		return err_set(ST_REFUSED, "is a directory, not an image");
	if (S_ISLNK(t->old.st_mode))
		return err_set(ST_REFUSED, "is a symbolic link");
	if (w->source && t->old.st_dev == w->source->st_dev && t->old.st_ino == w->source->st_ino)
		return err_set(ST_REFUSED, "source and target are the same image");
	if (!w->overwrite)
		return err_set(ST_EXISTS, "exists already (see --overwrite)");
	if (!S_ISREG(t->old.st_mode))
		return err_set(ST_REFUSED, "is not a regular file");
	if (t->old.st_nlink > 1 && !w->allow_links)
		return err_set(ST_REFUSED, "has %lu links (see --allow-links)",
			(unsigned long)t->old.st_nlink);
	return refuse_old_in_use(t);
}

/* Writes zeros where the filesystem has no call for it. */
static int write_zeros(int fd, uint64_t off, uint64_t len)
{
	uint8_t *zeros = calloc(1, ZERO_PIECE);
	uint64_t n;
	int r = zeros ? 0 : err_set(ST_FAILED, "out of memory");

	for (; r == 0 && len; off += n, len -= n) {
		n = len < ZERO_PIECE ? len : ZERO_PIECE;
		if (io_pwrite(fd, zeros, n, off) < 0)
			r = out_of_room("cannot write zeros at", off);
	}
	free(zeros);
	return r;
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
		return out_of_room("cannot make a file of", len);
	if (t->want.sparse || len == 0) {
		t->allocated = true;
		return 0;
	}
	if (fallocate(t->fd, 0, 0, (off_t)len) == 0) {
		t->allocated = true;
		return 0;
	}
	if (errno != EOPNOTSUPP && errno != ENOSYS)
		return out_of_room("cannot allocate bytes:", len);
	return 0;
}

struct target *target_open(struct place *place, const struct target_want *want)
{
	struct target *t = calloc(1, sizeof(*t));

	if (!t) {
		place_close(place);
		err_set(ST_FAILED, "out of memory");
		return NULL;
	}
	t->place = *place;
	t->want = *want;
	t->fd = -1;
	memset(place, 0, sizeof(*place));
	place->dir = -1;
	partial_name(t->place.name, t->hidden);
	if (check_old(t) < 0 || partial_check(t->place.dir, t->hidden) < 0)
		goto fail;
	if (want->dry_run) {
		if (faccessat(t->place.dir, ".", W_OK | X_OK, AT_EACCESS) == 0)
			return t;
		err_sys("cannot write into the directory");
		goto fail;
	}
	t->fd = partial_create(t->place.dir, t->hidden);
	if (t->fd < 0 || allocate(t) < 0)
		goto fail;
	return t;
fail:
	target_abort(t);
	return NULL;
}

int target_write(struct target *t, const void *p, size_t n, uint64_t off)
{
	if (io_pwrite(t->fd, p, n, off) < 0)
		return out_of_room("cannot write at", off);
	return 0;
}

int target_zero(struct target *t, uint64_t len, uint64_t off)
{
	if (t->allocated || t->want.sparse)
		return 0;
	if (fallocate(t->fd, 0, (off_t)off, (off_t)len) == 0)
		return 0;
	if (errno != EOPNOTSUPP && errno != ENOSYS)
		return out_of_room("cannot allocate bytes:", len);
	return write_zeros(t->fd, off, len);
}

int target_clone(struct target *t, int src)
{
	uint64_t len = t->want.len;

	if (ioctl(t->fd, FICLONE, src) < 0)
		return 0;
	/* Holes of the source are holes of the clone: give them their room. */
	if (t->want.sparse || len == 0 || len == TARGET_LEN_UNKNOWN ||
		fallocate(t->fd, 0, 0, (off_t)len) == 0 || errno == EOPNOTSUPP || errno == ENOSYS)
		return 1;
	return out_of_room("cannot allocate bytes:", len);
}

int target_set_len(struct target *t, uint64_t len)
{
	if (len > INT64_MAX)
		errno = EFBIG;
	else if (ftruncate(t->fd, (off_t)len) == 0)
		return 0;
	return out_of_room("cannot set the length to", len);
}

/* A replacement looks like what it replaces. */
static int keep_attributes(struct target *t)
{
	char label[LABEL_MAX], path[64];
	ssize_t n;
	int old, r = 0;

	if (fchown(t->fd, t->old.st_uid, t->old.st_gid) < 0)
		return err_sys("cannot keep the owner");
	if (fchmod(t->fd, t->old.st_mode & 07777) < 0)
		return err_sys("cannot keep the mode");
	old = openat(t->place.dir, t->place.name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (old < 0)
		return errno == ENOENT ? 0 : err_sys("cannot look at the target");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", old);
	n = getxattr(path, LABEL, label, sizeof(label));
	if (n > 0 && fsetxattr(t->fd, LABEL, label, (size_t)n, 0) < 0)
		r = err_sys("cannot keep the security label");
	close(old);
	return r;
}

/* rename() that replaces nothing, also where the filesystem cannot do it at once. */
static int rename_new(int dir, const char *from, const char *to)
{
	if (syscall(SYS_renameat2, dir, from, dir, to, 1 /* RENAME_NOREPLACE */) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	if (linkat(dir, from, dir, to, 0) == 0)
		return unlinkat(dir, from, 0);
	return -1;
}

static int sync_dir(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return errno == EACCES ? 0 : -1; /* a directory that may be written, not read */
	r = fsync(fd);
	if (r < 0 && errno == EINVAL) /* a filesystem that has no such thing */
		r = 0;
	close(fd);
	return r;
}

static int give_name(struct target *t)
{
	struct stat now;
	int r;

	if (!t->want.overwrite || !t->has_old) {
		r = rename_new(t->place.dir, t->hidden, t->place.name);
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

/* Without fsync() some filesystems (NFS) tell at close() only; the lock must outlive it. */
static int flush(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	return copy < 0 || close(copy) < 0 ? err_sys("cannot write") : 0;
}

static int sync_data(struct target *t)
{
	if (!t->want.fsync)
		return flush(t->fd);
	return fsync(t->fd) < 0 ? err_sys("cannot bring it to stable storage") : 0;
}

int target_commit(struct target *t)
{
	if ((t->has_old && keep_attributes(t) < 0) || sync_data(t) < 0 || give_name(t) < 0)
		goto fail;
	close(t->fd);
	t->fd = -1;
	if (t->want.fsync && sync_dir(t->place.dir) < 0) {
		err_sys("cannot bring the directory to stable storage");
		if (!t->has_old)
			unlinkat(t->place.dir, t->place.name, 0);
		place_close(&t->place);
		free(t);
		return -1;
	}
	place_close(&t->place);
	free(t);
	return 0;
fail:
	target_abort(t);
	return -1;
}

void target_abort(struct target *t)
{
	struct err e;

	if (!t)
		return;
	err_take(&e);
	/* The lock goes last, so that nobody takes the file for a dead run's. */
	if (t->fd >= 0) {
		if (unlinkat(t->place.dir, t->hidden, 0) < 0 && errno != ENOENT)
			log_warn("cannot remove the unfinished '%s'", t->hidden);
		close(t->fd);
	}
	place_close(&t->place);
	free(t);
	err_put(&e);
}

const char *target_path(const struct target *t)
{
	return t->place.path;
}
