/*
 * target_volume: a logical volume that is made, or filled where it is.
 *
 *	new:      checks, lvcreate with our run's tag | writes | zero the rest,
 *	          fsync, take the tag away
 *	in place: checks, open for us alone, mark by a tag | the same
 *
 * A new one that is given up is removed; of one that was written in place the
 * mark stays.  Who only looks at the tags sees both as unfinished.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/base/run.h"
#include "lib/store/store.h"
#include "lib/store/target_state.h"

#define PAGE 4096u
#define PIECE (256u << 10)
#define ZERO_STEP (64u << 20) /* zeroed by one call, which nothing can interrupt */
#define TAG_MAX (sizeof(VOLUME_TAG_RUN) + RUN_TEXT_MAX)

static int run_tag(char out[TAG_MAX])
{
	char run[RUN_TEXT_MAX];

	if (run_self(run) < 0)
		return -1;
	snprintf(out, TAG_MAX, VOLUME_TAG_RUN "%s", run);
	return 0;
}

/* The size and alignment of what a discard takes away for good; 0: it takes nothing. */
static uint64_t discard_unit(int fd)
{
	unsigned long long unit = 0;
	char path[96];
	struct stat st;
	FILE *f;

	if (fstat(fd, &st) < 0)
		return 0;
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/queue/discard_granularity",
		major(st.st_rdev), minor(st.st_rdev));
	f = fopen(path, "re");
	if (f && fscanf(f, "%llu", &unit) != 1)
		unit = 0;
	if (f)
		fclose(f);
	return unit;
}

/* Opens what is to be written, for us alone, and finds its size. */
static int take(struct target *t, const struct lvm_volume *v)
{
	int other;

	t->fd = volume_open(v, O_RDWR | O_EXCL);
	if (t->fd < 0)
		return -1;
	other = volume_is_open_elsewhere(t->fd, 1);
	if (other)
		return other < 0 ? -1 : err_set(ST_BUSY, "in use: open elsewhere");
	if (ioctl(t->fd, BLKGETSIZE64, &t->room) < 0)
		return err_sys("cannot get the volume's size");
	t->thin = v->is_thin;
	t->unit = t->thin ? discard_unit(t->fd) : PAGE;
	if (t->unit == 0)
		t->unit = PIECE;
	return 0;
}

/* What room a new one takes in its group, whole extents; or that there is none. */
static int check_room(struct target *t, const struct lvm_group *g)
{
	uint64_t extents = (t->want.volume_len - 1) / g->extent_size + 1;
	struct lvm_volume pool;
	int r = 0;

	t->room = extents * g->extent_size;
	if (!t->want.pool)
		return extents > g->free / g->extent_size
			       ? err_set(ST_NOROOM,
					 "group '%s' has %llu bytes left, and %llu are needed",
					 g->name, (unsigned long long)g->free,
					 (unsigned long long)(extents * g->extent_size))
			       : 0;
	if (lvm_volume(&pool, g->name, t->want.pool) < 0)
		return err_wrap("pool '%s'", t->want.pool);
	if (!pool.is_pool || strncmp(pool.layout, "thin", 4) != 0)
		r = err_set(ST_REFUSED, "'%s' is no thin pool", t->want.pool);
	else if (pool.used >= 1)
		r = err_set(ST_NOROOM, "pool '%s' is full", t->want.pool);
	lvm_volume_fini(&pool);
	return r;
}

static int check_group(struct target *t)
{
	struct lvm_groups g;
	int r;

	if (lvm_groups(&g, t->place.volume.group) < 0)
		return -1;
	r = g.count == 1 && g.group[0].extent_size
		    ? 0
		    : err_set(ST_FAILED, "LVM does not tell of its group");
	if (r == 0)
		r = volume_check_group(&g.group[0]);
	if (r == 0)
		r = check_room(t, &g.group[0]);
	lvm_groups_fini(&g);
	return r;
}

/* Removes what lvcreate has made under our tag, whether it ended well or not. */
static void remove_own(struct target *t)
{
	char which[TAG_MAX + 16], tag[TAG_MAX], name[LVM_NAME_MAX + 16];
	char both[sizeof(which) + sizeof(name) + 8];
	const char *argv[] = { "lvremove", "-qq", "-y", "--select", both, t->place.volume.group,
		NULL };

	if (run_tag(tag) < 0)
		return;
	snprintf(which, sizeof(which), "lv_tags=\"%s\"", tag);
	snprintf(name, sizeof(name), "lv_name=\"%s\"", t->place.volume.name);
	snprintf(both, sizeof(both), "%s && %s", which, name);
	if (lvm_change(argv) < 0)
		log_warn("cannot remove the volume '%s' again (see img-clean): %s", t->place.path,
			err_text());
}

