/*
 * qcow2_check: compared with the verdict of qemu-img check, for images of every kind, and for
 * copies of them that are damaged at random places of their tables.  Fails without qemu-img.
 */
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/format/qcow2_check.h"
#include "lib/format/qcow2_tables.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

#define DAMAGES 320

enum verdict { SOUND, LEAKS, CORRUPT, NO_VERDICT };
static const char *const verdict_name[] = { "sound", "leaks", "corrupt", "none" };

static uint64_t windows[] = { QCOW2_CHECK_WINDOW, 100 };

static enum verdict check_with(const char *name, uint64_t window)
{
	static uint8_t head[QCOW2_HEADER_MAX];
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? io_pread(fd, head, sizeof(head), 0) : -1;
	enum verdict v = NO_VERDICT;
	char text[QCOW2_TEXT_MAX];
	struct qcow2_check out;
	struct qcow2 q;
	struct stat st;
	unsigned i;

	err_clear();
	if (n < 0 || fstat(fd, &st) < 0)
		exit(99);
	if (qcow2_parse(&q, head, (size_t)n) < 0)
		v = CORRUPT;
	for (i = 0; v == NO_VERDICT && i < QCOW2_FEATURES; i++)
		if (qcow2_unknown_feature(&q, i, text))
			v = CORRUPT;
	if (v == NO_VERDICT && q.incompatible & QCOW2_CORRUPT)
		v = CORRUPT;
	if (v == NO_VERDICT &&
		qcow2_check_by(&q, fd, (uint64_t)st.st_size, window, QCOW2_CHECK_BUDGET, &out) == 0)
		v = out.leaks ? LEAKS : SOUND;
	else if (v == NO_VERDICT)
		v = err_status() == ST_CORRUPT ? CORRUPT : NO_VERDICT;
	close(fd);
	return v;
}

/* The verdict of qemu-img; what it cannot open, or not read, is corrupt, too. */
static enum verdict ask_qemu(const char *name)
{
	int status = scratch_run("timeout 60 qemu-img check --output=json %s", name);

	return status == 0 ? SOUND : status == 3 ? LEAKS : status <= 2 ? CORRUPT : NO_VERDICT;
}

/* Compares both verdicts on x. */
static void compare(const char *what)
{
	enum verdict want = ask_qemu("x");
	size_t i;

	ok(want != NO_VERDICT, "qemu-img has a verdict");
	for (i = 0; i < sizeof(windows) / sizeof(windows[0]); i++)
		if (!is_str(verdict_name[check_with("x", windows[i])], verdict_name[want], what))
			printf("# %s\n", err_text());
}

/* An image with these options, empty, and then with data, holes and discarded clusters. */
static void test_options(const char *options)
{
	char what[200];

	snprintf(what, sizeof(what), "-o %s", options);
	is_int(scratch_run("rm -f x data; qemu-img create -q -f qcow2 -o %s x 7M", options), 0,
		what);
	compare(what);
	is_int(scratch_run("qemu-io -c 'write -P 1 0 100k' -c 'write -P 2 3M 300k' "
			   "-c 'write -P 3 6M 1000k' -c 'discard 6M 512k' -c 'write -z 1M 99k' x"),
		0, "data");
	compare(what);
	/* A snapshot, after which some clusters are written again. */
	if (!strstr(options, "data_file") && !strstr(options, "refcount_bits=1")) {
		is_int(scratch_run("qemu-img snapshot -c one x; qemu-io -c 'write 3M 100k' x; "
				   "qemu-img snapshot -c two x"),
			0, "snapshots");
		compare(what);
	}
	is_int(scratch_run("qemu-io -c 'discard 2M 5M' x"), 0, "discarded");
	compare(what);
}

