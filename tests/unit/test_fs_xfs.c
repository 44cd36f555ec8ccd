/*
 * XFS in image files is grown, as far as this kernel supports what the filesystem has; what it
 * does not support must be refused before anything changes.
 */
#include "lib/base/io.h"
#include "lib/format/crc32c.h"
#include "resized.h"

#define MOUNT "nouuid"

static const struct fs_want copy = { .is_copy = true, .may_mount = true };

static bool kernel_has_quota(void)
{
	return access("/proc/fs/xfs/xqm", F_OK) == 0;
}

/* Makes the image, 320 MiB, with files. */
static bool make(const char *image, const char *mkfs, const char *mount)
{
	if (scratch_run("rm -f %s; truncate -s 320M %s && mkfs.xfs -q %s %s", image, image, mkfs,
		    image) != 0 ||
		!resized_mount(image, mount))
		return false;
	return resized_fill(30) & resized_list_to("list") & resized_umount();
}

static void test_kinds(void)
{
	static const struct {
		const char *name, *mkfs;
	} kind[] = {
		{ "4 KiB blocks", "" },
		{ "1 KiB blocks", "-b size=1024" },
		{ "no reflink", "-m reflink=0" },
		{ "reverse map", "-m rmapbt=1,reflink=1" },
		{ "no bigtime", "-m bigtime=0,inobtcount=0,finobt=0" },
		{ "sectors of 4 KiB", "-s size=4096" },
		{ "wide directories", "-n size=16384 -i size=1024,maxpct=7" },
	};
	char name[96], *ratio, *now;
	size_t i;

	for (i = 0; i < sizeof(kind) / sizeof(kind[0]); i++) {
		snprintf(name, sizeof(name), "%s: made", kind[i].name);
		if (!ok(make("x", kind[i].mkfs, MOUNT), name))
			continue;
		ratio = resized_output("xfs_db -r -c 'sb 0' -c 'p imax_pct features_compat' x");
		snprintf(name, sizeof(name), "%s: grown", kind[i].name);
		is_resized(resized("x", 900 * MIB), ST_OK, name);
		snprintf(name, sizeof(name), "%s: contents are the same", kind[i].name);
		ok(resized_contains("x", MOUNT, "list"), name);
		snprintf(name, sizeof(name), "%s: xfs_repair finds nothing", kind[i].name);
		is_int(scratch_run("xfs_repair -n -f x"), 0, name);
		now = resized_output("xfs_db -r -c 'sb 0' -c 'p imax_pct features_compat' x");
		is_str(now, ratio, "the share of inodes is kept");
		free(ratio);
		free(now);
	}
	ok(resized_left_nothing(), "kinds: no loop device is left");
}

/* The last group of an XFS has at least 64 blocks. */
static void test_sizes(void)
{
	uint64_t group;

	ok(make("x", "-d agcount=4", MOUNT), "sizes: made");
	group = strtoull(
			scratch_get(NULL, "xfs_db -r -c 'sb 0' -c 'p agblocks' x | sed 's/.*= //'"),
			NULL, 10) *
		4096;
	is_resized(resized("x", resized_len("x")), ST_OK, "sizes: the same");
	is_resized(resized("x", 4 * group + 63 * 4096), ST_OK, "sizes: no space for a group");
	is_int(strtoull(scratch_get(NULL, "xfs_db -r -c 'sb 0' -c 'p dblocks' x | sed 's/.*= //'"),
		       NULL, 10) *
			4096,
		4 * group, "sizes: it is left out");
	is_resized(
		resized("x", 4 * group + 64 * 4096 + 777), ST_OK, "sizes: space for a small one");
	is_resized(resized("x", 4 * group + 64 * 4096 + 777), ST_OK, "sizes: again");
	is_resized(resized("x", 4 * group), ST_REFUSED, "sizes: it cannot be made smaller");
	ok(resized_contains("x", MOUNT, "list"), "sizes: contents are the same");
}

/* What precedes and follows it in the image is not written. */
static void test_offset(void)
{
	ok(make("x", "", MOUNT), "offset: made");
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
	is_int(scratch_run("xfs_repair -n -f y"), 0, "offset: xfs_repair finds nothing");
	ok(resized_contains("y", MOUNT, "list"), "offset: contents are the same");
	scratch_run("rm -f disk disk.was y");
}