static int make(struct target *t)
{
	const struct volume_name *n = &t->place.volume;
	char size[32], tag[TAG_MAX];
	const char *argv[] = { "lvcreate", "-qq", "-y", "--addtag", tag, "-n", n->name,
		t->want.pool ? "-V" : "-L", size, t->want.pool ? "--thinpool" : n->group,
		t->want.pool, t->want.pool ? n->group : NULL, NULL };
	struct lvm_volume v;
	int r;

	if (run_tag(tag) < 0)
		return -1;
	snprintf(size, sizeof(size), "%llub", (unsigned long long)t->want.volume_len);
	t->made = true;
	if (lvm_change(argv) < 0)
		return -1;
	if (volume_look(&v, n) < 0)
		return -1;
	r = take(t, &v);
	lvm_volume_fini(&v);
	return r;
}

static int begin_in_place(struct target *t);

static int begin_new(struct target *t)
{
	struct lvm_volume v;

	if (t->want.volume_len == 0)
		t->want.volume_len = t->want.len;
	if (t->want.volume_len == TARGET_LEN_UNKNOWN)
		return err_set(ST_USAGE, "a new volume's size has to be known (see --size)");
	if (t->want.volume_len == 0)
		return err_set(ST_REFUSED, "a volume cannot be empty");
	if (t->want.len != TARGET_LEN_UNKNOWN && t->want.len > t->want.volume_len)
		return err_set(ST_NOROOM, "it would have %llu bytes, and the source has %llu",
			(unsigned long long)t->want.volume_len, (unsigned long long)t->want.len);
	if (!lvm_name_is_valid(t->place.volume.name))
		return err_set(ST_REFUSED, "'%s' is no name for a volume", t->place.volume.name);
	if (lvm_volume(&v, t->place.volume.group, t->place.volume.name) == 0) {
		lvm_volume_fini(&v);
		if (!t->want.overwrite)
			return err_set(ST_EXISTS, "exists already");
		t->ops = &target_volume_in_place_ops;
		return begin_in_place(t);
	}
	if (err_status() != ST_ABSENT)
		return -1;
	err_clear();
	if (check_group(t) < 0 || t->want.dry_run)
		return t->want.dry_run && err_status() == ST_OK ? 0 : -1;
	return make(t);
}

static int check_in_place(struct target *t, const struct lvm_volume *v)
{
	const struct target_want *w = &t->want;
	struct stat st;

	if (volume_check_changeable(v) < 0)
		return -1;
	if (w->source && S_ISBLK(w->source->st_mode) && stat(t->place.path, &st) == 0 &&
		st.st_rdev == w->source->st_rdev)
		return err_set(ST_REFUSED, "source and target are the same image");
	if (take(t, v) < 0)
		return -1;
	if (w->len != TARGET_LEN_UNKNOWN && w->len > t->room)
		return err_set(ST_NOROOM, "the target has %llu bytes, and the source %llu",
			(unsigned long long)t->room, (unsigned long long)w->len);
	return 0;
}

static int begin_in_place(struct target *t)
{
	struct lvm_volume v;
	int r;

	if (volume_look(&v, &t->place.volume) < 0)
		return -1;
	r = check_in_place(t, &v);
	/* What an earlier run left unfinished stays so if this one writes nothing. */
	t->marked = !volume_is_unfinished(&v);
	if (r == 0 && !t->want.dry_run && t->marked)
		r = volume_set_tag(&t->place.volume, VOLUME_TAG_UNFINISHED, true);
	if (r < 0)
		t->marked = false;
	lvm_volume_fini(&v);
	return r;
}

