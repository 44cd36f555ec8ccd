/*
 * qcow2_watermark: compared with the image-end-offset of qemu-img check, for images of every
 * kind; damaged tables.  qcow2_tail, too.  Fails without qemu-img.
 */
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/format/qcow2_tables.h"
#include "lib/format/qcow2_tail.h"
#include "lib/format/qcow2_watermark.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

/* Reads the header of name.  A descriptor, which the caller closes; *len is the file's size. */
static int open_image(const char *name, struct qcow2 *q, uint64_t *len)
{
	static uint8_t head[QCOW2_HEADER_MAX];
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? io_pread(fd, head, sizeof(head), 0) : -1;
	struct stat st;

	err_clear();
	if (n < 0 || fstat(fd, &st) < 0 || qcow2_parse(q, head, (size_t)n) < 0) {
		printf("# cannot read %s: %s\n", name, err_text());
		exit(99);
	}
	*len = (uint64_t)st.st_size;
	return fd;
}

/* The watermark of x, or -1. */
static long long watermark(void)
{
	struct qcow2 q;
	uint64_t len, end = 0, soon = 0;
	int fd = open_image("x", &q, &len), r;

	r = qcow2_watermark(&q, fd, len, &end);
	ok(r < 0 || (qcow2_watermark_soon(&q, fd, len, &soon) == 0 && soon == end), "found soon");
	close(fd);
	return r < 0 ? -1 : (long long)end;
}

static void compare(const char *what)
{
	long long want = strtoll(
		scratch_get(NULL, "qemu-img check --output=json x 2>>log | "
				  "sed -n 's/.*\"image-end-offset\": \\([0-9]*\\).*/\\1/p'"),
		NULL, 10);

	ok(want > 0, "qemu-img tells where it ends");
	is_int(watermark(), want, what);
}

/* An image with these options, empty and then with some data, holes and discarded clusters. */
static void test_options(const char *options)
{
	char what[200];

	snprintf(what, sizeof(what), "-o %s", options);
	is_int(scratch_run("rm -f x data; qemu-img create -q -f qcow2 -o %s x 7M", options), 0,
		what);
	compare(what);
	is_int(scratch_run("qemu-io -c 'write -P 1 0 100k' -c 'write -P 2 3M 300k' "
			   "-c 'write -P 3 6M 1000k' -c 'discard 6M 512k' x"),
		0, "data");
	compare(what);
	is_int(scratch_run("qemu-io -c 'discard 2M 5M' x"), 0, "discarded");
	compare(what);
}

static void test_kinds(void)
{
	static const char *const kinds[] = { "compat=0.10", "compat=0.10,cluster_size=512",
		"compat=0.10,cluster_size=2M", "compat=1.1", "cluster_size=512", "cluster_size=4k",
		"cluster_size=2M", "lazy_refcounts=on", "extended_l2=on,cluster_size=128k",
		"refcount_bits=1", "refcount_bits=2", "refcount_bits=4", "refcount_bits=8",
		"refcount_bits=32", "refcount_bits=64", "refcount_bits=1,cluster_size=512",
		"refcount_bits=2,cluster_size=512", "refcount_bits=64,cluster_size=512",
		"preallocation=metadata", "preallocation=full",
		"preallocation=falloc,cluster_size=4k" };
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		test_options(kinds[i]);
}

static void test_contents(void)
{
	scratch_run("rm -f x; qemu-img create -q -f qcow2 x 8M; qemu-io -c 'write 0 1M' x; "
		    "qemu-img snapshot -c one x; qemu-io -c 'write 0 2M' x");
	compare("a snapshot");
	scratch_run("qemu-img snapshot -d one x");
	compare("a snapshot that was deleted");
	scratch_run("qemu-img bitmap --add x b; qemu-io -c 'write 4M 1M' x");
	compare("a bitmap");
	scratch_run("seq 500000 >data; qemu-img convert -c -f raw -O qcow2 data x");
	compare("compressed clusters");
	scratch_run("qemu-img convert -c -f raw -O qcow2 -o compression_type=zstd data x");
	compare("compressed clusters (zstd)");
	scratch_run("qemu-img create -q -f qcow2 -F raw -b data x; qemu-io -c 'write 0 64k' x");
	compare("a backing file");
	scratch_run("qemu-img create -q -f qcow2 x 0");
	compare("no disk");
	scratch_run("qemu-img create -q -f qcow2 -o cluster_size=512 x 100M; "
		    "qemu-io -c 'write 0 20M' -c 'write 60M 20M' -c 'discard 60M 20M' x");
	compare("many blocks of counts, of which the last ones are 0");
	scratch_run("truncate -s 1G x");
	compare("a file that is longer");
	scratch_run("qemu-img create -q -f qcow2 x 16T; qemu-io -c 'write 15T 64k' x");
	compare("a large disk");
}

