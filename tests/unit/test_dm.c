/* dm, lvm, volume: names; needs no device. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/lvm/dm.h"
#include "lib/lvm/lvm.h"
#include "lib/lvm/volume.h"
#include "tests/unit/tap.h"

static char group[DM_TEXT_MAX], volume[DM_TEXT_MAX];

static bool splits(const char *name, const char *vg, const char *lv)
{
	return dm_split(name, group, volume) && strcmp(group, vg) == 0 && strcmp(volume, lv) == 0;
}

static void test_split(void)
{
	char long_one[300];

	ok(splits("vg-lv", "vg", "lv"), "a group and a volume");
	ok(splits("a--b-c--d", "a-b", "c-d"), "hyphens are doubled");
	ok(splits("a----b-c", "a--b", "c"), "also two of them");
	ok(splits("vg-lv_tmeta", "vg", "lv_tmeta"), "a hidden part of a volume");
	ok(!dm_split("vg", group, volume), "no hyphen");
	ok(!dm_split("vg--lv", group, volume), "only a doubled hyphen");
	ok(!dm_split("vg-lv-real", group, volume), "a layer of a volume");
	ok(!dm_split("-lv", group, volume), "no group");
	ok(!dm_split("vg-", group, volume), "no volume");
	ok(!dm_split("", group, volume), "nothing");
	memset(long_one, 'a', sizeof(long_one));
	long_one[sizeof(long_one) - 1] = '\0';
	ok(!dm_split(long_one, group, volume), "too long");
}

static void test_uuid(void)
{
	struct dm_id id = { "vg-lv", "" };

	ok(!dm_is_volume(&id), "no UUID");
	strcpy(id.uuid, "LVM-abcdefghijklmnopqrstuvwxyz012345abcdefghijklmnopqrstuvwxyz012345");
	ok(dm_is_volume(&id), "a volume");
	strcat(id.uuid, "-real");
	ok(!dm_is_volume(&id) && dm_is_internal(&id), "an internal LVM volume");
	ok(dm_has_suffix(&id, "-real") && !dm_has_suffix(&id, "-rea"), "its suffix");
	strcpy(id.uuid, "CRYPT-LUKS2-0123456789abcdef0123456789abcdef-x");
	ok(!dm_is_volume(&id), "a device that is not LVM's");
}

static void test_overflow(void)
{
	/* All of an origin of 8 MiB takes 2048 chunks, 9 for the lists, and one for the header. */
	struct dm_usage f = { .space = (2048 + 9 + 1) * 4096, .chunk = 4096, .used = 0.9 };
	const uint64_t origin = 8 << 20;

	ok(!dm_snapshot_may_overflow(&f, origin), "a snapshot that cannot overflow");
	ok(dm_snapshot_may_overflow(&f, origin + 1), "an origin that is one byte larger");
	f.space -= 4096;
	ok(dm_snapshot_may_overflow(&f, origin), "one chunk less");
	ok(!dm_snapshot_may_overflow(&f, origin - 4096),
		"enough for an origin that is one chunk smaller");
	f.chunk = 65536;
	f.space = (128 + 1 + 1) * 65536;
	ok(!dm_snapshot_may_overflow(&f, origin), "larger chunks");
	f.space -= 1;
	ok(dm_snapshot_may_overflow(&f, origin), "and one byte less");
}

static void test_names(void)
{
	char long_one[LVM_NAME_MAX + 1];

	ok(lvm_name_is_valid("a") && lvm_name_is_valid("a-b_c.d+9"), "valid names");
	ok(!lvm_name_is_valid("") && !lvm_name_is_valid(".") && !lvm_name_is_valid(".."),
		"an empty name, or one of dots");
	ok(!lvm_name_is_valid("-y"), "an option");
	ok(!lvm_name_is_valid("a/b") && !lvm_name_is_valid("a b") && !lvm_name_is_valid("a\n"),
		"other characters");
	ok(!lvm_name_is_valid("a\"b") && !lvm_name_is_valid("a&b"),
		"a character of LVM selections");
	memset(long_one, 'a', sizeof(long_one));
	long_one[LVM_NAME_MAX] = '\0';
	ok(!lvm_name_is_valid(long_one), "too long");
}

