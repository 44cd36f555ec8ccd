/*
 * ptable_fit_last: the last partition grows and shrinks with its image, and fdisk, sfdisk and
 * sgdisk judge the result.  In each state that a kill or a loss of power can leave, they must find
 * the old partitions or the new ones, and another run completes it.
 */
#include "tests/unit/last_partition.h"
#include "tests/unit/tap.h"

#define LIST_MAX 4096

/*
 * All that fdisk says of the partitions but their bootable flags.  The partitions whose numbers
 * match the pattern are listed as if they ended at `end`.
 */
static void list(
	const char *name, unsigned sector, const char *numbers, uint64_t end, char out[LIST_MAX])
{
	static const char gpt[] = "Type-UUID,UUID,Name,Attrs", dos[] = "Id,Start-C/H/S";
	uint8_t type;
	int status;

	gpt_image_get(name, &type, 1, 446 + 4);
	snprintf(out, LIST_MAX, "%s",
		scratch_get(&status,
			"fdisk -b %u -o Device,Start,End,%s -l %s 2>>log |"
			" sed -n '/identifier/p; s/^%s\\([0-9]\\)/\\1/p' |"
			" awk -v end=%llu '$1 ~ /^%s$/ { $3 = end } { $1 = $1; print }'",
			sector, type == 0xee ? gpt : dos, name, name,
			(unsigned long long)(end / sector - 1), numbers));
}

/* Whether the programs find the partitions, and no problem. */
static int is_right(const char *name, unsigned sector, const char *partitions)
{
	char got[LIST_MAX];
	uint8_t type;

	gpt_image_get(name, &type, 1, 446 + 4);
	list(name, sector, "none", sector, got);
	if (strcmp(got, partitions) != 0) {
		printf("# is:\n%s\n# should be:\n%s\n", got, partitions);
		return 0;
	}
	return scratch_run("printf 'v\\nq\\n' | LC_ALL=C fdisk -b %u %s >judge 2>&1 && cat judge &&"
			   " grep -q 'No errors' judge &&"
			   " ! grep -iE 'mismatch|backup|corrupt|overlap' judge",
		       sector, name) == 0 &&
	       (sector != 512 || scratch_run("sfdisk --verify %s >judge 2>&1 && cat judge &&"
					     " grep -q 'No errors' judge",
					 name) == 0) &&
	       (sector != 512 || type != 0xee ||
		       scratch_run("sgdisk -v %s >judge && sgdisk -p %s >>judge && cat judge &&"
				   " grep -q '^No problems found' judge &&"
				   " ! grep -iE 'mismatch|corrupt|not on the end' judge",
			       name, name) == 0);
}

/* What sfdisk says of a partition, and sgdisk of one in a GPT. */
static int has_size(const char *name, unsigned number, uint64_t start, uint64_t end)
{
	return scratch_run("sfdisk -J %s | tr -d ' \\n\\t' |"
			   " grep '\"node\":\"%s%u\",\"start\":%llu,\"size\":%llu,'",
		       name, name, number, (unsigned long long)start / 512,
		       (unsigned long long)(end - start) / 512) == 0;
}

/* Whether a range has the same bytes in two images. */
static int is_kept(const char *name, const char *other, uint64_t from, uint64_t to)
{
	static uint8_t a[GPT_IMAGE_MIB], b[GPT_IMAGE_MIB];
	uint64_t n;

	for (; from < to; from += n) {
		n = to - from < sizeof(a) ? to - from : sizeof(a);
		gpt_image_get(name, a, n, from);
		gpt_image_get(other, b, n, from);
		if (memcmp(a, b, n) != 0)
			return 0;
	}
	return 1;
}

/* What the states of an interrupted job are judged by. */
static struct {
	unsigned sector;
	uint64_t len, end;
	const char *was, *becomes;
	char partly[2][LIST_MAX]; /* with a logical partition: one of the two has changed */
	int is_gpt, lost, incomplete;
} judged;