static void test_kinds(void)
{
	static const char *const kinds[] = { "compat=0.10", "compat=0.10,cluster_size=512",
		"compat=0.10,cluster_size=2M", "compat=1.1", "cluster_size=512", "cluster_size=4k",
		"cluster_size=2M", "lazy_refcounts=on", "extended_l2=on",
		"extended_l2=on,cluster_size=16k", "refcount_bits=1", "refcount_bits=2",
		"refcount_bits=4", "refcount_bits=8", "refcount_bits=32", "refcount_bits=64",
		"refcount_bits=1,cluster_size=512", "refcount_bits=2,cluster_size=512",
		"refcount_bits=64,cluster_size=512", "preallocation=metadata", "preallocation=full",
		"preallocation=falloc,cluster_size=4k", "data_file=data",
		"data_file=data,data_file_raw=on", "data_file=data,extended_l2=on" };
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		test_options(kinds[i]);
}

static void test_contents(void)
{
	scratch_run("seq 500000 >seq; qemu-img convert -c -f raw -O qcow2 seq x");
	compare("compressed clusters");
	scratch_run("qemu-io -c 'write 100k 200k' x; qemu-img snapshot -c one x; "
		    "qemu-io -c 'write 1M 200k' -c 'write -c 2M 64k' x");
	compare("compressed clusters, a snapshot, and data");
	scratch_run("qemu-img convert -c -f raw -O qcow2 -o compression_type=zstd seq x");
	compare("compressed clusters (zstd)");
	scratch_run("qemu-img convert -c -f raw -O qcow2 -o cluster_size=512 seq x");
	compare("compressed clusters of 512 bytes");
	scratch_run("qemu-img create -q -f qcow2 -F raw -b seq x; qemu-io -c 'write 0 64k' x");
	compare("a backing file");
	scratch_run("qemu-img create -q -f qcow2 x 0");
	compare("no disk");
	scratch_run("qemu-img create -q -f qcow2 x 8M; qemu-img bitmap --add x b; "
		    "qemu-img bitmap --add -g 512 x c; qemu-io -c 'write 4M 1M' x");
	compare("bitmaps");
	scratch_run("qemu-img create -q -f qcow2 -o cluster_size=512 x 30M; "
		    "qemu-io -c 'write 0 5M' -c 'write 20M 5M' -c 'discard 20M 5M' x");
	compare("many blocks of counts");
	scratch_run("truncate -s 1G x");
	compare("a file that is longer");
	scratch_run("qemu-img create -q -f qcow2 x 16T; qemu-io -c 'write 15T 64k' x");
	compare("a large disk");
	/* The process dies with lazy counts. */
	scratch_run("qemu-img create -q -f qcow2 -o lazy_refcounts=on x 8M; "
		    "qemu-io -c 'write 0 1M' -c 'abort' x");
	compare("dirty");
}

static uint64_t seed = 20;

static uint32_t next_random(void)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(seed >> 33);
}

#define TABLES_MAX 8

/* Finds where the tables of an image begin: those of the header, and some that these refer to. */
static unsigned find_tables(const char *name, uint64_t table[TABLES_MAX])
{
	static uint8_t head[QCOW2_HEADER_MAX];
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t n = io_pread(fd, head, sizeof(head), 0);
	unsigned count = 0, i;
	uint8_t b[8];
	struct qcow2 q;

	if (n < 0 || qcow2_parse(&q, head, (size_t)n) < 0)
		exit(99);
	table[count++] = q.l1_off;
	table[count++] = q.refcount_off;
	if (q.snapshots)
		table[count++] = q.snapshots_off;
	if (q.bitmaps)
		table[count++] = q.bitmaps_off;
	for (i = 0; i < 4; i++)
		if (io_pread(fd, b, 8, (i < 3 ? q.l1_off + 8 * i : q.refcount_off)) == 8 &&
			get_be64(b) << 8 >> 8)
			table[count++] = get_be64(b) << 8 >> 8;
	close(fd);
	return count;
}

/* Changes one to three places of the tables of a copy. */
static void damage(const char *from, unsigned cluster)
{
	uint64_t table[TABLES_MAX], at;
	unsigned n = 1 + next_random() % 3, tables = find_tables(from, table), len;
	uint8_t b[8];

	scratch_run("cp %s x", from);
	while (n--) {
		/* The entries in use are at the beginning. */
		at = table[next_random() % tables] + next_random() % 20 * 8;
		len = next_random() % 2 ? 1 : 8;
		at += len == 1 ? next_random() % 8 : 0;
		put_be64(b, next_random() % 20 * (uint64_t)cluster |
				    (next_random() % 2 ? UINT64_C(1) << 63 : 0));
		if (next_random() % 4 == 0 && len == 8)
			put_be64(b, (uint64_t)next_random() << 32 | next_random());
		b[0] ^= len == 1 ? (uint8_t)(next_random() % 4) : 0;
		scratch_patch("x", (long)at, b, len);
	}
}

