/*
 * resize_cut: see resize_cut.h.
 */
#include "lib/op/resize_cut.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/size.h"
#include "lib/format/fs_extent.h"

/* type: of the partition table, as libblkid sees it, or "". */
static int check_table(const struct ptable *t, const char *type, uint64_t new_len)
{
	char end[SIZE_HUMAN];

	if (t->kind == PTABLE_NONE && *type)
		return err_set(ST_REFUSED,
			"has a partition table of type %s, so it is not known what may be cut off",
			type);
	if (t->odd)
		return err_set(
			ST_REFUSED, "has %s, so it is not known what may be cut off", t->odd);
	if (t->used > new_len)
		return err_set(ST_REFUSED,
			"this would cut into partition %u, which ends at %s (%llu bytes)", t->last,
			size_human(t->used, end), (unsigned long long)t->used);
	if (t->min_len > new_len)
		return err_set(ST_REFUSED,
			"this would leave no space for the partition table: with that it needs %s "
			"(%llu bytes)",
			size_human(t->min_len, end), (unsigned long long)t->min_len);
	return 0;
}

static int check_filesystem(const struct fs_extent *fs, uint64_t new_len)
{
	char end[SIZE_HUMAN];

	if (fs->measured == FS_NONE)
		return 0;
	if (fs->measured == FS_UNKNOWN)
		return err_set(ST_REFUSED, "holds %s, whose end is not known", fs->type);
	if (fs->needs_replay)
		return err_set(ST_REFUSED,
			"its %s filesystem was not unmounted, so its end is not known: mount or "
			"check it first",
			fs->type);
	if (fs->bytes > new_len)
		return err_set(ST_REFUSED,
			"this would cut into its %s filesystem, which ends at %s (%llu bytes)",
			fs->type, size_human(fs->bytes, end), (unsigned long long)fs->bytes);
	return 0;
}

/* Whether the last partition holds LUKS or LVM, whose type fs gets: 1, 0, or -1 recorded. */
static int find_container(const struct ptable *t, int fd, uint64_t len, struct fs_extent *fs)
{
	if (t->last_end <= t->last_start || t->last_end > len)
		return 0;
	if (fs_extent_read(fs, fd, t->last_start, t->last_end - t->last_start, NULL) < 0)
		return -1;
	return strcmp(fs->type, "crypto_LUKS") == 0 || strcmp(fs->type, "LVM2_member") == 0;
}

/* LUKS and LVM in the last partition may expect what follows it, so nothing is cut behind them. */
static int check_last_partition(const struct ptable *t, int fd, uint64_t len)
{
	struct fs_extent fs;
	int is = find_container(t, fd, len, &fs);

	return is <= 0 ? is
		       : err_set(ST_REFUSED, "partition %u, the last, holds %s", t->last, fs.type);
}

void resize_cut_untouched(
	int fd, uint64_t len, const struct ptable *t, char out[RESIZE_UNTOUCHED_MAX])
{
	struct fs_extent fs;
	struct probe p;

	*out = '\0';
	if (t->odd)
		snprintf(out, RESIZE_UNTOUCHED_MAX, "has %s", t->odd);
	else if (t->kind == PTABLE_NONE && probe_range(fd, 0, len, &p) == 0 && *p.table)
		snprintf(out, RESIZE_UNTOUCHED_MAX, "has a partition table of type %s", p.table);
	else if (t->kind != PTABLE_NONE && find_container(t, fd, len, &fs) > 0)
		snprintf(out, RESIZE_UNTOUCHED_MAX, "has %s in partition %u, the last", fs.type,
			t->last);
	err_clear(); /* what cannot be read is not told */
}

int resize_cut_check(
	int fd, uint64_t len, uint64_t new_len, const struct ptable *t, uint64_t *smallest)
{
	struct fs_extent fs;
	struct probe p;

	*smallest = t->min_len;
	if (probe_range(fd, 0, len, &p) < 0 || fs_extent_read(&fs, fd, 0, len, &p) < 0)
		return -1;
	if (fs.measured == FS_MEASURED && fs.bytes > *smallest)
		*smallest = fs.bytes;
	if (check_table(t, p.table, new_len) < 0 || check_filesystem(&fs, new_len) < 0)
		return -1;
	return check_last_partition(t, fd, len);
}
