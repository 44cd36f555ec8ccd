/*
 * btrfs in image files is resized, and what cannot be resized is refused before anything changes.
 */
#include "lib/base/io.h"
#include "lib/format/crc32c.h"
#include "lib/format/le.h"
#include "resized.h"

#define MOUNT "noatime"
#define SUPER 65536

static const struct fs_want copy = { .is_copy = true, .may_mount = true };

static bool make(const char *image, unsigned mib, const char *mkfs, const char *mount)
{
	if (scratch_run("rm -f %s; truncate -s %uM %s && mkfs.btrfs -q %s %s", image, mib, image,
		    mkfs, image) != 0 ||
		!resized_mount(image, mount))
		return false;
	return resized_fill(30) & resized_list_to("list") & resized_umount();
}

static void is_in_order(const char *image, const char *mount, const char *what)
{
	char name[96];

	snprintf(name, sizeof(name), "%s: btrfs check finds nothing", what);
	is_int(scratch_run("btrfs check --readonly %s", image), 0, name);
	snprintf(name, sizeof(name), "%s: contents are the same", what);
	ok(resized_contains(image, mount, "list"), name);
}

static void test_kinds(void)
{
	static const struct {
		const char *name, *mkfs, *mount;
	} kind[] = {
		{ "default", "", MOUNT },
		{ "single metadata", "-m single -d single", MOUNT },
		{ "duplicate data", "-m dup -d dup", MOUNT },
		{ "mixed groups", "-M", MOUNT },
		{ "compressed by zstd", "", "compress-force=zstd" },
		{ "compressed by lzo", "", "compress-force=lzo" },
		{ "old features", "-O ^no-holes,^extref,^skinny-metadata -R ^free-space-tree",
			MOUNT },
		{ "XXH64", "--csum xxhash", MOUNT },
		{ "SHA-256, large nodes", "--csum sha256 -n 65536", MOUNT },
		{ "block group tree", "-O block-group-tree", MOUNT },
	};
	char name[96];
	size_t i;

	for (i = 0; i < sizeof(kind) / sizeof(kind[0]); i++) {
		if (strstr(kind[i].mkfs, "block-group-tree") &&
			scratch_run("mkfs.btrfs -O list-all 2>&1 | grep block-group-tree") != 0) {
			puts("# mkfs.btrfs is too old to make a block group tree");
			continue;
		}
		snprintf(name, sizeof(name), "%s: made", kind[i].name);
		if (!ok(make("x", 400, kind[i].mkfs, kind[i].mount), name))
			continue;
		snprintf(name, sizeof(name), "%s: grown", kind[i].name);
		is_resized(resized("x", 900 * MIB + 5000), ST_OK, name);
		is_in_order("x", kind[i].mount, name);
		snprintf(name, sizeof(name), "%s: shrunk", kind[i].name);
		is_resized(resized("x", 320 * MIB + 5000), ST_OK, name);
		is_int(truncate("x", 320 * MIB + 4096), 0, "cut");
		is_in_order("x", kind[i].mount, name);
	}
	ok(resized_left_nothing(), "kinds: no loop device is left");
}

/* Subvolumes, of which the guest has made one the default, and snapshots. */
static void test_snapshots(void)
{
	ok(make("x", 400, "", MOUNT), "snapshots: made");
	ok(resized_mount("x", MOUNT), "snapshots: mounted");
	is_int(scratch_run("btrfs subvolume create m/sub && cp -r m/d m/sub && "
			   "btrfs subvolume snapshot -r m/sub m/snap && rm m/a/9 && "
			   "btrfs subvolume snapshot m/sub m/sub2 && "
			   "btrfs subvolume set-default m/sub && btrfs quota enable m && sync"),
		0, "snapshots: taken");
	resized_list_to("list");
	ok(resized_umount(), "snapshots: unmounted");
	is_resized(resized("x", 900 * MIB), ST_OK, "snapshots: grown");
	is_resized(resized("x", 300 * MIB), ST_OK, "snapshots: shrunk");
	is_in_order("x", "subvolid=5", "snapshots");
	ok(resized_mount("x", MOUNT), "snapshots: mounted again");
	is_int(scratch_run("test -e m/d/small2 && test ! -e m/snap"), 0,
		"snapshots: the default subvolume is kept");
	ok(resized_umount(), "snapshots: unmounted again");
}

static void test_sizes(void)
{
	ok(make("x", 600, "", MOUNT), "sizes: made");
	is_resized(resized("x", 600 * MIB), ST_OK, "sizes: the same");
	is_resized(resized("x", 256 * MIB - 1), ST_REFUSED, "sizes: below 256 MiB");
	is_resized(resized("x", 256 * MIB), ST_OK, "sizes: 256 MiB");
	is_in_order("x", MOUNT, "sizes");
	scratch_run("rm -f x; truncate -s 900M x && mkfs.btrfs -q x");
	ok(resized_mount("x", MOUNT) && scratch_run("head -c 500M /dev/urandom >m/f") == 0 &&
			resized_umount(),
		"sizes: 500 MiB of data");
	is_resized(resized("x", 400 * MIB), ST_REFUSED, "sizes: less than the data");
	ok(strstr(err_text(), "it needs about 5"), "sizes: names what is needed");
	is_resized(resized("x", 512 * MIB), 100 + ST_REFUSED, "sizes: less than the kernel can do");
	ok(strstr(err_text(), "cannot become that small"), "sizes: says so");
	is_int(scratch_run("btrfs check --readonly x"), 0, "sizes: it is in order after that");
	ok(resized_left_nothing(), "sizes: no loop device is left");
}