static void test_tags(void)
{
	char tags[] = "x,img-tools.run=h:b:1:2:3,img-tools.unfinished";
	struct lvm_volume v = { .tags = tags };
	char *run = lvm_tag(&v, "img-tools.run=");

	is_str(run, "h:b:1:2:3", "the value of a tag");
	free(run);
	ok(!lvm_tag(&v, "img-tools.r="), "not that of another tag");
	ok(volume_is_unfinished(&v), "unfinished by its tags");
	strcpy(tags, "img-tools.unfinished");
	ok(volume_is_unfinished(&v), "by one of several tags");
	strcpy(tags, "ximg-tools.unfinished");
	ok(!volume_is_unfinished(&v), "not by a tag that ends with it");
}

static const char *type_of(const char *layout, bool is_snapshot)
{
	static char type[VOLUME_TYPE_MAX];
	struct lvm_volume v = { .is_snapshot = is_snapshot };

	snprintf(v.layout, sizeof(v.layout), "%s", layout);
	volume_type(&v, type);
	return type;
}

/* The right sides are what `lvs -o segtype` shows. */
static void test_types(void)
{
	is_str(type_of("linear", false), "linear", "linear");
	is_str(type_of("thin,sparse", false), "thin", "thin");
	is_str(type_of("thin,pool", false), "thin-pool", "a thin pool");
	is_str(type_of("cache,pool", false), "cache-pool", "a cache pool");
	is_str(type_of("raid,raid5,raid5_ls", false), "raid5_ls", "RAID");
	is_str(type_of("linear", true), "snapshot", "a thick snapshot");
	is_str(type_of("", false), "", "unknown");
}

/* Fills name with count times c, and checks it. */
static int check_name(const char *vg, char c, size_t count, bool has_layers)
{
	struct volume_name name;

	memset(&name, 0, sizeof(name));
	strcpy(name.group, vg);
	name.name[0] = 'x';
	memset(name.name + 1, c, count - 1);
	err_clear();
	return volume_check_name(&name, has_layers, ST_REFUSED);
}

/* LVM 2.03.16 succeeds and fails with the same names. */
static void test_long_names(void)
{
	ok(check_name("vga", 'x', 121, false) == 0, "the longest volume");
	ok(check_name("vga", 'x', 122, false) < 0 && err_status() == ST_REFUSED, "one more");
	ok(check_name("vga", 'x', 118, true) == 0, "the longest origin");
	ok(check_name("vga", 'x', 119, true) < 0 && err_status() == ST_REFUSED, "one more");
	ok(check_name("vga", '-', 62, false) == 0, "the longest with hyphens, which take two");
	ok(check_name("vga", '-', 63, false) < 0 && err_status() == ST_REFUSED, "one more");
	ok(check_name("vga", '-', 59, true) == 0, "the longest origin with hyphens");
	ok(check_name("vga", '-', 60, true) < 0 && err_status() == ST_REFUSED, "one more");
	ok(check_name("v-a", 'x', 117, true) == 0, "a hyphen of the group");
	ok(check_name("v-a", 'x', 118, true) < 0 && err_status() == ST_REFUSED, "one more");
	ok(check_name("vga", '/', 5, false) < 0 && err_status() == ST_REFUSED, "an invalid name");
}

static int check_word(const char *word)
{
	struct volume_name name;

	memset(&name, 0, sizeof(name));
	strcpy(name.group, "vga");
	strcpy(name.name, word);
	err_clear();
	return volume_check_name(&name, false, ST_USAGE) < 0 ? (int)err_status() : 0;
}

static void test_reserved_names(void)
{
	is_int(check_word("snapshot"), ST_USAGE, "snapshot");
	is_int(check_word("snapshot-of-disk"), ST_USAGE, "snapshot at the beginning");
	is_int(check_word("disk-snapshot"), 0, "and elsewhere");
	is_int(check_word("pvmove0"), ST_USAGE, "pvmove");
	is_int(check_word("disk_tdata"), ST_USAGE, "a part at the end");
	is_int(check_word("a_cvol_b"), ST_USAGE, "a part within");
	is_int(check_word("_mlog"), ST_USAGE, "a part alone");
	is_int(check_word("tdata"), 0, "without its underscore");
	is_int(check_word("disk_meta"), 0, "another word");
}

int main(void)
{
	test_split();
	test_uuid();
	test_overflow();
	test_names();
	test_tags();
	test_types();
	test_long_names();
	test_reserved_names();
	return tap_done();
}
