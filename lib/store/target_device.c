/*
 * target_device: a block device that the configuration names, filled where it
 * is.  Its mark is a file beside its node (unfinished.h), which a reboot takes away.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/store/inuse.h"
#include "lib/store/target_state.h"
#include "lib/store/unfinished.h"
#include "lib/store/volume.h"

static int check(struct target *t)
{
	const struct target_want *w = &t->want;
	struct stat st;

	if (fstat(t->fd, &st) < 0)
		return err_sys("cannot stat");
	if (!S_ISBLK(st.st_mode) || st.st_rdev != t->place.dev)
		return err_set(ST_BUSY, "was replaced while it was looked at");
	if (w->source && S_ISBLK(w->source->st_mode) && w->source->st_rdev == st.st_rdev)
		return err_set(ST_REFUSED, "source and target are the same image");
	if (ioctl(t->fd, BLKGETSIZE64, &t->room) < 0)
		return err_sys("cannot get the device's size");
	if (w->len != TARGET_LEN_UNKNOWN && w->len > t->room)
		return err_set(ST_NOROOM, "the target has %llu bytes, and the source %llu",
			(unsigned long long)t->room, (unsigned long long)w->len);
	return 0;
}

static int begin_in_place(struct target *t)
{
	int marked;

	/* Exclusively: not while it is mounted, swap, a part of another, or filled by a run. */
	t->fd = openat(t->place.dir, t->place.name, O_RDWR | O_EXCL | O_NOFOLLOW | O_CLOEXEC);
	if (t->fd < 0 && errno == EBUSY)
		return inuse_explain_busy(t->place.dir, t->place.name);
	if (t->fd < 0)
		return err_sys("cannot open for writing");
	if (check(t) < 0)
		return -1;
	if (t->want.dry_run)
		return 0;
	target_volume_zero_init(t, false);
	/* What an earlier run left unfinished stays so if this one writes nothing. */
	marked = unfinished_is(t->fd, t->place.dir, t->place.name);
	if (marked < 0)
		return -1;
	t->marked = !marked;
	return unfinished_set(t->fd, t->place.dir, t->place.name);
}

static int begin_new(struct target *t)
{
	if (!t->want.overwrite)
		return err_set(ST_EXISTS, "exists already");
	t->ops = &target_device_in_place_ops;
	return begin_in_place(t);
}

static int set_len(struct target *t, uint64_t len)
{
	return target_volume_zero(t, t->room - len, len);
}

static int commit(struct target *t)
{
	if (target_sync(t) < 0 || unfinished_clear(t->fd, t->place.dir, t->place.name) < 0)
		return -1;
	close(t->fd);
	t->fd = -1;
	return 0;
}

static void undo(struct target *t)
{
	if (t->fd < 0)
		return;
	if (t->marked && !t->touched && !t->want.dry_run)
		unfinished_clear(t->fd, t->place.dir, t->place.name);
	close(t->fd);
}

const struct target_ops target_device_ops = {
	begin_new,
	target_volume_zero,
	set_len,
	NULL,
	commit,
	undo,
};

const struct target_ops target_device_in_place_ops = {
	begin_in_place,
	target_volume_zero,
	set_len,
	NULL,
	commit,
	undo,
};
