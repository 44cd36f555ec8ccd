/*
 * ptable_fit: images grow and shrink, and fdisk, sfdisk and sgdisk judge the result.  In
 * each state that a kill or a loss of power can leave, the partitions must be found, and another
 * run completes it.
 */
#include "lib/base/err.h"
#include "lib/format/ptable.h"
#include "tests/unit/recorded_writes.h"
#include "tests/unit/tap.h"

#define MIB GPT_IMAGE_MIB
#define LIST_MAX 4096

/* Reads the table of name and fits it; the image gets its new length before or after. */
static int fit(const char *name, uint64_t len)
{
	int r, fd = open(name, O_RDWR | O_CLOEXEC);
	uint64_t was = gpt_image_len(name);
	struct ptable t;

	count = syncs = 0;
	err_clear();
	if (fd < 0 || ptable_read(&t, fd, was) < 0 || t.odd) {
		printf("# %s: %s\n", name, fd < 0 ? strerror(errno) : t.odd ? t.odd : err_text());
		close(fd);
		return -2;
	}
	if (len > was && ftruncate(fd, (off_t)len) < 0)
		return -2;
	recording = 1;
	r = ptable_fit(&t, fd, was, len);
	recording = 0;
	if (r == 0 && len < was && ftruncate(fd, (off_t)len) < 0)
		r = -2;
	close(fd);
	return r;
}

/* All that fdisk says of the partitions. */
static void list(const char *name, unsigned sector, char out[LIST_MAX])
{
	int status;

	snprintf(out, LIST_MAX, "%s",
		scratch_get(&status,
			"fdisk -b %u -o Device,Start,End,Type-UUID,UUID,Name,Attrs -l %s 2>>log |"
			" sed -n '/identifier/p; s/^%s\\([0-9]\\)/\\1/p'",
			sector, name, name));
}

/* Whether the programs find the partitions, and no problem. */
static int is_right(const char *name, unsigned sector, const char *partitions)
{
	char got[LIST_MAX];

	list(name, sector, got);
	return strcmp(got, partitions) == 0 &&
	       scratch_run(
		       "printf 'v\\nq\\n' | LC_ALL=C fdisk -b %u %s >judge 2>&1 && cat judge &&"
		       " grep -q 'No errors' judge && ! grep -iE 'mismatch|backup|corrupt' judge",
		       sector, name) == 0 &&
	       (sector != 512 ||
		       scratch_run("sfdisk --verify %s >judge 2>&1 && sgdisk -v %s >>judge &&"
				   " cat judge && grep -q '^No problems found' judge &&"
				   " ! grep -iE 'mismatch|corrupt|not on the end' judge",
			       name, name) == 0);
}

/* Whether fdisk finds all partitions in the state. */
static int has_partitions(unsigned sector, const char *partitions)
{
	char got[LIST_MAX];

	list("state", sector, got);
	return strcmp(got, partitions) == 0;
}

/* What the states of an interrupted job are judged by. */
static struct {
	unsigned sector;
	uint64_t len;
	const char *partitions;
	int was_found; /* by fdisk, before the job */
	int lost, incomplete;
} judged;

/* Whether fitting the table of the state leads to the same image as without interruption. */
static int completes(uint64_t len)
{
	return fit("state", len) == 0 && gpt_image_is_same("state", "x");
}

/* As fdisk uses the backup then, the image must be as long as it is to become. */
static int survives_torn_primary(unsigned sector, uint64_t len, const char *partitions)
{
	return truncate("state", (off_t)len) == 0 && has_partitions(sector, partitions);
}

/* Before the first write was complete, fdisk finds the partitions only if it did before. */
static void judge_state(int first, const struct write *torn)
{
	if (torn && torn->off == (off_t)judged.sector) {
		judged.lost += !survives_torn_primary(judged.sector, judged.len, judged.partitions);
		return;
	}
	if (judged.was_found || first > 0)
		judged.lost += !has_partitions(judged.sector, judged.partitions);
	judged.incomplete += !completes(judged.len);
}

