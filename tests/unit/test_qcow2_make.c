/*
 * qcow2_make: new layers of every size, judged by qemu-img and compared with what it makes; read
 * again by our own reader.  Fails without qemu-img.
 */
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/format/qcow2.h"
#include "lib/format/qcow2_make.h"
#include "lib/format/qcow2_tables.h"
#include "lib/format/qcow2_watermark.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

#define L2_SPAN                                                                                    \
	(UINT64_C(512) << 20) /* bytes of the guest's disk for one entry of the L1 table           \
			       */

static uint8_t head[QCOW2_MAKE_HEAD];

/* Makes the layer x. */
static void make(uint64_t size, const char *backing, const char *format)
{
	const struct qcow2_make m = { .size = size, .backing = backing, .backing_format = format };

	memset(head, 0xff, sizeof(head));
	qcow2_make(&m, head);
	scratch_save("x", head, sizeof(head));
	if (truncate("x", (off_t)qcow2_make_end(size)) < 0)
		perror("# truncate");
}

/* The number that qemu-img prints as a member of its JSON. */
static long long told(const char *member, const char *command)
{
	return strtoll(scratch_get(NULL, "%s 2>>log | sed -n 's/.*\"%s\": *\\([0-9]*\\).*/\\1/p'",
			       command, member),
		NULL, 10);
}

/* Our reader finds in x what was written, and nothing wrong with it. */
static void read_again(uint64_t size, const char *backing, const char *format)
{
	uint64_t len = qcow2_make_end(size), end = 0;
	struct qcow2 q;
	int fd = open("x", O_RDONLY | O_CLOEXEC);

	is_int(qcow2_parse(&q, head, QCOW2_HEADER_MAX), 0, "our reader takes it");
	is_int((long long)q.size, (long long)size, "the size");
	is_str(q.backing, backing, "the backing name");
	is_str(q.backing_format, format, "the backing format");
	is_int((long long)(q.incompatible | q.compatible | q.autoclear), 0, "no features");
	is_int(qcow2_tables_check(&q, fd, len), 0, "the tables");
	is_int(qcow2_watermark(&q, fd, len, &end), 0, "the watermark");
	is_int((long long)end, (long long)len, "it ends where the file ends");
	close(fd);
}

static void test_size(uint64_t size)
{
	char what[80];

	snprintf(what, sizeof(what), "%llu bytes", (unsigned long long)size);
	make(size, NULL, NULL);
	is_int(scratch_run("qemu-img check -f qcow2 x"), 0, what);
	is_int(told("image-end-offset", "qemu-img check --output=json x"),
		(long long)qcow2_make_end(size), "its end, as qemu-img sees it");
	read_again(size, "", "");
	is_int(scratch_run("rm -f y; qemu-img create -q -f qcow2 y %llu", (unsigned long long)size),
		0, "qemu-img makes one");
	is_int(scratch_run("cmp -n 112 x y"), 0, "the headers are the same");
	is_int(scratch_run("tail -c +65537 x >x1; tail -c +65537 y >y1; truncate -r x1 y1; "
			   "cmp x1 y1"),
		0, "so are the tables");
	is_int(scratch_run("for i in x y; do qemu-img info --output=json $i | "
			   "jq 'del(.filename, .\"actual-size\", .children)' >$i.info; done; "
			   "test -s x.info && cmp x.info y.info"),
		0, "so is what qemu-img tells of them");
	snprintf(what, sizeof(what), "qemu-img measure --output=json -O qcow2 --size %llu",
		(unsigned long long)size);
	is_int((long long)qcow2_make_full(size), told("fully-allocated", what),
		"as large as qemu-img says when it is full");
}

static void test_sizes(void)
{
	static const uint64_t sizes[] = { 512, 1024, 65536, 65536 + 512, L2_SPAN - 512, L2_SPAN,
		L2_SPAN + 512, UINT64_C(2) << 30, UINT64_C(10) << 30, UINT64_C(1) << 40,
		8192 * L2_SPAN, 8192 * L2_SPAN + 512, UINT64_C(1) << 50, QCOW2_MAKE_MAX - 512,
		QCOW2_MAKE_MAX };
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		test_size(sizes[i]);
	is_int((long long)(qcow2_make_end(QCOW2_MAKE_MAX) - QCOW2_MAKE_HEAD), QCOW2_L1_MAX,
		"the largest L1 table");
}

/* A layer on that file, of which qemu-img sees the content. */
static void test_backing(const char *name, const char *format, const char *what)
{
	make(1 << 20, name, format);
	read_again(1 << 20, name, format);
	is_int(scratch_run("qemu-img check x"), 0, what);
	is_str(scratch_get(NULL, "qemu-img info --output=json x 2>>log | "
				 "sed -n 's/.*\"backing-filename-format\": \"\\(.*\\)\".*/\\1/p'"),
		format, "the format that qemu-img sees");
	is_int(scratch_run("qemu-img compare -f qcow2 -F %s x '%s'", format, name), 0,
		"the guest sees the backing file");
	is_int(scratch_run("qemu-io -c 'write -P 7 100k 200k' -c 'read -P 7 100k 200k' x && "
			   "qemu-img check x"),
		0, "the layer can be written to");
}

static void test_backings(void)
{
	char name[QCOW2_BACKING_MAX + 1];
	size_t n;

	scratch_run("head -c 1M /dev/urandom >raw; qemu-img convert -f raw -O qcow2 raw base; "
		    "qemu-img convert -f raw -O vmdk raw vmdk");
	test_backing("raw", "raw", "raw");
	test_backing("base", "qcow2", "qcow2");
	test_backing("vmdk", "vmdk", "another format");
	memset(name, '/', QCOW2_BACKING_MAX); /* one slash is as good as many */
	name[QCOW2_BACKING_MAX] = '\0';
	n = strlen(scratch_dir);
	memcpy(name, scratch_dir, n);
	memcpy(name + QCOW2_BACKING_MAX - 3, "raw", 3);
	test_backing(name, "raw", "a long name");
}

int main(void)
{
	scratch_open();
	test_sizes();
	test_backings();
	scratch_close(tap_failed);
	return tap_done();
}
