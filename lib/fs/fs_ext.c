/*
 * fs_ext: ext2, ext3 and ext4, by e2fsck and resize2fs.
 *
 * The superblock begins at byte 1024; little-endian:
 *
 *	  4  4  blocks			 24  4  log2 of the block's size, minus 10
 *	 92  4  compatible features	 96  4  incompatible	100  4  read-only compatible
 *	224  4  inode of the journal, 0: the journal is on another device
 *
 * Source: the kernel's Documentation/filesystems/ext4, "Super Block".
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/text.h"
#include "lib/format/le.h"
#include "lib/fs/fs_ext_fit.h"
#include "lib/fs/fs_kind.h"

#define SUPER 1024

#define COMPAT_HAS_JOURNAL 0x4u
#define COMPAT_STABLE_INODES 0x800u
#define INCOMPAT_JOURNAL_DEV 0x8u
#define INCOMPAT_64BIT 0x80u
#define RO_BIGALLOC 0x200u
#define RO_SHARED_BLOCKS 0x4000u

/*
 * What mke2fs reserves for is growth by this factor; beyond, resize2fs has lost filesystems
 * (e2fsprogs, issue 50).
 */
#define GROWTH_MAX 1024

/* e2fsck(8) */
#define E2FSCK_CORRECTED 1
#define E2FSCK_UNCORRECTED 4
#define E2FSCK_FAILED 8

/* What it has already it keeps, whatever made it. */
static uint64_t fit_ext(const struct fs *f, uint64_t len)
{
	uint64_t blocks = len / f->extent.block, fits = blocks;
	uint8_t sb[SUPER];

	if (io_pread(f->fd, sb, sizeof(sb), f->off + SUPER) == (ssize_t)sizeof(sb))
		fits = fs_ext_fit(sb, blocks);
	if (fits * f->extent.block < f->extent.bytes && f->extent.bytes <= len)
		return f->extent.bytes;
	return fits * f->extent.block;
}

static const char *refused_feature(const struct fs *f, const uint8_t *sb, uint64_t bytes)
{
	uint32_t compat = get_le32(sb + 92), incompat = get_le32(sb + 96);
	uint32_t ro_compat = get_le32(sb + 100);

	if (incompat & INCOMPAT_JOURNAL_DEV)
		return "is the journal of another filesystem";
	if (compat & COMPAT_HAS_JOURNAL && get_le32(sb + 224) == 0)
		return "has its journal on another device";
	if (ro_compat & RO_SHARED_BLOCKS)
		return "shares blocks between files (shared_blocks)";
	/* resize2fs changes it only with -f, which overrides its safety checks. */
	if (bytes != f->extent.bytes && ro_compat & RO_BIGALLOC)
		return "allocates clusters of blocks (bigalloc), so its size cannot be changed";
	if (bytes < f->extent.bytes && compat & COMPAT_STABLE_INODES)
		return "keeps its inode numbers (stable_inodes), so it cannot be made smaller";
	return NULL;
}

static int check_ext(struct fs *f, uint64_t bytes)
{
	uint64_t blocks = bytes / f->extent.block;
	const char *why;
	uint8_t sb[SUPER];

	if (io_pread(f->fd, sb, sizeof(sb), f->off + SUPER) != (ssize_t)sizeof(sb))
		return err_sys("cannot read the superblock");
	why = refused_feature(f, sb, bytes);
	if (why)
		return err_set(ST_REFUSED, "its %s filesystem %s", f->extent.type, why);
	if (blocks > UINT32_MAX && !(get_le32(sb + 96) & INCOMPAT_64BIT))
		return err_set(ST_REFUSED,
			"its %s filesystem cannot have more than 2^32 blocks: it lacks the feature "
			"64bit (see resize2fs -b)",
			f->extent.type);
	if (bytes / GROWTH_MAX > f->extent.bytes)
		return err_set(ST_REFUSED,
			"its %s filesystem cannot become more than %d times as "
			"large at once",
			f->extent.type, GROWTH_MAX);
	return 0;
}

/* An error of the estimate is none of the filesystem: then it is unknown. */
static int smallest_ext(struct fs *f, uint64_t *bytes)
{
	static const char says[] = "Estimated minimum size of the filesystem: ";
	char path[FS_PATH_MAX];
	const char *const argv[] = { "resize2fs", "-P", fs_path(f, path), NULL };
	struct buf out = BUF_INIT;
	int status = fs_run(f, false, argv, &out);
	const char *at = strstr(buf_str(&out), says);

	if (status == 0 && at)
		*bytes = strtoull(at + sizeof(says) - 1, NULL, 10) * f->extent.block;
	else if (status < 0)
		err_clear();
	buf_fini(&out);
	return 0;
}

static int wrap_damage(const struct fs *f)
{
	return err_wrap(
		"its %s filesystem is damaged, and has to be repaired first", f->extent.type);
}

/* What is wrong, from the line before the one that says that there is something. */
static int record_damage(const struct fs *f, struct buf *out)
{
	char *text = (char *)out->data, *end;

	end = text ? strstr(text, "UNEXPECTED INCONSISTENCY") : NULL;
	if (text && !end)
		end = strstr(text, "********** WARNING: ");
	if (end) {
		for (; end > text && end[-1] != '\n'; end--)
			;
		out->len = (size_t)(end - text);
	}
	fs_failed(ST_CORRUPT, "e2fsck", E2FSCK_UNCORRECTED, out);
	return wrap_damage(f);
}

