/*
 * file_target: a new file, under a hidden name until it is complete.
 *
 *	checks, partial_create, allocate_file | writes | set_len, fsync, rename, fsync dir
 *
 * Before the rename an abort removes the hidden file; after it nothing is left to
 * roll back.
 */
#include "lib/store/file/file_target.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/base/size.h"
#include "lib/host/inuse.h"
#include "lib/store/dependents.h"
#include "lib/store/file/file_attributes.h"
#include "lib/store/file/file_clone.h"
#include "lib/store/file/file_space.h"
#include "lib/store/file/partial.h"
#include "lib/store/file/precheck.h"
#include "lib/store/file/publish.h"
#include "lib/store/file/unfinished.h"
#include "lib/store/image.h"
#include "lib/store/target_ops.h"

#define GROWTH (64u << 20)

struct target_file {
	struct target base;
	const struct place_file *place; /* base.place */
	bool replaces;			/* it replaces an existing file */
	char hidden[PARTIAL_NAME_MAX];	/* its name until commit */
	bool allocated;			/* what is not written reads as zeros and has its space */
	pthread_mutex_t growth;		/* guards grown */
	uint64_t grown;			/* length for the time being; see write_new_file() */
};

static struct target_file *file_of(struct target *base)
{
	return (struct target_file *)base;
}

/* Checks whether an existing file may be replaced. */
static int check_replaced_file(struct target_file *t)
{
	const struct target_want *w = &t->base.want;
	const struct place_file *p = t->place;
	int fd;

	if (p->node < 0 && !p->base.is_link)
		return 0;
	if (p->base.is_container || p->base.is_link)
		return precheck_stat(p, false);
	if (target_check_source(&t->base, &p->st) < 0)
		return -1;
	if (!w->overwrite)
		return err_set(ST_EXISTS, "exists already");
	t->replaces = true;
	if (w->replaces_source)
		return precheck_stat(p, w->allow_links);
	fd = precheck_open(p, O_RDONLY, w->allow_links);
	return fd < 0 || close(fd) < 0 ? -1 : dependents_refuse(&p->base);
}

/* Allocates all of it, where the filesystem can do that without writing. */
static int allocate_now(struct target_file *t)
{
	uint64_t len = t->base.want.len;

	if (fallocate(t->base.fd, 0, 0, (off_t)len) == 0)
		t->allocated = true;
	else if (!target_lacks_call())
		return target_out_of_space("cannot allocate", len);
	return 0;
}

/* Whether it is a copy of a file, byte by byte. */
static bool is_file_copy(const struct target *t)
{
	const struct image *source = t->want.source;

	return source && source->fd >= 0 && S_ISREG(source->st.st_mode) &&
	       (uint64_t)source->st.st_size == t->want.len;
}

/* A file that may share the source's blocks needs no space yet: see clone_file(). */
static bool may_share(const struct target *t)
{
	struct stat own;

	return is_file_copy(t) && fstat(t->fd, &own) == 0 &&
	       own.st_dev == t->want.source->st.st_dev;
}

static int allocate_file(struct target_file *t)
{
	uint64_t len = t->base.want.len;
	char human[SIZE_HUMAN];

	if (len == TARGET_LEN_UNKNOWN)
		return 0;
	if (len > INT64_MAX)
		return err_set(ST_NOROOM, "no file can have %s", size_human(len, human));
	if (ftruncate(t->base.fd, (off_t)len) < 0)
		return target_out_of_space("cannot set the length to", len);
	if (t->base.want.sparse || len == 0) {
		t->allocated = true;
		return 0;
	}
	return may_share(&t->base) ? 0 : allocate_now(t);
}

/* The file whose owner, mode and so on the complete file gets; or NULL: none. */
static const struct stat *model_of(const struct target_file *t)
{
	if (t->replaces)
		return &t->place->st;
	return t->base.want.like ? &t->base.want.like->st : NULL;
}

/* Who will own the complete file. */
static uid_t owner_of(const struct target_file *t)
{
	return model_of(t) ? model_of(t)->st_uid : geteuid();
}

/*
 * Opens the file that is to be replaced, for reading.  The descriptor; -1 with nothing recorded: it
 * was removed; -1 recorded, ST_BUSY if it is another file now.
 */
