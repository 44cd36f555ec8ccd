/*
 * fs_btrfs: btrfs on one device, which is resized while it is mounted.  fs_extent.h measures no
 * other.
 *
 * The fields of the superblock, at 65536, that are used; little-endian:
 *
 *	 32 16  UUID			 56  8  flags
 *	120  8  bytes in use		136  8  devices
 *					180  8  read-only compatible features
 *	188  8  incompatible		201  8  number of the device
 *	571 16  UUID in the metadata, with the feature of that name
 *
 * Source: the kernel's include/uapi/linux/btrfs_tree.h, struct btrfs_super_block.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/btrfs.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/format/le.h"
#include "lib/fs/fs_kind.h"
#include "lib/fs/fs_mount.h"

#define SUPER 65536
#define SUPER_SIZE 1024
#define UUID 16
#define UUID_TEXT 37

#define FLAGS_KNOWN 0x3u /* written, relocated */
#define FLAG_SEED (1ull << 32)
#define INCOMPAT_KNOWN 0xfffull /* up to "raid1c34"; not zoned, nor what is newer */
#define RO_KNOWN 0xfull		/* up to "block-group-tree" */

/* Below this the kernel refuses to shrink it. */
#define SMALLEST (256u << 20)
#define RESERVED (1u << 20) /* at the beginning of the device */

#define FORGET_TRIES 30
#define FORGET_AGAIN_MS 100

static int read_super(const struct fs *f, uint8_t sb[SUPER_SIZE])
{
	ssize_t n = io_pread(f->fd, sb, SUPER_SIZE, f->off + SUPER);

	if (n < 0)
		return err_sys("cannot read the superblock");
	if (n < SUPER_SIZE)
		return err_set(ST_CORRUPT, "cannot read the superblock: it is truncated");
	return 0;
}

static int explain_btrfs(const struct fs *f)
{
	uint8_t sb[SUPER_SIZE];

	if (read_super(f, sb) < 0)
		return -1;
	if (get_le64(sb + 136) > 1)
		return err_set(ST_REFUSED,
			"its btrfs filesystem has %" PRIu64
			" devices, and only one with one device can be resized",
			get_le64(sb + 136));
	return 0;
}

static const char *refused_feature(const uint8_t *sb)
{
	uint64_t flags = get_le64(sb + 56);

	if (flags & FLAG_SEED)
		return "is a seed device";
	if (flags & ~(uint64_t)FLAGS_KNOWN)
		return "is marked as damaged or as being converted (see btrfs-check(8))";
	if (get_le64(sb + 188) & ~INCOMPAT_KNOWN || get_le64(sb + 180) & ~RO_KNOWN)
		return "has features that are not known";
	return NULL;
}

