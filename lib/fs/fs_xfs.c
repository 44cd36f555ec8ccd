/*
 * fs_xfs: XFS, which can only grow, and only while it is mounted.  xfs_repair is its checker; it
 * refuses a log that has to be replayed, so the log is replayed by the kernel first.
 *
 * The fields of the superblock that are used, big-endian:
 *
 *	  4  4  bytes of a block	 16  8  blocks of the realtime section
 *	 48  8  first block of the log, 0: on another device
 *	 84  4  blocks of a group	100  2  version, and its features
 *	176  2  flags of quotas		200  4  more features of version 4
 *	212  4  read-only compatible features of version 5
 *	216  4  incompatible		220  4  incompatible while the log is not clean
 *
 * Source: the kernel's fs/xfs/libxfs/xfs_format.h, struct xfs_dsb, and xfs_fs.h for the ioctls.
 */
#include <errno.h>
#include <linux/types.h>
#include <string.h>
#include <sys/ioctl.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/format/xfs_log.h"
#include "lib/fs/fs_kind.h"
#include "lib/fs/fs_mount.h"

#define SUPER 256

#define VERSION_MASK 0xfu
#define VERSION_4_SHARED 0x200u
#define FEATURES2_KNOWN 0x38au
#define RO_KNOWN 0xfu	      /* up to "inobtcount" */
#define INCOMPAT_KNOWN 0x1ffu /* up to "metadir" */
#define INCOMPAT_NEEDS_REPAIR 0x10u
#define LOG_INCOMPAT_KNOWN 0x1u

/* XFS_MIN_AG_BLOCKS */
#define GROUP_BLOCKS_MIN 64

/* Flags of quotas: whose usage is counted, and whether its limits are enforced. */
#define USER_ACCOUNT 0x1u
#define USER_ENFORCE 0x2u
#define PROJECT_ACCOUNT 0x8u
#define OTHER_ENFORCE 0x10u /* version 4: of group or project */
#define GROUP_ACCOUNT 0x40u
#define GROUP_ENFORCE 0x80u
#define PROJECT_ENFORCE 0x200u

#define OPTIONS_MAX 5

struct grow {
	__u64 new_blocks;
	__u32 max_inodes_percent;
};

/* struct xfs_fsop_geom_v1 */
struct geometry {
	__u32 block_size, rt_extent_size, group_blocks, groups;
	__u32 log_blocks, sector_size, inode_size, max_inodes_percent;
	__u64 blocks, rt_blocks, rt_extents, log_start;
	__u8 uuid[16];
	__u32 stripe_unit, stripe_width;
	__s32 version;
	__u32 flags, log_sector_size, rt_sector_size, dir_block_size;
};

#define IOC_GEOMETRY _IOR('X', 100, struct geometry)
#define IOC_GROW _IOW('X', 110, struct grow)

static int read_super(const struct fs *f, uint8_t sb[SUPER])
{
	ssize_t n = io_pread(f->fd, sb, SUPER, f->off);

	if (n < 0)
		return err_sys("cannot read the superblock");
	if (n < SUPER)
		return err_set(ST_CORRUPT, "cannot read the superblock: it is truncated");
	return 0;
}

/* The kernel does not add a group that is smaller than GROUP_BLOCKS_MIN. */
static uint64_t fit_xfs(const struct fs *f, uint64_t len)
{
	uint64_t blocks = len / f->extent.block, group, rest;
	uint8_t sb[SUPER];

	if (read_super(f, sb) == 0 && (group = get_be32(sb + 84)) > 0) {
		rest = blocks % group;
		if (rest < GROUP_BLOCKS_MIN)
			blocks -= rest;
	}
	if (blocks * f->extent.block < f->extent.bytes && f->extent.bytes <= len)
		return f->extent.bytes;
	return blocks * f->extent.block;
}

/* With these options the quotas are kept; without them the kernel clears their flags. */
static void set_options(const uint8_t *sb, const char *options[OPTIONS_MAX])
{
	unsigned flags = get_be16(sb + 176), other = 0;
	int n = 0;

	if ((get_be16(sb + 100) & VERSION_MASK) == 4)
		other = flags & OTHER_ENFORCE;
	options[n++] = "nouuid"; /* the image may be a copy of a mounted one */
	if (flags & USER_ACCOUNT)
		options[n++] = flags & USER_ENFORCE ? "uquota" : "uqnoenforce";
	if (flags & GROUP_ACCOUNT)
		options[n++] = flags & GROUP_ENFORCE || other ? "gquota" : "gqnoenforce";
	if (flags & PROJECT_ACCOUNT)
		options[n++] = flags & PROJECT_ENFORCE || other ? "pquota" : "pqnoenforce";
	options[n] = NULL;
}