static int open_replaced(const struct target_file *t)
{
	int fd;

	err_clear();
	fd = file_place_open(&t->place->base, O_RDONLY | O_NONBLOCK);
	if (fd < 0 && err_errno() == ENOENT)
		err_clear();
	else if (fd < 0 && err_errno() == ESTALE)
		err_set(ST_BUSY, "another program has replaced it meanwhile");
	return fd;
}

/* Gives the empty file what it can get only now; finds out whether it can keep the rest. */
static int try_attributes(const struct target_file *t)
{
	int old = t->replaces ? open_replaced(t) : -1;

	if (t->replaces && old < 0)
		return err_status() == ST_OK ? 0 : -1;
	if (t->replaces) {
		file_attributes_copy_nocow(t->base.fd, old, true);
		close(old);
	}
	return file_attributes_try(t->base.fd, model_of(t));
}

static int prepare_new_file(struct target_file *t)
{
	const struct place_file *p = t->place;
	bool dry_run = t->base.want.dry_run;

	if (!p->base.is_container && p->dir >= 0) {
		partial_name(p->base.name, t->hidden);
		if (unfinished_reserves(p->base.name))
			return err_set(
				ST_REFUSED, "is a name that is reserved for unfinished files");
		if (precheck_devices(p) < 0)
			return -1;
	}
	if (check_replaced_file(t) < 0 || precheck_fixed(p, dry_run) < 0 ||
		partial_check(p->dir, t->hidden) < 0 ||
		unfinished_check(p->dir, p->base.name, owner_of(t)) < 0)
		return -1;
	if (dry_run)
		return file_attributes_try_in(p->dir, model_of(t)) < 0
			       ? -1
			       : file_space_check(p, t->hidden, &t->base.want);
	t->base.fd = partial_create(p->dir, t->hidden);
	if (t->base.fd < 0)
		return -1;
	if (try_attributes(t) < 0)
		return -1;
	if (!t->replaces && is_file_copy(&t->base))
		file_attributes_copy_nocow(t->base.fd, t->base.want.source->fd, t->base.want.share);
	target_set_hole_unit(&t->base);
	return allocate_file(t);
}

/*
 * XFS allocates space behind the end of a file that grows, and keeps what the next write
 * skips.  So the end of a sparse file whose length is not known is kept ahead of the writes,
 * until set_file_len().  If that fails, the write tells why.
 */
static int write_new_file(struct target *base, const void *p, size_t n, uint64_t off)
{
	struct target_file *t = file_of(base);

	if (base->want.sparse && base->want.len == TARGET_LEN_UNKNOWN) {
		pthread_mutex_lock(&t->growth);
		if (off + n > t->grown && ftruncate(base->fd, (off_t)(off + n + GROWTH)) == 0)
			t->grown = off + n + GROWTH;
		pthread_mutex_unlock(&t->growth);
	}
	return target_fd_write(base, p, n, off);
}

static int zero_new_file(struct target *base, uint64_t len, uint64_t off)
{
	if (file_of(base)->allocated || base->want.sparse)
		return 0;
	if (fallocate(base->fd, 0, (off_t)off, (off_t)len) == 0)
		return 0;
	if (!target_lacks_call())
		return target_out_of_space("cannot allocate", len);
	return target_write_zeros(base, len, off);
}

/* The clone has the holes of its source; allocates them. */
static int fill_holes(int fd, off_t len)
{
	off_t end, hole = lseek(fd, 0, SEEK_HOLE);

	while (hole >= 0 && hole < len) {
		end = lseek(fd, hole, SEEK_DATA);
		if (end < 0 || end > len)
			end = len;
		if (fallocate(fd, 0, hole, end - hole) < 0 && !target_lacks_call())
			return target_out_of_space("cannot allocate", (uint64_t)(end - hole));
		hole = end < len ? lseek(fd, end, SEEK_HOLE) : len;
	}
	return 0;
}

static int clone_file(struct target *base, const struct image *src)
{
	struct target_file *t = file_of(base);
	uint64_t len = base->want.len;

	if (src->fd < 0 || file_clone(base->fd, src->fd) < 0)
		return base->want.sparse || t->allocated || len == 0 || len == TARGET_LEN_UNKNOWN
			       ? 0
			       : allocate_now(t);
	if (base->want.sparse || len == TARGET_LEN_UNKNOWN || fill_holes(base->fd, (off_t)len) == 0)
		return 1;
	return -1;
}