static void test_damage(void)
{
	static const struct {
		const char *make;
		unsigned cluster;
	} good[] = {
		{ "qemu-img create -q -f qcow2 g0 4M; qemu-io -c 'write 0 1M' g0", 65536 },
		{ "qemu-img create -q -f qcow2 -o cluster_size=512 g1 1M; "
		  "qemu-io -c 'write 0 100k' -c 'write 500k 9k' g1; "
		  "qemu-img snapshot -c one g1; qemu-io -c 'write 8k 9k' g1",
			512 },
		{ "qemu-img create -q -f qcow2 -o extended_l2=on,cluster_size=16k g2 4M; "
		  "qemu-io -c 'write 0 100k' -c 'write 500k 9k' -c 'write -z 0 1k' g2; "
		  "qemu-img bitmap --add g2 b; qemu-io -c 'write 1M 1k' g2",
			16384 },
		{ "seq 100000 >s; qemu-img convert -c -f raw -O qcow2 -o cluster_size=4k s g3",
			4096 },
		{ "qemu-img create -q -f qcow2 -o refcount_bits=1,cluster_size=4k g4 4M; "
		  "qemu-io -c 'write 0 300k' g4",
			4096 },
	};
	unsigned i, kinds = sizeof(good) / sizeof(good[0]), met[4] = { 0 }, differ = 0;
	enum verdict ours, theirs;
	char name[8];

	for (i = 0; i < kinds; i++)
		is_int(scratch_run("%s", good[i].make), 0, "good");
	for (i = 0; i < DAMAGES; i++) {
		snprintf(name, sizeof(name), "g%u", i % kinds);
		damage(name, good[i % kinds].cluster);
		theirs = ask_qemu("x");
		ours = check_with("x", windows[i % 2]);
		met[theirs]++;
		if (ours == theirs)
			continue;
		differ++;
		printf("# %u of %s: we find %s (%s), qemu-img %s\n", i, name, verdict_name[ours],
			err_text(), verdict_name[theirs]);
		scratch_run("qemu-img check x");
	}
	printf("# sound %u, leaks %u, corrupt %u\n", met[SOUND], met[LEAKS], met[CORRUPT]);
	is_int(differ, 0, "damaged images get the same verdict");
	ok(met[SOUND] && met[LEAKS] && met[CORRUPT] && !met[NO_VERDICT], "of each kind");
}

/* A table of 1 Mi different blocks of counts, all of them holes, in a file of 4 EiB. */
static void test_limits(void)
{
	static uint8_t table[QCOW2_REFCOUNT_MAX];
	struct qcow2 q = { .version = 3,
		.cluster_size = 2u << 20,
		.refcount_order = 4,
		.refcount_off = 2u << 20,
		.refcount_clusters = 4 };
	int fd = memfd_create("image", MFD_CLOEXEC);
	uint64_t i, len = UINT64_C(1) << 62;
	struct qcow2_check out;

	for (i = 0; i < sizeof(table) / 8; i++)
		put_be64(table + 8 * i, (i + 5) * q.cluster_size);
	ok(fd >= 0 && ftruncate(fd, (off_t)len) == 0 &&
			io_pwrite(fd, table, sizeof(table), q.refcount_off) == 0,
		"limits: made");
	is_int(qcow2_check(&q, fd, len, &out), -1, "many blocks");
	is_int(err_status(), ST_CORRUPT, "many blocks: their own counts are 0");
	is_int(qcow2_check_by(&q, fd, len, QCOW2_CHECK_WINDOW, sizeof(table), &out), -1, "budget");
	is_int(err_status(), ST_FAILED, "the budget is spent");
	close(fd);
}

int main(void)
{
	scratch_open();
	test_kinds();
	test_contents();
	test_damage();
	test_limits();
	scratch_close(tap_failed);
	return tap_done();
}
