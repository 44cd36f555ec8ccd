/*
 * resize_fs: see resize_fs.h.
 */
#include "lib/op/resize_fs.h"

#include "lib/base/err.h"
#include "lib/base/size.h"

int resize_fs_open(struct resize_fs *x, int fd, uint64_t len, const struct ptable *t,
	const struct fs_want *want)
{
	x->table = NULL;
	x->start = 0;
	x->end = len;
	if (t->odd)
		return err_set(ST_REFUSED, "has %s, so its last partition is not resized", t->odd);
	if (t->kind != PTABLE_NONE) {
		if (t->fixed)
			return err_set(ST_REFUSED, "has %s, so its last partition is not resized",
				t->fixed);
		x->table = t;
		x->start = t->last_start;
		x->end = t->last_end;
	}
	if (fs_open(&x->fs, fd, x->start, x->end - x->start, want) == 0)
		return 0;
	return x->table ? err_wrap("partition %u, the last", t->last) : -1;
}

void resize_fs_close(struct resize_fs *x)
{
	fs_close(&x->fs);
}

static int plan_end(struct resize_fs *x, uint64_t len, uint64_t size)
{
	char want[SIZE_HUMAN], have[SIZE_HUMAN];
	uint64_t max = x->table ? ptable_last_end_max(x->table, len) : len;

	if (max <= x->start)
		return err_set(ST_REFUSED, "this leaves no space for partition %u, the last",
			x->table->last);
	if (size == 0)
		x->end = max;
	else if (size > max - x->start)
		return err_set(ST_NOROOM, "the filesystem would have %s, and there are %s for it",
			size_human(size, want), size_human(max - x->start, have));
	else
		x->end = x->table ? ptable_last_end_for(x->table, size) : len;
	return 0;
}

int resize_fs_plan(struct resize_fs *x, uint64_t len, uint64_t size)
{
	if (plan_end(x, len, size) < 0)
		return -1;
	x->bytes = fs_fit(&x->fs, size ? size : x->end - x->start);
	return fs_check(&x->fs, x->bytes);
}

int resize_fs_smallest(struct resize_fs *x, uint64_t *bytes)
{
	if (fs_smallest(&x->fs, bytes) < 0)
		return -1;
	if (*bytes && x->table)
		*bytes = ptable_last_min_len(x->table, ptable_last_end_for(x->table, *bytes));
	return 0;
}

/* The table, with the new end of the last partition. */
static int fit_table(const struct resize_fs *x, int fd, uint64_t len, uint64_t new_len)
{
	return x->table ? ptable_fit_last(x->table, fd, len, new_len, x->end) : 0;
}

int resize_fs_run(
	struct resize_fs *x, int fd, uint64_t len, uint64_t new_len, const struct fs_want *want)
{
	uint64_t old_end = x->table ? x->table->last_end : len;
	uint64_t space = (old_end > x->end ? old_end : x->end) - x->start;
	bool grows = x->end > old_end;

	fs_close(&x->fs);
	if (grows && fit_table(x, fd, len, new_len) < 0)
		return -1;
	/* A resize2fs that has outlived its helper has cut the file, and nobody has mended that. */
	if (fs_restore_len(fd, x->start + space) < 0 ||
		fs_open(&x->fs, fd, x->start, space, want) < 0 ||
		fs_resize(&x->fs, space, x->bytes) < 0)
		return -1;
	return grows ? 0 : fit_table(x, fd, len, new_len);
}