static int set_file_len(struct target *t, uint64_t len)
{
	if (len > INT64_MAX)
		errno = EFBIG;
	else if (ftruncate(t->fd, (off_t)len) == 0)
		return 0;
	return target_out_of_space("cannot set the length to", len);
}

static int set_attributes(struct target_file *t)
{
	const struct image *like = t->base.want.like;
	struct timespec times[2];
	int old, r;

	if (t->replaces) {
		old = open_replaced(t);
		if (old < 0)
			return err_status() == ST_OK ? 0 : -1;
		r = file_attributes_copy(t->base.fd, old);
		if (r == 0)
			r = file_attributes_copy_user(t->base.fd, old);
		close(old);
		return r;
	}
	if (!like)
		return 0;
	if (file_attributes_copy(t->base.fd, like->fd) < 0)
		return -1;
	times[0] = like->st.st_atim;
	times[1] = like->st.st_mtim;
	return futimens(t->base.fd, times) < 0 ? err_sys("cannot keep the times") : 0;
}

/*
 * The file that is replaced must still be the one that was checked, and not in use.  It is not
 * open during the rename, because some FUSE filesystems then rename it, too.
 */
static int check_replaced(const struct target_file *t)
{
	int r, old = open_replaced(t);

	if (old < 0)
		return err_status() == ST_OK ? 0 : -1;
	r = t->base.want.replaces_source ? 0 : inuse_refuse(old);
	close(old);
	return r;
}

static int publish_file(struct target_file *t)
{
	const struct place_file *p = t->place;

	if (t->replaces && check_replaced(t) < 0)
		return -1;
	/* Another job may have made one, which is not complete. */
	if (!partial_is_same(p->dir, t->hidden, t->base.fd))
		return err_set(ST_BUSY, "its unfinished file was removed or replaced meanwhile");
	if (t->replaces)
		return renameat(p->dir, t->hidden, p->dir, p->base.name) < 0
			       ? err_sys("cannot rename the complete file")
			       : 0;
	if (publish_name(p->dir, t->hidden, p->base.name, "cannot rename the complete file") == 0)
		return 0;
	return err_errno() == EEXIST
		       ? err_set(ST_EXISTS, "another program has created it meanwhile")
		       : -1;
}

static int settle_new_file(struct target *base)
{
	partial_unmark(base->fd);
	return set_attributes(file_of(base)) < 0 ? -1 : target_sync(base);
}

/* After the rename.  0, or -1 recorded. */
static int finish_name(const struct target_file *t, int fd)
{
	const struct place_file *p = t->place;

	if (unfinished_forget(p->dir, p->base.name, owner_of(t)) < 0)
		return -1;
	return t->base.want.fsync && io_sync_dir(p->dir, fd) < 0
		       ? err_sys("cannot sync the directory to disk")
		       : 0;
}

static int commit_new_file(struct target *base)
{
	struct target_file *t = file_of(base);
	const struct place_file *p = t->place;
	int r, fd = base->fd;

	if (publish_file(t) < 0)
		return -1;
	base->fd = -1; /* nothing is left to abort */
	r = finish_name(t, fd);
	if (r < 0 && !t->replaces && partial_is_same(p->dir, p->base.name, fd))
		unlinkat(p->dir, p->base.name, 0);
	close(fd);
	return r;
}

static void abort_new_file(struct target *base)
{
	struct target_file *t = file_of(base);

	if (base->fd < 0)
		return;
	/* The lock is held until the end, so that no other job takes the file for a stale one. */
	if (partial_is_same(t->place->dir, t->hidden, base->fd) &&
		unlinkat(t->place->dir, t->hidden, 0) < 0 && errno != ENOENT)
		log_warn("warning: cannot remove the unfinished '%s'", t->hidden);
	close(base->fd);
}

static const struct target_ops ops = {
	.write = write_new_file,
	.zero = zero_new_file,
	.set_len = set_file_len,
	.clone = clone_file,
	.settle = settle_new_file,
	.commit = commit_new_file,
	.abort = abort_new_file,
};

struct target *file_target_make(struct place *place, const struct target_want *want)
{
	struct target_file *t = target_new(sizeof(*t), &ops, place, want);

	if (!t)
		return NULL;
	t->place = (const struct place_file *)place;
	pthread_mutex_init(&t->growth, NULL);
	return target_ready(&t->base, prepare_new_file(t));
}