static void judge_state(int first, const struct write *torn)
{
	bool is_torn_header = judged.is_gpt && torn && torn->off == (off_t)judged.sector;
	char got[LIST_MAX];

	(void)first;
	list("state", judged.sector, "none", judged.sector, got);
	if (strcmp(got, judged.was) != 0 && strcmp(got, judged.becomes) != 0 &&
		strcmp(got, judged.partly[0]) != 0 && strcmp(got, judged.partly[1]) != 0) {
		printf("# after %d writes%s: %s\n", first, torn ? ", torn" : "", got);
		judged.lost++;
	}
	if (!is_torn_header && (fit_last("state", judged.len, judged.end) != 0 ||
				       !gpt_image_is_same("state", "x"))) {
		printf("# after %d writes%s\n", first, torn ? ", torn" : "");
		judged.incomplete++;
	}
}

/* Also tries states in which each of the writes failed, which leaves those before it. */
static void test_interrupted(unsigned sector, uint64_t len, uint64_t end, const char *was,
	const char *becomes, int is_gpt)
{
	int states, i, total = count;

	judged.sector = sector;
	judged.len = len;
	judged.end = end;
	judged.was = was;
	judged.becomes = becomes;
	judged.is_gpt = is_gpt;
	judged.lost = judged.incomplete = 0;
	states = write_each_state(judge_state);
	ok(total > 0 && states >= total * 2, "states of interrupted jobs");
	is_int(judged.lost, 0, "all have the old partitions or the new ones");
	is_int(judged.incomplete, 0, "and are completed by another run");
	for (i = 0; i < total; i++) {
		scratch_run("cp --sparse=always before state");
		fail_at = i;
		is_int(fit_last("state", len, end), -1, "a write fails");
		fail_at = -1;
		ok(err_status() == ST_FAILED && strstr(err_text(), "cannot write at"), err_text());
		judge_state(i, NULL);
	}
	is_int(judged.lost + judged.incomplete, 0, "which another run completes, too");
}

/* Fills the data of all partitions up to the smaller end, and the boot code. */
static void fill_data(uint64_t smaller)
{
	static uint8_t data[GPT_IMAGE_MIB];
	uint64_t off, i;

	for (i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + i / 251 + 1);
	gpt_image_put("x", data, 440, 0);
	for (off = MIB; off < smaller; off += MIB)
		gpt_image_put("x", data, smaller - off < MIB ? smaller - off : MIB, off);
}

/* The bytes of a GPT that must not have changed, where partition 2 of gpt_image_make() has. */
static void check_gpt_bytes(unsigned sector, uint64_t from, uint64_t to, uint64_t smaller)
{
	uint64_t entries = 2 * sector, last = entries + 128 + 40, backup = 128 * 128 + sector;
	uint64_t end = to - backup;

	if (from < to && from - sector < end)
		end = from - sector; /* where the header of the old backup was */
	ok(is_kept("x", "before", 0, 446 + 5) && is_kept("x", "before", 446 + 16, sector),
		"the boot code is kept");
	ok(is_kept("x", "before", sector, sector + 16) &&
			is_kept("x", "before", sector + 56, sector + 88) &&
			is_kept("x", "before", sector + 92, 2 * sector),
		"so is the rest of the header");
	ok(is_kept("x", "before", entries, last) && is_kept("x", "before", last + 8, smaller),
		"so are the other entries and the data");
	ok(is_kept("x", "before", smaller, end), "so is what follows");
}