/* A writer that is killed leaves clusters that its lazy reference counts lack. */
static void test_dirty(void)
{
	static const char *const kinds[] = { "cluster_size=512", "cluster_size=4k",
		"cluster_size=64k", "cluster_size=2M", "cluster_size=64k,extended_l2=on",
		"cluster_size=64k,refcount_bits=1" };
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		scratch_run("qemu-img create -q -f qcow2 -o lazy_refcounts=on,%s x 8M; "
			    "qemu-io -c 'write 1M 1000k' -c 'write -c 4M 2M' -c 'sigraise 9' x",
			kinds[i]);
		compare(kinds[i]);
	}
	scratch_run("qemu-img create -q -f qcow2 -o lazy_refcounts=on,data_file=data x 8M; "
		    "qemu-io -c 'write 1M 1000k' -c 'sigraise 9' x");
	compare("a dirty image with a data file");
	scratch_run("qemu-img create -q -f qcow2 -o lazy_refcounts=on x 8M; "
		    "qemu-img snapshot -c one x; qemu-io -c 'write 1M 1M' -c 'sigraise 9' x");
	compare("a dirty image with a snapshot");
}

/* Its reference counts are still right, but its L1 table is not. */
static void test_dirty_damage(void)
{
	struct qcow2 q;
	uint64_t len, end = 0;
	uint8_t b[8];
	int fd;

	scratch_run("qemu-img create -q -f qcow2 -o lazy_refcounts=on,cluster_size=512 good 8M; "
		    "qemu-io -c 'write 1M 1M' -c 'sigraise 9' good; cp good x");
	close(open_image("x", &q, &len));
	ok(q.incompatible & QCOW2_DIRTY, "the image is dirty");
	/* 1 MiB begins at the 32nd table, as each describes 32 KiB. */
	scratch_run("dd if=good of=x bs=1 skip=%d seek=%d count=8 conv=notrunc",
		(int)q.l1_off + 32 * 8, (int)q.l1_off + 33 * 8);
	ok(watermark() == -1 && err_status() == ST_CORRUPT, "dirty: an L2 table twice");
	put_be64(b, UINT64_C(1) << 40);
	scratch_patch("x", (long)q.l1_off + 33 * 8, b, 8);
	ok(watermark() == -1 && err_status() == ST_CORRUPT, "dirty: an L2 table outside");
	/* All the tables that QEMU accepts are more than a listing reads. */
	put_be64(b, 1u << 22);
	scratch_run("cp good x; truncate -s 1G x");
	scratch_patch("x", 36, b + 4, 4);
	fd = open_image("x", &q, &len);
	is_int(qcow2_watermark_soon(&q, fd, len, &end), -1, "dirty: a large L1 table: not soon");
	is_int(err_status(), ST_FAILED, "dirty: not damaged");
	close(fd);
}

/* Changes bytes of the good image; the result is corrupt. */
static void refuse(const char *what, uint64_t off, uint64_t value, size_t n)
{
	uint8_t b[8];

	put_be64(b, value);
	scratch_run("cp good x");
	scratch_patch("x", (long)off, b + 8 - n, n);
	ok(watermark() == -1 && err_status() == ST_CORRUPT, what);
}

static void test_damage(void)
{
	struct qcow2 q;
	uint64_t len, table;
	uint8_t b[8];

	scratch_run("qemu-img create -q -f qcow2 good 1M; qemu-io -c 'write 0 1M' good");
	close(open_image("good", &q, &len));
	table = q.refcount_off;
	refuse("no table", 56, 0, 4);
	refuse("a table that is too large", 56, 129, 4);
	refuse("a table of 4 Gi clusters", 56, UINT32_MAX, 4);
	refuse("a table over the end", 48, len / 65536 * 65536 + 65536, 8);
	refuse("a table at the end of everything", 48, UINT64_MAX - 65535, 8);
	refuse("a table that is not aligned", 48, table + 512, 8);
	refuse("a table in the header", 48, 0, 8);
	refuse("a block that is not aligned", table, 512, 8);
	refuse("a block with a reserved bit", table, 2 * 65536 + 1, 8);
	refuse("a block behind the end", table, UINT64_C(1) << 40, 8);
	refuse("a block at the end of everything", table, UINT64_MAX - 65535, 8);
	refuse("a block twice", table + 8, 2 * 65536, 8);
	/* What is counted beyond the end of the file is not part of it. */
	scratch_run("cp good x");
	put_be64(b, 1);
	scratch_patch("x", 2 * 65536 + 2 * 1000, b + 6, 2);
	is_int(watermark(), (len + 65535) / 65536 * 65536, "counts beyond the end");
	/* Without a count, the tables are still there. */
	scratch_run("cp good x; head -c 65536 /dev/zero | dd of=x bs=64k seek=2 conv=notrunc");
	is_int(watermark(), 4 * 65536, "no counts");
}