/* What precedes and follows it in the image is not written. */
static void test_offset(void)
{
	ok(make("x", 400, "", MOUNT), "offset: made");
	is_int(scratch_run(
		       "head -c 1M /dev/urandom >disk && dd if=x of=disk bs=1M seek=1 conv=sparse "
		       "status=none && truncate -s 601M disk && head -c 1M /dev/urandom >>disk && "
		       "cp --sparse=always disk disk.was"),
		0, "offset: made a disk");
	is_resized(resized_at("disk", MIB, 600 * MIB, &copy), ST_OK, "offset: grown");
	is_int(resized_len("disk"), 602 * MIB, "offset: the disk has the same length");
	is_int(scratch_run("cmp -n 1M disk disk.was && tail -c 1M disk >1 && "
			   "tail -c 1M disk.was | cmp - 1"),
		0, "offset: what is around it is unchanged");
	scratch_run("dd if=disk of=y bs=1M skip=1 count=600 conv=sparse status=none");
	is_in_order("y", MOUNT, "offset");
	scratch_run("rm -f disk disk.was y");
}

/* It is in the state of a guest that was switched off after an fsync. */
static void test_log(void)
{
	ok(make("x", 400, "", MOUNT), "log: made");
	ok(resized_mount("x", MOUNT ",commit=300"), "log: mounted");
	is_int(scratch_run("sync -f m && echo more >>m/d/small2 && sync m/d/small2 && "
			   "cp --sparse=always x y"),
		0, "log: the guest is switched off");
	resized_list_to("list");
	ok(resized_umount(), "log: unmounted");
	ok(scratch_run("btrfs inspect-internal dump-super y | grep -E '^log_root\\s+0$'") != 0,
		"log: it has to be replayed");
	resized_copy("y", "z");
	is_resized(resized_at("y", 0, 900 * MIB,
			   &(struct fs_want){ .may_mount = true, .dry_run = true }),
		ST_OK, "log: a dry run");
	is_int(scratch_run("cmp y z"), 0, "log: which changes nothing");
	is_resized(resized("y", 900 * MIB), ST_OK, "log: grown");
	is_in_order("y", MOUNT, "log");
}

/* A refusal before anything changed. */
static void is_refused(const char *what, int status, const char *says)
{
	char name[96];

	resized_copy("x", "y");
	snprintf(name, sizeof(name), "%s: refused", what);
	is_resized(resized("x", 900 * MIB), status, name);
	snprintf(name, sizeof(name), "%s: says why", what);
	if (!ok(strstr(err_text(), says), name))
		printf("# %s\n", err_text());
	snprintf(name, sizeof(name), "%s: nothing is changed", what);
	is_int(scratch_run("cmp x y"), 0, name);
}

/* Changes a field of the superblock and sets the checksum. */
static void set_super(const char *image, unsigned off, uint64_t value)
{
	int fd = open(image, O_RDWR | O_CLOEXEC);
	uint8_t sb[4096];

	if (fd < 0 || io_pread(fd, sb, sizeof(sb), SUPER) != (ssize_t)sizeof(sb))
		abort();
	put_le64(sb + off, value);
	put_le32(sb, ~crc32c_add(CRC32C_INIT, sb + 32, sizeof(sb) - 32));
	if (io_pwrite(fd, sb, sizeof(sb), SUPER) < 0 || close(fd) < 0)
		abort();
}

static void test_refused(void)
{
	static const struct {
		const char *name;
		unsigned off;
		uint64_t value;
		const char *says;
	} field[] = {
		{ "seed", 0x38, 1ull << 32 | 1, "is a seed device" },
		{ "error flag", 0x38, 5, "is marked as damaged" },
		{ "unknown incompatible", 0xbc, 1ull << 40 | 0x361, "features that are not known" },
		{ "zoned", 0xbc, 1ull << 12 | 0x361, "features that are not known" },
		{ "unknown read-only", 0xb4, 1ull << 20 | 3, "features that are not known" },
		{ "several devices", 0x88, 2, "has 2 devices" },
		{ "another size", 0x70, 300 * MIB, "damaged, or has features" },
		{ "no size", 0x70, 0, "damaged, or has features" },
	};
	size_t i;

	for (i = 0; i < sizeof(field) / sizeof(field[0]); i++) {
		scratch_run("rm -f x; truncate -s 400M x && mkfs.btrfs -q x");
		set_super("x", field[i].off, field[i].value);
		is_refused(field[i].name, ST_REFUSED, field[i].says);
	}
	scratch_run("rm -f x; truncate -s 400M x && mkfs.btrfs -q x");
	is_resized(resized_at("x", 0, 900 * MIB, &(struct fs_want){ .is_copy = true }), ST_REFUSED,
		"the configuration: refused");
	ok(strstr(err_text(), "[resize] mount = no"), "the configuration: says why");
	set_super("x", 0x50, 4096);
	resized_copy("x", "y");
	ok(resized("x", 900 * MIB) != ST_OK && strstr(err_text(), "the kernel cannot mount"),
		"no root: the kernel refuses it");
	is_int(scratch_run("cmp x y"), 0, "no root: nothing is changed");
	scratch_patch("x", SUPER + 300, "damage", 6);
	is_refused("wrong checksum", ST_REFUSED, "damaged");
	scratch_run("rm -f x z; truncate -s 400M x z && mkfs.btrfs -q -f -d raid0 -m raid1 x z");
	is_refused("RAID0 on two devices", ST_REFUSED, "has 2 devices");
	ok(resized_left_nothing(), "refused: no loop device is left");
}