/* The image of gpt_image_make() becomes `to` bytes long, with its last partition until end. */
static void test_gpt(unsigned sector, uint64_t from, uint64_t to, uint64_t end)
{
	char what[100], was[LIST_MAX], becomes[LIST_MAX];
	uint64_t smaller = end < 4 * MIB ? end : 4 * MIB;

	snprintf(what, sizeof(what), "sectors of %u: %llu to %llu, end at %llu", sector,
		(unsigned long long)from, (unsigned long long)to, (unsigned long long)end);
	is_int(gpt_image_make(sector, from), 0, what);
	fill_data(smaller);
	list("x", sector, "none", sector, was);
	list("x", sector, "2", end, becomes);
	ok(strlen(was) > 300 && strstr(was, "system"), "three partitions");
	scratch_run(
		"cp --sparse=always x before; truncate -s '>%llu' before", (unsigned long long)to);
	is_int(fit_last("x", to, end), 0, what);
	ok(count <= WRITES_MAX && count >= 3, "it writes");
	ok(is_right("x", sector, becomes), "fdisk, sfdisk and sgdisk find no problem");
	ok(sector != 512 || has_size("x", 2, 3 * MIB, end), "sfdisk finds the new size");
	check_gpt_bytes(sector, from, to, smaller);
	test_interrupted(sector, to, end, was, becomes, 1);
	is_int(fit_last("x", to, end), 0, "once more");
	is_int(count, 0, "nothing is left to write");
	ok(syncs > 0, "but to sync");
}

static void test_gpts(unsigned sector)
{
	test_gpt(sector, 8 * MIB, 12 * MIB, 11 * MIB);
	test_gpt(sector, 8 * MIB, 12 * MIB, 12 * MIB - 128 * 128 - sector);
	test_gpt(sector, 8 * MIB, 8 * MIB, 7 * MIB);
	test_gpt(sector, 8 * MIB, 8 * MIB + sector, 7 * MIB);
	test_gpt(sector, 8 * MIB, 8 * MIB, 4 * MIB - sector);
	test_gpt(sector, 8 * MIB, 5 * MIB, 4 * MIB - 8 * sector);
	test_gpt(sector, 5 * MIB, 4 * MIB, 3 * MIB + sector);
	test_gpt(sector, 8 * MIB, 6 * MIB, 5 * MIB);
	test_gpt(sector, 4 * MIB + 128 * 128 + sector, 4 * MIB, 4 * MIB - 128 * 128 - sector);
}

/* The new space of the last partition may have been where the old backup was. */
static void test_again(void)
{
	char becomes[LIST_MAX];
	struct ptable t;
	int fd;

	gpt_image_make(512, 8 * MIB);
	list("x", 512, "2", 5 * MIB, becomes);
	is_int(fit_last("x", 12 * MIB, 11 * MIB), 0, "a partition grows");
	is_int(fit_last("x", 20 * MIB, 19 * MIB), 0, "again");
	is_int(fit_last("x", 7 * MIB, 5 * MIB), 0, "and shrinks");
	ok(is_right("x", 512, becomes), "the table is right");
	fd = open_table(&t, "x", 7 * MIB);
	is_int(ptable_fit(&t, fd, 7 * MIB, 7 * MIB), 0, "it fits without a change");
	close(fd);
	ok(is_right("x", 512, becomes), "and stays right");
}

/* Whether no bytes differ but the ends of the entries at these offsets, up to a length. */
static int only_ends_differ(const uint64_t *at, size_t n, uint64_t len)
{
	uint64_t from = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		if (!is_kept("x", "before", from, at[i] + 5) ||
			!is_kept("x", "before", at[i] + 8, at[i] + 12))
			return 0;
		from = at[i] + 16;
	}
	return is_kept("x", "before", from, len);
}