/* A table of 1 Mi different blocks of zeros, all of them holes, costs no more than itself. */
static void test_many_blocks(void)
{
	static uint8_t table[QCOW2_REFCOUNT_MAX];
	struct qcow2 q = { .version = 3,
		.cluster_size = 2u << 20,
		.refcount_order = 4,
		.refcount_off = 2u << 20,
		.refcount_clusters = 4 };
	int fd = memfd_create("image", MFD_CLOEXEC);
	uint64_t i, end = 0, len = UINT64_C(1) << 62;

	for (i = 0; i < sizeof(table) / 8; i++)
		put_be64(table + 8 * i, (i + 5) * q.cluster_size);
	ok(fd >= 0 && ftruncate(fd, (off_t)len) == 0 &&
			io_pwrite(fd, table, sizeof(table), q.refcount_off) == 0,
		"many blocks: made");
	is_int(qcow2_watermark(&q, fd, len, &end), 0, "many blocks");
	is_int(end, (sizeof(table) / 8 + 5) * q.cluster_size, "many blocks: their own end");
	is_int(qcow2_watermark_soon(&q, fd, len, &end), -1, "many blocks: not soon");
	is_int(err_status(), ST_FAILED, "many blocks: not damaged");
	close(fd);
}

/* What is behind the disk's end in x: "s": old data, "b": its last cluster is not here. */
static const char *tail(void)
{
	static const char *const text[] = { "", "s", "b", "sb" };
	struct qcow2_tail t;
	struct qcow2 q;
	uint64_t len;
	int fd = open_image("x", &q, &len), r;

	r = qcow2_tail_read(&t, &q, fd, len);
	close(fd);
	return r < 0 ? "failed" : text[t.is_stale + 2 * t.ends_in_backing];
}

static void test_tail(void)
{
	static const char *const options[] = { "compat=0.10", "compat=1.1", "cluster_size=512",
		"cluster_size=2M" };
	const char *none;
	uint8_t b[8];
	size_t i;

	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		scratch_run("qemu-img create -q -f qcow2 -o %s x 4M", options[i]);
		is_str(tail(), "", options[i]);
		scratch_run("qemu-img create -q -f qcow2 -o %s x 5000k", options[i]);
		none = i == 2 ? "" : "b"; /* a multiple of 512 bytes */
		is_str(tail(), none, "tail: a disk that ends within a cluster");
		scratch_run("qemu-io -c 'write -P 1 0 5000k' x");
		is_str(tail(), "", "tail: the end of its last cluster is zeros");
		scratch_run("qemu-img resize -q --shrink x 4900k");
		is_str(tail(), i == 2 ? "" : "s", "tail: a disk that was shrunk");
	}
	scratch_run("qemu-img create -q -f qcow2 x 4900k; qemu-io -c 'write 4M 804k' "
		    "-c 'write -z 4864k 36k' x");
	is_str(tail(), "", "tail: its last cluster reads as zeros");
	scratch_run("qemu-img create -q -f qcow2 x 64k; qemu-io -c 'write 0 64k' x");
	put_be64(b, 1);
	scratch_patch("x", 4 * 65536 + 8, b, 8);
	is_str(tail(), "s", "tail: a cluster behind the end");
	scratch_run("qemu-img create -q -f qcow2 x 1G; qemu-io -c 'write 0 64k' x");
	put_be64(b, 4 * 65536);
	scratch_patch("x", 3 * 65536 + 16, b, 8);
	put_be64(b, 4096);
	scratch_patch("x", 24, b, 8);
	is_str(tail(), "s", "tail: an L2 table behind the end");
	scratch_run("qemu-img create -q -f qcow2 x 4k; qemu-io -c 'write 0 4k' x");
	put_be64(b, UINT64_C(1) << 40);
	scratch_patch("x", 4 * 65536, b, 8);
	is_str(tail(), "failed", "tail: a cluster outside of the image");
	is_int(err_status(), ST_CORRUPT, "tail: that is corrupt");
}

int main(void)
{
	scratch_open();
	test_kinds();
	test_contents();
	test_dirty();
	test_dirty_damage();
	test_damage();
	test_many_blocks();
	test_tail();
	scratch_close(tap_failed);
	return tap_done();
}