/*
 * Why e2fsck could not do its work.  A superblock that it rejects, and features that it does not
 * know, are properties of the filesystem and no failure of the program.
 */
static int record_failure(const struct fs *f, int status, struct buf *out)
{
	static const char unknown[] = "has unsupported feature(s): ";
	const char *text = buf_str(out), *names = strstr(text, unknown);
	char line[200], safe[200];

	if (names) {
		names += sizeof(unknown) - 1;
		snprintf(line, sizeof(line), "%.*s", (int)strcspn(names, "\n"), names);
		return err_set(ST_REFUSED,
			"its %s filesystem has features that the installed e2fsck does not know: "
			"%s",
			f->extent.type, text_safe(line, safe, sizeof(safe)));
	}
	if (strstr(text, "superblock is corrupt") || strstr(text, "Corruption found")) {
		err_set(ST_CORRUPT, "e2fsck: its superblock is corrupt");
		return wrap_damage(f);
	}
	return status & E2FSCK_UNCORRECTED ? record_damage(f, out)
					   : fs_failed(ST_FAILED, "e2fsck", status, out);
}

static int run_e2fsck(struct fs *f, const char *how, bool changes)
{
	char path[FS_PATH_MAX];
	const char *const argv[] = { "e2fsck", how, fs_path(f, path), NULL };
	struct buf out = BUF_INIT;
	int r = 0, status = fs_run(f, changes, argv, &out);

	if (status < 0 || buf_failed(&out) < 0)
		r = -1;
	else if (status & ~(E2FSCK_CORRECTED | E2FSCK_UNCORRECTED | E2FSCK_FAILED))
		r = fs_failed(ST_FAILED, "e2fsck", status, &out);
	else if (status & E2FSCK_FAILED)
		r = record_failure(f, status, &out);
	else if (status & E2FSCK_UNCORRECTED || (status && !changes))
		r = record_damage(f, &out);
	buf_fini(&out);
	return r;
}

/*
 * The superblock with a right checksum: both programs write it in pieces, of which an interrupted
 * job has written some, and without a backup e2fsck refuses it.
 */
static int mend_checksum(struct fs *f)
{
	char path[FS_PATH_MAX];
	const char *const argv[] = { "debugfs", "-w", "-n", "-R", "dirty", fs_path(f, path), NULL };
	struct buf out = BUF_INIT;
	int status = fs_run(f, true, argv, &out);

	buf_fini(&out);
	return status < 0 ? -1 : 0; /* e2fsck finds out whether that helped */
}

static int repair_ext(struct fs *f)
{
	if (f->extent.measured == FS_UNKNOWN && mend_checksum(f) < 0)
		return -1;
	return run_e2fsck(f, f->want.was_begun ? "-fy" : "-fp", true);
}

static int verify_ext(struct fs *f)
{
	return run_e2fsck(f, "-fn", false);
}

/*
 * Why resize2fs could not do its work, from the line that begins with its name; the advice that
 * follows is left out.  It finds damage that e2fsck overlooks: a bitmap's wrong checksum.
 */
static int record_resize_failure(const struct fs *f, int status, struct buf *out)
{
	static const char name[] = "resize2fs: ", tail[] = " while trying to resize ";
	const char *text = buf_str(out), *line = strstr(text, name);
	char why[200], safe[200], *end;

	if (strstr(text, "smaller than minimum"))
		return fs_failed(ST_REFUSED, "resize2fs", status, out);
	if (!line)
		return fs_failed(ST_FAILED, "resize2fs", status, out);
	line += strlen(name);
	snprintf(why, sizeof(why), "%.*s", (int)strcspn(line, "\n"), line);
	if ((end = strstr(why, tail)))
		*end = '\0';
	text_safe(why, safe, sizeof(safe));
	if (!strcasestr(why, "checksum") && !strcasestr(why, "corrupt"))
		return err_set(ST_FAILED, "resize2fs: %s", safe);
	err_set(ST_CORRUPT, "resize2fs: %s", safe);
	return wrap_damage(f);
}

static int resize_ext(struct fs *f, uint64_t bytes)
{
	char path[FS_PATH_MAX], blocks[32];
	const char *const argv[] = { "resize2fs", fs_path(f, path), blocks, NULL };
	struct buf out = BUF_INIT;
	int status;

	snprintf(blocks, sizeof(blocks), "%" PRIu64, bytes / f->extent.block);
	status = fs_run(f, true, argv, &out);
	if (status > 0)
		record_resize_failure(f, status, &out);
	buf_fini(&out);
	return status == 0 ? 0 : -1;
}

static const char *const types[] = { "ext2", "ext3", "ext4", NULL };

const struct fs_kind fs_kind_ext = {
	.types = types,
	.programs = { "e2fsck", "resize2fs", NULL },
	.can_shrink = true,
	.cuts_file = true,
	.fit = fit_ext,
	.check = check_ext,
	.smallest = smallest_ext,
	.repair = repair_ext,
	.resize = resize_ext,
	.verify = verify_ext,
};