static void test_interrupted(unsigned sector, uint64_t len, const char *partitions, int was_found)
{
	int states, total = count;

	judged.sector = sector;
	judged.len = len;
	judged.partitions = partitions;
	judged.was_found = was_found;
	judged.lost = judged.incomplete = 0;
	states = write_each_state(judge_state);
	ok(states >= total * 3, "states of interrupted jobs");
	is_int(judged.lost, 0, "all have a valid table");
	is_int(judged.incomplete, 0, "and are completed by another run");
}

/* An image of `from` bytes, whose table was made with `made`, becomes `to` bytes long. */
static void test_length(unsigned sector, uint64_t made, uint64_t from, uint64_t to)
{
	char what[100], partitions[LIST_MAX];
	uint8_t code[440], after[440];

	snprintf(what, sizeof(what), "sectors of %u: %llu, %llu to %llu", sector,
		(unsigned long long)made, (unsigned long long)from, (unsigned long long)to);
	is_int(gpt_image_make(sector, made), 0, what);
	memset(code, 0x90, sizeof(code));
	gpt_image_put("x", code, sizeof(code), 0);
	list("x", sector, partitions);
	ok(strlen(partitions) > 300 && strstr(partitions, "system"), "three partitions");
	is_int(truncate("x", (off_t)from), 0, what);
	scratch_run(
		"cp --sparse=always x before; truncate -s '>%llu' before", (unsigned long long)to);
	is_int(fit("x", to), 0, what);
	ok(count <= WRITES_MAX && (count >= 4 || made == to), "it writes");
	ok(is_right("x", sector, partitions), "fdisk, sfdisk and sgdisk find no problem");
	gpt_image_get("x", after, sizeof(after), 0);
	ok(memcmp(code, after, sizeof(code)) == 0, "the boot loader's code is kept");
	test_interrupted(sector, to, partitions, from >= made);
	is_int(fit("x", to), 0, "once more");
	is_int(count, 0, "nothing is left to write");
	ok(syncs > 0, "but to sync");
}

static void test_lengths(unsigned sector)
{
	uint64_t backup = 128 * 128 + sector, least = 4 * MIB + backup;

	test_length(sector, 8 * MIB, 8 * MIB, 12 * MIB);
	test_length(sector, 8 * MIB, 8 * MIB, 8 * MIB + sector);
	test_length(sector, 8 * MIB, 8 * MIB, 8 * MIB + backup);
	test_length(sector, 8 * MIB, 8 * MIB, 9 * MIB + 4200);
	test_length(sector, 8 * MIB, 8 * MIB, 6 * MIB);
	test_length(sector, 8 * MIB, 8 * MIB, 8 * MIB - sector);
	test_length(sector, 8 * MIB, 8 * MIB, least);
	test_length(sector, least, least, 8 * MIB);
	test_length(sector, 6 * MIB, 8 * MIB, 8 * MIB); /* it was resized without us */
	test_length(sector, 6 * MIB, 8 * MIB, 10 * MIB);
	test_length(sector, 6 * MIB, 8 * MIB, 7 * MIB);
	test_length(sector, 6 * MIB, 8 * MIB, 5 * MIB);
	test_length(sector, 8 * MIB, 6 * MIB, 6 * MIB);
	test_length(sector, 8 * MIB, 8 * MIB, 8 * MIB);
	gpt_image_make(sector, 8 * MIB);
	is_int(fit("x", least - 1), -1, "a byte less than it needs");
	ok(err_status() == ST_REFUSED && count == 0, "is refused");
}