static void format_uuid(const uint8_t *u, char out[UUID_TEXT])
{
	int i, n = 0;

	for (i = 0; i < UUID; i++)
		n += snprintf(out + n, UUID_TEXT - (size_t)n, "%s%02x",
			i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", u[i]);
}

/*
 * A kernel older than 6.7 takes a copy of a mounted filesystem for the mounted one, and may write
 * to the wrong device.
 */
static int check_not_mounted(const uint8_t *sb)
{
	char uuid[UUID_TEXT], path[64];

	format_uuid(sb + 32, uuid);
	snprintf(path, sizeof(path), "/sys/fs/btrfs/%s", uuid);
	if (access(path, F_OK) != 0)
		return 0;
	return err_set(ST_REFUSED,
		"a btrfs filesystem with the same UUID (%s) is mounted on this host, so that the "
		"kernel could confuse the two",
		uuid);
}

/*
 * The kernel remembers the devices of btrfs.  If it knows one with a newer state of the same
 * filesystem, such as a copy that was resized, a kernel older than 6.7 does not mount this one.
 */
static void forget_path(int control, const char *path)
{
	struct btrfs_ioctl_vol_args args = { .fd = 0 };

	snprintf(args.name, sizeof(args.name), "%s", path);
	ioctl(control, BTRFS_IOC_FORGET_DEV, &args);
}

/* Loop devices that have no file any more, among them those of a killed job. */
static void forget_loops(int control)
{
	char path[300];
	struct dirent *e;
	DIR *d = opendir("/sys/block");

	while (d && (e = readdir(d))) {
		if (strncmp(e->d_name, "loop", 4) != 0)
			continue;
		snprintf(path, sizeof(path), "/sys/block/%s/loop", e->d_name);
		if (access(path, F_OK) == 0)
			continue;
		snprintf(path, sizeof(path), "/dev/%s", e->d_name);
		forget_path(control, path);
	}
	if (d)
		closedir(d);
}

static void forget_device(const struct fs *f)
{
	int control = open("/dev/btrfs-control", O_RDWR | O_CLOEXEC);
	char path[FS_PATH_MAX];

	if (control < 0)
		return;
	forget_path(control, fs_path(f, path));
	forget_loops(control);
	close(control);
}

/*
 * Mounts it: fs_mount_run(), or without m->act fs_mount_try().  udev may still have had the loop
 * device of an earlier job open when that ended.  The kernel then forgets the device a moment
 * later.
 */
static int mount_btrfs(const struct fs *f, const struct fs_mount *m, int *result)
{
	int tries, r;

	for (tries = 0;; tries++) {
		forget_device(f);
		r = m->act ? fs_mount_run(m, result) : fs_mount_try(m);
		forget_device(f);
		if (r == 0 || err_status() != ST_BUSY || tries == FORGET_TRIES || cancel_is_set())
			return r;
		err_clear();
		poll(NULL, 0, FORGET_AGAIN_MS);
	}
}

/*
 * The top subvolume, since the default one is the guest's choice.  A balance that the guest has not
 * completed is not continued, and nothing is discarded.
 */
static const char *const options[] = { "subvolid=5", "skip_balance", "nodiscard", NULL };

static int check_super(const struct fs *f, uint8_t sb[SUPER_SIZE])
{
	const char *why;

	if (read_super(f, sb) < 0)
		return -1;
	why = refused_feature(sb);
	if (why)
		return err_set(ST_REFUSED, "its btrfs filesystem %s", why);
	return check_not_mounted(sb);
}

static int check_btrfs(struct fs *f, uint64_t bytes)
{
	struct fs_mount m = { .type = "btrfs", .options = options, .device = f->device };
	uint8_t sb[SUPER_SIZE];

	(void)bytes;
	return check_super(f, sb) < 0 ? -1 : mount_btrfs(f, &m, NULL);
}

/* It cannot be less; how closely the rest can be packed is only known after a try. */
static int smallest_btrfs(struct fs *f, uint64_t *bytes)
{
	uint8_t sb[SUPER_SIZE];

	if (read_super(f, sb) < 0)
		return -1;
	*bytes = get_le64(sb + 120) + RESERVED;
	return 0;
}

static int repair_btrfs(struct fs *f)
{
	char path[FS_PATH_MAX];
	const char *const argv[] = { "btrfs", "check", "--readonly", fs_path(f, path), NULL };
	struct buf out = BUF_INIT;
	int r = 0, status = fs_run(f, false, argv, &out);

	if (status < 0 || buf_failed(&out) < 0)
		r = -1;
	else if (fs_ran_out(status, &out))
		r = fs_failed(ST_FAILED, "btrfs check", status, &out);
	else if (status > 0)
		r = err_set(ST_CORRUPT,
			"its btrfs filesystem is damaged, and has to be repaired first (see "
			"btrfs-check(8))");
	buf_fini(&out);
	return r;
}

/* In the child of fs_mount.  Frees the chunks of data that are empty, which takes no time. */
static void free_empty_chunks(int dir)
{
	struct btrfs_ioctl_balance_args args;

	memset(&args, 0, sizeof(args));
	args.flags = BTRFS_BALANCE_DATA;
	args.data.flags = BTRFS_BALANCE_ARGS_USAGE; /* of at most args.data.usage, 0 percent */
	ioctl(dir, BTRFS_IOC_BALANCE_V2, &args);
}

/*
 * In the child of fs_mount: 0 or an errno.  The kernel says that there is no space even if there
 * are empty chunks, which it would only free later.  A positive result means that there is another
 * exclusive operation.
 */
static int resize_mounted(int dir, const void *arg)
{
	int r = ioctl(dir, BTRFS_IOC_RESIZE, arg);

	if (r < 0 && errno == ENOSPC) {
		free_empty_chunks(dir);
		r = ioctl(dir, BTRFS_IOC_RESIZE, arg);
	}
	if (r > 0)
		return EBUSY;
	return r < 0 ? errno : 0;
}

static int resize_failed(int sys)
{
	switch (sys) {
	case ENOSPC:
		return err_set(ST_REFUSED, "its btrfs filesystem cannot become that small");
	case EBUSY:
		return err_set(ST_REFUSED,
			"its btrfs filesystem has an unfinished balance or replacement, which has "
			"to be completed first");
	case EUCLEAN:
		return err_set(ST_CORRUPT, "its btrfs filesystem is damaged (see btrfs-check(8))");
	default:
		return err_set(err_status_of(sys),
			"the kernel cannot resize its btrfs filesystem: %s", strerror(sys));
	}
}

static int resize_btrfs(struct fs *f, uint64_t bytes)
{
	struct btrfs_ioctl_vol_args args = { .fd = 0 };
	struct fs_mount m = { .type = "btrfs",
		.options = options,
		.device = f->device,
		.act = resize_mounted,
		.arg = &args };
	uint8_t sb[SUPER_SIZE];
	int result = 0;

	if (check_super(f, sb) < 0)
		return -1;
	/* After one was removed, the number of the only device need not be 1. */
	snprintf(args.name, sizeof(args.name), "%" PRIu64 ":%" PRIu64, get_le64(sb + 201), bytes);
	if (mount_btrfs(f, &m, &result) < 0)
		return -1;
	return result ? resize_failed(result) : 0;
}

static const char *const types[] = { "btrfs", NULL };

const struct fs_kind fs_kind_btrfs = {
	.types = types,
	.programs = { "btrfs", NULL },
	.can_shrink = true,
	.is_mounted = true,
	.needs_device = true,
	.floor = SMALLEST,
	.explain = explain_btrfs,
	.check = check_btrfs,
	.smallest = smallest_btrfs,
	.repair = repair_btrfs,
	.resize = resize_btrfs,
};