/* Of a thin one only what is not zeros already, which costs its pool nothing. */
static int zero_bytes(struct target *t, uint64_t len, uint64_t off)
{
	uint8_t *piece;
	uint64_t n;
	int r = 0;

	if (!t->thin || len == 0)
		return len ? target_write_zeros(t, len, off) : 0;
	piece = malloc(PIECE);
	if (!piece)
		return err_set(ST_FAILED, "out of memory");
	for (; r == 0 && len; off += n, len -= n) {
		n = len < PIECE ? len : PIECE;
		if (cancel_is_set())
			r = err_set(ST_FAILED, "interrupted");
		else if (io_pread(t->fd, piece, n, off) != (ssize_t)n)
			r = err_sys("cannot read at %llu", (unsigned long long)off);
		else if (!(*piece == 0 && memcmp(piece, piece + 1, n - 1) == 0))
			r = target_write_zeros(t, n, off);
	}
	free(piece);
	return r;
}

/* By the device, which may have a faster way than bytes, in steps; else by bytes. */
static int zero_units(struct target *t, uint64_t len, uint64_t off)
{
	uint64_t range[2], step;

	for (; len; off += step, len -= step) {
		if (cancel_is_set())
			return err_set(ST_FAILED, "interrupted");
		step = len < ZERO_STEP ? len : ZERO_STEP;
		range[0] = off;
		range[1] = step;
		if (ioctl(t->fd, t->thin ? BLKDISCARD : BLKZEROOUT, range) == 0)
			continue;
		if (errno != EOPNOTSUPP && errno != ENOTTY && errno != EINVAL)
			return err_sys("cannot zero at %llu", (unsigned long long)off);
		if (zero_bytes(t, step, off) < 0)
			return -1;
	}
	return 0;
}

static int zero_range(struct target *t, uint64_t len, uint64_t off)
{
	uint64_t head = (t->unit - off % t->unit) % t->unit, body;

	t->touched = true;
	head = head < len ? head : len;
	body = (len - head) - (len - head) % t->unit;
	if (zero_bytes(t, head, off) < 0 || zero_units(t, body, off + head) < 0)
		return -1;
	return zero_bytes(t, len - head - body, off + head + body);
}

/* A new thin one reads as zeros where nothing was written. */
static int zero_new(struct target *t, uint64_t len, uint64_t off)
{
	return t->thin ? 0 : zero_range(t, len, off);
}

static int set_len_new(struct target *t, uint64_t len)
{
	return zero_new(t, t->room - len, len);
}

static int set_len_in_place(struct target *t, uint64_t len)
{
	return zero_range(t, t->room - len, len);
}

/* A full pool says just that something could not be written. */
static int sync_all(struct target *t)
{
	struct lvm_volume v, pool;
	struct err e;

	if (target_sync(t) == 0)
		return 0;
	if (!t->thin)
		return -1;
	err_take(&e);
	if (lvm_volume(&v, t->place.volume.group, t->place.volume.name) == 0) {
		if (lvm_volume(&pool, v.group, v.pool) == 0) {
			if (pool.used >= 1 || pool.meta_used >= 1)
				e.status = ST_NOROOM;
			if (e.status == ST_NOROOM)
				snprintf(e.text, sizeof(e.text), "pool '%s' is full", v.pool);
			lvm_volume_fini(&pool);
		}
		lvm_volume_fini(&v);
	}
	err_put(&e);
	return -1;
}

static int commit_new(struct target *t)
{
	char tag[TAG_MAX];

	if (sync_all(t) < 0 || run_tag(tag) < 0 || volume_set_tag(&t->place.volume, tag, false) < 0)
		return -1;
	close(t->fd);
	t->fd = -1;
	return 0;
}

static int commit_in_place(struct target *t)
{
	if (sync_all(t) < 0 || volume_set_tag(&t->place.volume, VOLUME_TAG_UNFINISHED, false) < 0)
		return -1;
	close(t->fd);
	t->fd = -1;
	return 0;
}

static void undo_new(struct target *t)
{
	if (t->fd >= 0)
		close(t->fd);
	if (t->made)
		remove_own(t);
}

static void undo_in_place(struct target *t)
{
	if (t->marked && !t->touched && !t->want.dry_run)
		volume_set_tag(&t->place.volume, VOLUME_TAG_UNFINISHED, false);
	if (t->fd >= 0)
		close(t->fd);
}

const struct target_ops target_volume_ops = {
	begin_new,
	zero_new,
	set_len_new,
	NULL,
	commit_new,
	undo_new,
};

const struct target_ops target_volume_in_place_ops = {
	begin_in_place,
	zero_range,
	set_len_in_place,
	NULL,
	commit_in_place,
	undo_in_place,
};