static const char *refused_feature(const uint8_t *sb)
{
	unsigned version = get_be16(sb + 100);
	uint32_t incompat = get_be32(sb + 216);

	if (get_be64(sb + 48) == 0)
		return "has its log on another device";
	if (get_be64(sb + 16) != 0)
		return "has a realtime device";
	if ((version & VERSION_MASK) == 4)
		return version & VERSION_4_SHARED || get_be32(sb + 200) & ~FEATURES2_KNOWN
			       ? "has features that are not known"
			       : NULL;
	if (incompat & INCOMPAT_NEEDS_REPAIR)
		return "is marked as damaged, and has to be repaired first (see xfs_repair(8))";
	if (incompat & ~INCOMPAT_KNOWN || get_be32(sb + 212) & ~RO_KNOWN ||
		get_be32(sb + 220) & ~LOG_INCOMPAT_KNOWN)
		return "has features that are not known";
	return NULL;
}

static int check_features(const uint8_t *sb)
{
	const char *why = refused_feature(sb);

	return why ? err_set(ST_REFUSED, "its xfs filesystem %s", why) : 0;
}

static int check_xfs(struct fs *f, uint64_t bytes)
{
	const char *options[OPTIONS_MAX];
	struct fs_mount m = { .type = "xfs", .options = options, .device = f->device };
	uint8_t sb[SUPER];

	if (bytes < f->extent.bytes)
		return 0; /* fs_check() refuses that */
	if (read_super(f, sb) < 0 || check_features(sb) < 0)
		return -1;
	set_options(sb, options);
	if (fs_mount_try(&m) == 0)
		return 0;
	/* It may be consistent as soon as its log is replayed. */
	if (!f->extent.needs_replay || err_status() != ST_CORRUPT)
		return -1;
	err_clear();
	return 0;
}

/* Mounts it; act may be NULL.  As fs_mount_run(). */
static int mount_xfs(
	struct fs *f, int (*act)(int dir, const void *arg), const void *arg, int *result)
{
	const char *options[OPTIONS_MAX];
	struct fs_mount m = {
		.type = "xfs", .options = options, .device = f->device, .act = act, .arg = arg
	};
	uint8_t sb[SUPER];

	if (read_super(f, sb) < 0 || check_features(sb) < 0)
		return -1;
	set_options(sb, options);
	return fs_mount_run(&m, result);
}

static int replay_log(struct fs *f)
{
	uint8_t sb[SUPER];
	int result, is_clean;

	if (read_super(f, sb) < 0)
		return -1;
	is_clean = xfs_log_is_clean(f->fd, f->off, f->len, sb);
	if (is_clean)
		return is_clean < 0 ? -1 : 0;
	return mount_xfs(f, NULL, NULL, &result);
}

static int repair_xfs(struct fs *f)
{
	char path[FS_PATH_MAX];
	const char *const argv[] = { "xfs_repair", "-n", fs_path(f, path), NULL };
	struct buf out = BUF_INIT;
	int r = 0, status;

	if (replay_log(f) < 0)
		return -1;
	status = fs_run(f, false, argv, &out);
	if (status < 0 || buf_failed(&out) < 0)
		r = -1;
	else if (strstr(buf_str(&out), "unsupported filesystem features"))
		r = err_set(ST_FAILED, "xfs_repair is too old for the features of its xfs "
				       "filesystem");
	else if (fs_ran_out(status, &out))
		r = fs_failed(ST_FAILED, "xfs_repair", status, &out);
	else if (status > 0)
		r = err_set(ST_CORRUPT, "its xfs filesystem is damaged, and has to be repaired "
					"first (see xfs_repair(8))");
	buf_fini(&out);
	return r;
}

/*
 * In the child of fs_mount: 0 or an errno.  The ioctl also sets which share of the space inodes
 * may take, so that is read before.
 */
static int grow_mounted(int dir, const void *arg)
{
	struct grow grow = { .new_blocks = *(const uint64_t *)arg };
	struct geometry g;

	if (ioctl(dir, IOC_GEOMETRY, &g) < 0)
		return errno;
	if (g.blocks == grow.new_blocks)
		return 0; /* the replayed log has completed an earlier growth */
	if (g.blocks > grow.new_blocks)
		return EFBIG;
	grow.max_inodes_percent = g.max_inodes_percent;
	return ioctl(dir, IOC_GROW, &grow) < 0 ? errno : 0;
}

static int resize_xfs(struct fs *f, uint64_t bytes)
{
	uint64_t blocks = bytes / f->extent.block;
	int result = 0;

	if (mount_xfs(f, grow_mounted, &blocks, &result) < 0)
		return -1;
	if (result == 0)
		return 0;
	if (result == EFBIG)
		return err_set(ST_REFUSED,
			"its xfs filesystem is larger than that since its log was "
			"replayed");
	return err_set(result == EUCLEAN ? ST_CORRUPT : err_status_of(result),
		"the kernel cannot grow its xfs filesystem: %s", strerror(result));
}

static const char *const types[] = { "xfs", NULL };

const struct fs_kind fs_kind_xfs = {
	.types = types,
	.programs = { "xfs_repair", NULL },
	.is_mounted = true,
	.needs_device = true,
	.fit = fit_xfs,
	.check = check_xfs,
	.repair = repair_xfs,
	.resize = resize_xfs,
};