static void test_old_backup(void)
{
	static const uint8_t zero[512];
	uint8_t was[512], is[512];

	gpt_image_make(512, 8 * MIB);
	is_int(fit("x", 12 * MIB), 0, "an image grows");
	gpt_image_get("x", is, 512, 8 * MIB - 512);
	ok(memcmp(is, zero, 512) == 0, "the old backup's header is gone");
	is_int(scratch_run("sgdisk -e x && sgdisk -v x"), 0, "sgdisk agrees");

	gpt_image_make(512, 8 * MIB);
	gpt_image_get("x", was, 512, 8 * MIB - 512);
	gpt_image_put("x", was, 512, 3 * MIB);
	gpt_image_set("x", 512, 3 * MIB / 512, 24, 8, 3 * MIB / 512);
	gpt_image_set("x", 512, 1, 32, 8, 3 * MIB / 512);
	gpt_image_get("x", was, 512, 3 * MIB);
	is_int(fit("x", 12 * MIB), 0, "the primary header names a sector in a partition");
	gpt_image_get("x", is, 512, 3 * MIB);
	ok(memcmp(was, is, 512) == 0, "which is not touched");

	gpt_image_make(512, 8 * MIB);
	gpt_image_set("x", 512, 1, 32, 8, 6 * MIB / 512);
	memset(was, 7, 512);
	gpt_image_put("x", was, 512, 6 * MIB);
	is_int(fit("x", 12 * MIB), 0, "or a sector that is no header");
	gpt_image_get("x", is, 512, 6 * MIB);
	ok(memcmp(was, is, 512) == 0, "which is not touched, either");

	gpt_image_make(512, 8 * MIB);
	gpt_image_set("x", 512, 8 * MIB / 512 - 1, 56, 8, 7);
	gpt_image_set("x", 512, 8 * MIB / 512 - 1, 88, 4, 7);
	gpt_image_get("x", was, 512, 8 * MIB - 512);
	is_int(fit("x", 12 * MIB), 0, "or the header of another disk, without its entries");
	gpt_image_get("x", is, 512, 8 * MIB - 512);
	ok(memcmp(was, is, 512) == 0, "which is not touched, either");
}

static void test_errors(void)
{
	struct ptable t;
	char partitions[LIST_MAX];
	int fd;

	for (fail_at = 0; fail_at < 5; fail_at++) {
		gpt_image_make(512, 8 * MIB);
		is_int(fit("x", 12 * MIB), -1, "a write fails");
		ok(err_status() == ST_FAILED && strstr(err_text(), "cannot write at"), err_text());
	}
	fail_at = -1;
	list("x", 512, partitions);
	is_int(fit("x", 20 * MIB), 0, "and then none does");
	ok(is_right("x", 512, partitions), "the table is right");

	fd = open("x", O_RDWR | O_CLOEXEC);
	is_int(ptable_read(&t, fd, 20 * MIB), 0, "a table is read");
	gpt_image_make(512, 8 * MIB);
	scratch_run("cp x y");
	close(fd);
	fd = open("x", O_RDWR | O_CLOEXEC);
	is_int(ptable_fit(&t, fd, 20 * MIB, 20 * MIB), -1,
		"and another is there when it is fitted");
	is_int(err_status(), ST_CORRUPT, err_text());
	is_int(scratch_run("cmp x y"), 0, "it is not changed");
	close(fd);
	scratch_run("rm x; truncate -s 8M x; echo 2048, | sfdisk -q --label dos x; cp x y");
	is_int(fit("x", 8 * MIB), 0, "a DOS table");
	is_int(scratch_run("cmp x y"), 0, "is not changed, either");
}

/* Tables of another size than fdisk's. */
static void test_table_length(void)
{
	char partitions[LIST_MAX];

	scratch_run("rm -f x; truncate -s 8M x; printf 'label: gpt\\ntable-length: 4\\n"
		    "2048,2048\\n' | sfdisk -q x");
	list("x", 512, partitions);
	is_int(fit("x", 9 * MIB), 0, "a table of 4 entries");
	ok(is_right("x", 512, partitions), "is right");
	scratch_run("rm -f x; truncate -s 8M x; sgdisk -S 1000 -n 1:2048:4095 x");
	list("x", 512, partitions);
	is_int(fit("x", 5 * MIB), 0, "a table of 1000 entries");
	ok(is_right("x", 512, partitions), "is right, too");
}

int main(void)
{
	scratch_open();
	test_lengths(512);
	test_lengths(4096);
	test_old_backup();
	test_errors();
	test_table_length();
	scratch_close(tap_failed);
	return tap_done();
}