/* at: where the entries are that change, n of them; numbers: of the partitions that change. */
static void test_dos(const char *lines, const char *numbers, const uint64_t *at, size_t n,
	uint64_t from, uint64_t to, uint64_t end)
{
	char what[200], was[LIST_MAX], becomes[LIST_MAX];
	char number[2] = "";
	struct ptable t;
	uint64_t smaller;
	int fd, i;

	snprintf(what, sizeof(what), "%s: %llu to %llu, end at %llu", lines,
		(unsigned long long)from, (unsigned long long)to, (unsigned long long)end);
	make_dos(lines, from);
	fd = open_table(&t, "x", from);
	ok(fd >= 0 && t.kind == PTABLE_DOS && !t.odd && !t.fixed, what);
	close(fd);
	smaller = end < t.last_end ? end : t.last_end;
	gpt_image_put("x", what, strlen(what), 0);
	gpt_image_put("x", what, strlen(what), smaller - strlen(what));
	list("x", 512, "none", 512, was);
	list("x", 512, numbers, end, becomes);
	for (i = 0; i < 2; i++) {
		number[0] = numbers[n > 1 ? i + 1 : 0];
		list("x", 512, number, end, judged.partly[i]);
	}
	scratch_run(
		"cp --sparse=always x before; truncate -s '>%llu' before", (unsigned long long)to);
	is_int(fit_last("x", to, end), 0, what);
	ok(count <= (int)n && count > 0, "it writes");
	ok(is_right("x", 512, becomes), "fdisk and sfdisk find no problem");
	ok(has_size("x", t.last, t.last_start, end), "sfdisk finds the new size");
	ok(only_ends_differ(at, n, from < to ? from : to), "nothing else has changed");
	scratch_run(
		"sfdisk -d x >dump; truncate -s %llu y; sfdisk -q y <dump", (unsigned long long)to);
	for (i = 0; i < (int)n; i++)
		is_int(scratch_run("cmp -n 66 -i %llu x y",
			       (unsigned long long)at[i] / 512 * 512 + 446),
			0, "as sfdisk would write it");
	if (to < GIB) /* what is larger takes too long to compare */
		test_interrupted(512, to, end, was, becomes, 0);
	is_int(fit_last("x", to, end), 0, "once more");
	is_int(count, 0, "nothing is left to write");
	ok(syncs > 0, "but to sync");
}

static void test_doses(void)
{
	static const char primary[] = "start=2048,size=2048\\nstart=8192,size=2048,type=7\\n"
				      "start=4096,size=2048\\n";
	static const char one[] = "start=8192,size=40960,type=f\\nstart=16384,size=8192\\n";
	static const uint64_t second[] = { 462 }, single[] = { 446, 8192 * 512 + 446 };
	uint64_t logical[] = { 462, 8192 * 512 + 462, 14336 * 512 + 446 };
	uint8_t link[4];

	test_dos(primary, "2", second, 1, 40 * MIB, 60 * MIB, 60 * MIB);
	test_dos(primary, "2", second, 1, 40 * MIB, 40 * MIB, 8 * MIB);
	test_dos(primary, "2", second, 1, 40 * MIB, 5 * MIB, 4 * MIB + 512);
	test_dos(primary, "2", second, 1, 40 * MIB, 30 * GIB, 30 * GIB);
	test_dos(primary, "2", second, 1, 40 * MIB, 2048 * GIB, 2048 * GIB - MIB);
	test_dos(one, "[15]", single, 2, 40 * MIB, 60 * MIB, 60 * MIB);
	test_dos(one, "[15]", single, 2, 40 * MIB, 10 * MIB, 9 * MIB);
	make_dos(LOGICAL, 40 * MIB);
	gpt_image_get("x", link, 4, 8192 * 512 + 462 + 8);
	logical[2] = (8192 + get_le32(link)) * 512 + 446;
	test_dos(LOGICAL, "[26]", logical, 3, 40 * MIB, 60 * MIB, 60 * MIB);
	test_dos(LOGICAL, "[26]", logical, 3, 40 * MIB, 40 * MIB, 16 * MIB);
	test_dos(LOGICAL, "[26]", logical, 3, 40 * MIB, 40 * MIB, 10 * MIB);
	test_dos(LOGICAL, "[26]", logical, 3, 40 * MIB, 10 * MIB, 9 * MIB);
	test_dos(LOGICAL, "[26]", logical, 3, 40 * MIB, 30 * GIB, 30 * GIB);
}

int main(void)
{
	scratch_open();
	test_gpts(512);
	test_gpts(4096);
	test_again();
	test_doses();
	scratch_close(tap_failed);
	return tap_done();
}
