/*
 * target_inplace: an existing image that is filled where it is.
 *
 *	checks, lock, mark, fsync | writes | zero the rest, fsync, unmark, fsync
 *
 * A failure after the first write leaves a mixture, and the mark says so; one
 * before it takes the mark away again.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/store/existing.h"
#include "lib/store/target_state.h"
#include "lib/store/unfinished.h"

static int begin(struct target *t)
{
	const struct target_want *w = &t->want;
	int marked;

	t->fd = existing_open(&t->place, w->dry_run ? O_RDONLY : O_RDWR, w->allow_links, &t->old);
	if (t->fd < 0)
		return -1;
	t->has_old = true;
	t->room = (uint64_t)t->old.st_size;
	if (w->source && t->old.st_dev == w->source->st_dev && t->old.st_ino == w->source->st_ino)
		return err_set(ST_REFUSED, "source and target are the same image");
	if (w->len != TARGET_LEN_UNKNOWN && w->len > t->room)
		return err_set(ST_NOROOM, "the target has %llu bytes, and the source %llu",
			(unsigned long long)t->room, (unsigned long long)w->len);
	if (w->dry_run)
		return faccessat(t->place.dir, t->place.name, W_OK, AT_EACCESS) < 0
			       ? err_sys("cannot open for writing")
			       : 0;
	/* The same lock as on a partial file: it keeps QEMU and other runs away. */
	if (partial_lock(t->fd) < 0)
		return err_status() == ST_BUSY
			       ? err_set(ST_BUSY, "in use: another run is writing it")
			       : -1;
	/* What an earlier run left unfinished stays so if this one writes nothing. */
	marked = unfinished_is(t->fd, t->place.dir, t->place.name);
	if (marked < 0)
		return -1;
	t->marked = !marked;
	return unfinished_set(t->fd, t->place.dir, t->place.name);
}

static int zero(struct target *t, uint64_t len, uint64_t off)
{
	t->touched = true;
	if (len == 0)
		return 0;
	if (t->want.sparse && fallocate(t->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				      (off_t)off, (off_t)len) == 0)
		return 0;
	if (fallocate(t->fd, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, (off_t)off, (off_t)len) ==
		0)
		return 0;
	if (!target_lacks_call())
		return target_out_of_room("cannot zero", len, " bytes");
	/* Zeros by a hole, and its room again. */
	if (fallocate(t->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off, (off_t)len) ==
			0 &&
		fallocate(t->fd, 0, (off_t)off, (off_t)len) == 0)
		return 0;
	return target_write_zeros(t, len, off);
}

/* The image keeps its length; what the source did not fill is zeroed. */
static int set_len(struct target *t, uint64_t len)
{
	if (len > t->room)
		return err_set(ST_NOROOM, "the target has %llu bytes, and the source has more",
			(unsigned long long)t->room);
	return zero(t, t->room - len, len);
}

static int commit(struct target *t)
{
	if (target_sync(t) < 0 || unfinished_clear(t->fd, t->place.dir, t->place.name) < 0)
		return -1;
	if (target_sync(t) < 0) {
		unfinished_set(t->fd, t->place.dir, t->place.name);
		return err_set(ST_FAILED, "cannot bring it to stable storage");
	}
	close(t->fd);
	t->fd = -1;
	return 0;
}

static void undo(struct target *t)
{
	if (t->fd < 0)
		return;
	if (t->marked && !t->touched)
		unfinished_clear(t->fd, t->place.dir, t->place.name);
	close(t->fd);
}

const struct target_ops target_inplace_ops = { begin, zero, set_len, NULL, commit, undo };