/* It is in the state of a guest that was switched off. */
static void test_log(void)
{
	scratch_run("truncate -s 320M x && mkfs.xfs -qf x");
	ok(resized_mount("x", MOUNT) && resized_fill(30) && resized_list_to("list"), "log: made");
	is_int(scratch_run("xfs_io -x -c 'shutdown -f' m"), 0, "log: the guest is switched off");
	ok(resized_umount() && scratch_run("xfs_repair -n -f x") != 0,
		"log: it has to be replayed");
	resized_copy("x", "y");
	is_resized(resized_at("x", 0, 900 * MIB,
			   &(struct fs_want){ .may_mount = true, .dry_run = true }),
		ST_OK, "log: a dry run");
	is_int(scratch_run("cmp x y"), 0, "log: which changes nothing");
	is_resized(resized("x", 900 * MIB), ST_OK, "log: grown");
	is_int(scratch_run("xfs_repair -n -f x"), 0, "log: xfs_repair finds nothing");
	ok(resized_contains("x", MOUNT, "list"), "log: contents are the same");
	is_resized(resized("y", resized_len("y")), ST_OK, "log: replayed without growing");
	is_int(scratch_run("xfs_repair -n -f y"), 0, "log: which xfs_repair accepts, too");
	ok(resized_left_nothing(), "log: no loop device is left");
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

static void test_version_4(void)
{
	bool made = scratch_run("truncate -s 320M x && mkfs.xfs -qf -m crc=0 x") == 0;

	ok(made, "version 4: made");
	if (!resized_mount("x", MOUNT)) {
		is_refused("version 4, which this kernel does not support", ST_REFUSED, "kernel");
		return;
	}
	ok(resized_fill(30) && resized_list_to("list") && resized_umount(), "version 4: filled");
	is_resized(resized("x", 900 * MIB), ST_OK, "version 4: grown");
	is_int(scratch_run("xfs_repair -n -f x"), 0, "version 4: xfs_repair finds nothing");
	ok(resized_contains("x", MOUNT, "list"), "version 4: contents are the same");
}

static void test_quota(void)
{
	static const char *const option[] = { "uquota", "uquota,gqnoenforce,pquota", "uqnoenforce",
		"gquota,pqnoenforce" };
	static const char flags[] = "xfs_db -r -c 'sb 0' -c 'p qflags' x";
	char *before, *after;
	size_t i;

	if (!kernel_has_quota()) {
		ok(make("x", "", MOUNT), "quota: made");
		is_int(scratch_run("xfs_db -x -c 'sb 0' -c 'write -d qflags 0x7' x"), 0,
			"quota: set");
		is_refused("quota, which this kernel does not support", ST_REFUSED, "quotas");
		return;
	}
	for (i = 0; i < sizeof(option) / sizeof(option[0]); i++) {
		scratch_run("rm -f x");
		ok(make("x", "", option[i]), option[i]);
		before = resized_output(flags);
		ok(!strstr(before, "= 0x0") && !strstr(before, "= 0\n"), "quota: has flags");
		is_resized(resized("x", 900 * MIB), ST_OK, "quota: grown");
		after = resized_output(flags);
		is_str(after, before, "quota: the flags are kept");
		ok(resized_contains("x", option[i], "list"), "quota: contents are the same");
		free(before);
		free(after);
	}
}

/* Changes a field of the superblock, big-endian, and sets the checksum. */
static void set_super(const char *image, unsigned off, uint64_t value, unsigned size)
{
	int fd = open(image, O_RDWR | O_CLOEXEC);
	uint8_t sb[512];
	uint32_t crc;

	if (fd < 0 || io_pread(fd, sb, sizeof(sb), 0) != (ssize_t)sizeof(sb))
		abort();
	while (size-- > 0) {
		sb[off + size] = (uint8_t)value;
		value >>= 8;
	}
	memset(sb + 224, 0, 4);
	crc = ~crc32c_add(CRC32C_INIT, sb, sizeof(sb));
	memcpy(sb + 224, &crc, 4);
	if (io_pwrite(fd, sb, sizeof(sb), 0) < 0 || close(fd) < 0)
		abort();
}

static void test_refused(void)
{
	static const struct {
		const char *name;
		unsigned off, size;
		uint64_t value;
		const char *says;
	} field[] = {
		{ "realtime", 16, 8, 1000, "has a realtime device" },
		{ "external log", 48, 8, 0, "has its log on another device" },
		{ "unknown incompatible", 216, 4, 0x8003, "features that are not known" },
		{ "zoned", 216, 4, 0x203, "features that are not known" },
		{ "needs repair", 216, 4, 0x13, "has to be repaired first" },
		{ "unknown read-only", 212, 4, 0x85, "features that are not known" },
		{ "unknown of the log", 220, 4, 0x2, "features that are not known" },
		{ "more groups", 88, 4, 1000, "damaged" },
	};
	size_t i;

	for (i = 0; i < sizeof(field) / sizeof(field[0]); i++) {
		scratch_run("rm -f x; truncate -s 320M x && mkfs.xfs -q x");
		set_super("x", field[i].off, field[i].value, field[i].size);
		is_refused(field[i].name, ST_REFUSED, field[i].says);
	}
	scratch_run("rm -f x; truncate -s 320M x && mkfs.xfs -q x");
	is_resized(resized_at("x", 0, 900 * MIB, &(struct fs_want){ .is_copy = true }), ST_REFUSED,
		"the configuration: refused");
	ok(strstr(err_text(), "[resize] mount = no"), "the configuration: says why");
	scratch_patch("x", 130, "damage", 6);
	is_refused("wrong checksum", ST_REFUSED, "damaged");
	ok(resized_left_nothing(), "refused: no loop device is left");
}

/* The image is a copy of a filesystem that is mounted on this host. */
static void test_clone(void)
{
	ok(make("x", "", MOUNT), "clone: made");
	resized_copy("x", "y");
	ok(resized_mount("y", MOUNT), "clone: the other one is mounted");
	is_resized(resized("x", 900 * MIB), ST_OK, "clone: grown");
	ok(resized_umount(), "clone: unmounted");
	ok(resized_contains("x", MOUNT, "list"), "clone: contents are the same");
	ok(resized_contains("y", MOUNT, "list"), "clone: those of the other one, too");
}

int main(int argc, const char **argv)
{
	static const struct resized_part part[] = {
		{ "kinds", test_kinds },
		{ "sizes", test_sizes },
		{ "offset", test_offset },
		{ "log", test_log },
		{ "version_4", test_version_4 },
		{ "quota", test_quota },
		{ "refused", test_refused },
		{ "clone", test_clone },
	};

	if (!resized_can())
		return tap_done();
	scratch_open();
	resized_run(part, sizeof(part) / sizeof(part[0]), argc, argv);
	scratch_close(tap_failed);
	return tap_done();
}