/* After one of two devices was removed, the number of the other one is 2. */
static void test_second_device(void)
{
	char *loop;

	ok(make("x", 400, "", MOUNT), "second device: made");
	scratch_run("rm -f z; truncate -s 400M z");
	loop = resized_output("losetup -f --show z");
	ok(resized_mount("x", MOUNT), "second device: mounted");
	is_int(scratch_run("btrfs device add -f %s m && btrfs device remove 1 m", loop), 0,
		"second device: it is the only one");
	is_int(scratch_run("umount m && losetup -d %s", loop), 0, "second device: unmounted");
	free(loop);
	ok(resized_left_nothing(), "second device: free");
	is_resized(resized("z", 900 * MIB), ST_OK, "second device: grown");
	is_resized(resized("z", 300 * MIB), ST_OK, "second device: shrunk");
	is_in_order("z", MOUNT, "second device");
}

/*
 * Where udev runs, it tells the kernel of every device with btrfs that was written, and must not do
 * that later.  The kernel then forgets the devices that are not mounted.
 */
static void forget_copies(void)
{
	scratch_run("udevadm settle --timeout=60; btrfs device scan --forget; true");
}

/* A copy is refused as long as the other one is mounted, and the kernel forgets both. */
static void test_clone(void)
{
	char *loop;

	ok(make("x", 400, "", MOUNT), "clone: made");
	resized_copy("x", "z");
	ok(resized_mount("z", MOUNT), "clone: the other one is mounted");
	is_refused("clone", ST_REFUSED, "with the same UUID");
	ok(resized_umount(), "clone: unmounted");
	is_resized(resized("z", 900 * MIB), ST_OK, "clone: grown");
	is_resized(resized("x", 900 * MIB), ST_OK, "clone: and so is the older one");
	forget_copies();
	is_in_order("x", MOUNT, "clone");
	/* The kernel now knows the newer one, as it does after udev has seen a device. */
	is_resized(resized("z", 800 * MIB), ST_OK, "clone: the other one is newer");
	loop = resized_output("losetup -f --show z");
	forget_copies();
	is_int(scratch_run("btrfs device scan %s", loop), 0, "clone: it is known to the kernel");
	printf("# %d: %s\n", resized("x", 700 * MIB), err_text());
	is_int(scratch_run("btrfs device scan --forget %s; losetup -d %s", loop, loop), 0,
		"clone: it is forgotten");
	is_resized(resized("x", 700 * MIB), ST_OK, "clone: then the older one is shrunk");
	forget_copies();
	is_in_order("x", MOUNT, "clone of a known one");
	free(loop);
}

/* The guest was switched off while it balanced: that is not continued. */
static void test_balance(void)
{
	ok(make("x", 600, "", MOUNT), "balance: made");
	ok(resized_mount("x", MOUNT), "balance: mounted");
	is_int(scratch_run("(btrfs balance start --full-balance m & "
			   "until btrfs balance pause m; do kill -0 $! || exit 1; done; wait; "
			   "btrfs balance status m | grep paused)"),
		0, "balance: paused");
	ok(resized_umount(), "balance: unmounted");
	resized_copy("x", "y");
	is_resized(resized("x", 900 * MIB), 100 + ST_REFUSED, "balance: refused");
	ok(strstr(err_text(), "unfinished balance"), "balance: says why");
	ok(resized_left_nothing(), "balance: no loop device is left");
	ok(resized_contains("x", "skip_balance", "list"), "balance: contents are the same");
}

int main(int argc, const char **argv)
{
	static const struct resized_part part[] = {
		{ "kinds", test_kinds },
		{ "snapshots", test_snapshots },
		{ "sizes", test_sizes },
		{ "offset", test_offset },
		{ "log", test_log },
		{ "refused", test_refused },
		{ "second_device", test_second_device },
		{ "clone", test_clone },
		{ "balance", test_balance },
	};

	if (!resized_can())
		return tap_done();
	scratch_open();
	resized_run(part, sizeof(part) / sizeof(part[0]), argc, argv);
	scratch_close(tap_failed);
	return tap_done();
}
