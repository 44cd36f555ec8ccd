/* qcow2: compared with qemu-img, which creates the images.  Fails without qemu-img. */
#include <stdint.h>
#include <sys/resource.h>

#include <jansson.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/format/qcow2.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

static uint8_t head[QCOW2_HEADER_MAX];
static size_t head_len;

static void load(const char *name)
{
	FILE *f = fopen(name, "rb");

	head_len = f ? fread(head, 1, sizeof(head), f) : 0;
	if (f)
		fclose(f);
}

/* Parses head in memory of its exact size, for the sanitizers. */
static int parse(struct qcow2 *q, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);
	int r;

	memcpy(copy, head, n);
	err_clear();
	r = qcow2_parse(q, copy, n);
	free(copy);
	return r;
}

static const char *string_of(json_t *info, const char *key)
{
	const char *s = json_string_value(json_object_get(info, key));

	return s ? s : "";
}

static bool has(const struct qcow2 *q, const char *feature)
{
	unsigned i;

	for (i = 0; i < QCOW2_FEATURES; i++)
		if (qcow2_feature(q, i) && strcmp(qcow2_feature(q, i), feature) == 0)
			return true;
	return false;
}

static void compare_features(const struct qcow2 *q, json_t *info, const char *what)
{
	json_t *data = json_object_get(json_object_get(info, "format-specific"), "data");
	char name[300];

	snprintf(name, sizeof(name), "%s: features", what);
	ok(json_is_object(data) &&
			strcmp(string_of(data, "compat"), q->version == 2 ? "0.10" : "1.1") == 0 &&
			has(q, "lazy_refcounts") ==
				json_is_true(json_object_get(data, "lazy-refcounts")) &&
			has(q, "extended_l2") ==
				json_is_true(json_object_get(data, "extended-l2")) &&
			has(q, "corrupt") == json_is_true(json_object_get(data, "corrupt")) &&
			has(q, "data_file") == json_is_string(json_object_get(data, "data-file")) &&
			has(q, "compression_type") ==
				(strcmp(string_of(data, "compression-type"), "zstd") == 0) &&
			has(q, "dirty") == json_is_true(json_object_get(info, "dirty-flag")) &&
			!(q->incompatible & ~QCOW2_INCOMPATIBLE_KNOWN),
		name);
}

/* Whether qcow2_parse() reports the same of name as qemu-img. */
static void compare(const char *what, const char *name)
{
	struct qcow2 q;
	json_t *info;
	char text[300];
	int status;

	load(name);
	snprintf(text, sizeof(text), "%s: parsed", what);
	is_int(parse(&q, head_len), 0, text);
	info = json_loads(
		scratch_get(&status, "qemu-img info --output=json %s 2>>log", name), 0, NULL);
	snprintf(text, sizeof(text), "%s: qemu-img knows it as qcow2", what);
	ok(status == 0 && info && strcmp(string_of(info, "format"), "qcow2") == 0, text);
	snprintf(text, sizeof(text), "%s: size", what);
	is_int(q.size, json_integer_value(json_object_get(info, "virtual-size")), text);
	snprintf(text, sizeof(text), "%s: cluster size", what);
	is_int(q.cluster_size, json_integer_value(json_object_get(info, "cluster-size")), text);
	snprintf(text, sizeof(text), "%s: backing name", what);
	is_str(q.backing, string_of(info, "backing-filename"), text);
	snprintf(text, sizeof(text), "%s: data file", what);
	is_str(q.data_file,
		string_of(json_object_get(json_object_get(info, "format-specific"), "data"),
			"data-file"),
		text);
	snprintf(text, sizeof(text), "%s: backing format", what);
	is_str(q.backing_format, string_of(info, "backing-filename-format"), text);
	compare_features(&q, info, what);
	json_decref(info);
}

static void test_kinds(void)
{
	static const char *const options[] = { "compat=0.10", "compat=1.1",
		"compat=0.10,cluster_size=512", "compat=0.10,cluster_size=2M",
		"compat=1.1,cluster_size=512", "compat=1.1,cluster_size=4k",
		"compat=1.1,cluster_size=2M", "lazy_refcounts=on",
		"extended_l2=on,cluster_size=128k", "refcount_bits=1", "refcount_bits=64",
		"data_file=data,data_file_raw=on", "compression_type=zstd",
		"preallocation=metadata" };
	static const char *const sizes[] = { "0", "512", "1M", "3T" };
	char what[100];
	size_t i;

	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		snprintf(what, sizeof(what), "-o %s", options[i]);
		is_int(scratch_run(
			       "rm -f x data; qemu-img create -q -f qcow2 -o %s x 5M", options[i]),
			0, what);
		compare(what, "x");
	}
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		snprintf(what, sizeof(what), "size %s", sizes[i]);
		is_int(scratch_run("qemu-img create -q -f qcow2 x %s", sizes[i]), 0, what);
		compare(what, "x");
	}
}

static void test_backing(void)
{
	static const char *const names[] = { "base", "./base", "sub/../base", "/nowhere/base",
		"a name with 'quotes'", "json:{\"driver\":\"qcow2\"}", "nbd://host/export" };
	uint8_t none[4] = { 0x12, 0x34, 0x56, 0x78 };
	struct qcow2 q;
	char name[QCOW2_BACKING_MAX + 2];
	size_t i;

	scratch_run("qemu-img create -q -f qcow2 base 1M");
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		setenv("NAME", names[i], 1);
		is_int(scratch_run("qemu-img create -q -u -f qcow2 -F raw -b \"$NAME\" x 1M"), 0,
			names[i]);
		load("x");
		ok(parse(&q, head_len) == 0 && strcmp(q.backing, names[i]) == 0,
			"backing: as recorded");
		compare(names[i], "x");
	}
	scratch_run("qemu-img create -q -f qcow2 -o compat=0.10 -F qcow2 -b base x");
	compare("version 2 with a backing file", "x");
	is_str(scratch_get(NULL, "dd if=x bs=1 skip=72 count=4 2>/dev/null | od -An -tx1"),
		" e2 79 2a ca", "backing: the format's extension is the first of version 2");
	scratch_patch("x", 72, none, 4);
	compare("a backing file without format", "x");
	load("x");
	ok(parse(&q, head_len) == 0 && q.backing[0] && !q.backing_format[0], "backing: no format");

	memset(name, 'n', sizeof(name));
	name[QCOW2_BACKING_MAX] = '\0';
	setenv("NAME", name, 1);
	is_int(scratch_run("qemu-img create -q -u -f qcow2 -F raw -b \"$NAME\" x 1M"), 0,
		"long name");
	load("x");
	ok(parse(&q, head_len) == 0 && strcmp(q.backing, name) == 0, "backing: the longest name");
}

static void test_dirty(void)
{
	scratch_run("qemu-img create -q -f qcow2 -o lazy_refcounts=on x 1M");
	ok(scratch_run("(ulimit -c 0; exec qemu-io -c 'write 0 64k' -c abort x)") != 0,
		"dirty: qemu-io was killed");
	compare("dirty", "x");
	load("x");
	is_int(head[79] & 1, 1, "dirty: it is");
}

/* Changes bytes of x; both QEMU and we must refuse the result. */
static void refuse(const char *what, long off, const void *p, size_t n)
{
	struct qcow2 q;
	char text[200];

	scratch_run("cp good x");
	scratch_patch("x", off, p, n);
	load("x");
	snprintf(text, sizeof(text), "refuse %s", what);
	ok(parse(&q, head_len) == -1 && err_status() == ST_CORRUPT, text);
	snprintf(text, sizeof(text), "refuse %s: as QEMU does", what);
	ok(scratch_run("qemu-img info -f qcow2 x") != 0, text);
}

static void refuse32(const char *what, long off, uint32_t value)
{
	uint8_t b[4];

	put_be32(b, value);
	refuse(what, off, b, 4);
}

static void refuse64(const char *what, long off, uint64_t value)
{
	uint8_t b[8];

	put_be64(b, value);
	refuse(what, off, b, 8);
}

static void test_refused(void)
{
	struct qcow2 q;
	uint32_t header;

	scratch_run("qemu-img create -q -f qcow2 -F qcow2 -b base good 1M");
	load("good");
	header = get_be32(head + 100);
	is_int(get_be32(head + header), 0xe2792aca, "refuse: where the first extension is");
	refuse32("no magic", 0, 0x514649fa);
	refuse32("version 0", 4, 0);
	refuse32("version 1", 4, 1);
	refuse32("version 4", 4, 4);
	refuse32("clusters of 256 bytes", 20, 8);
	refuse32("clusters of 4 MiB", 20, 22);
	refuse32("clusters of 2^64", 20, 64);
	refuse32("a name of 1024 bytes", 16, 1024);
	refuse32("a name of 4 GiB", 16, 0xffffffff);
	refuse64("a name behind the cluster", 8, 65536 + 8);
	refuse64("a name over the end of the cluster", 8, 65536 - 2);
	refuse64("a name at the end of everything", 8, UINT64_MAX);
	refuse64("a size beyond 63 bits", 24, UINT64_MAX - 511);
	refuse32("a header of 96 bytes", 100, 96);
	refuse32("a header longer than the cluster", 100, 65536 + 8);
	refuse32("reference counts of 128 bits", 96, 7);
	refuse32("an extension over the end", (long)header + 4, 65536);
	refuse32("an extension of 4 GiB", (long)header + 4, 0xffffffff);
	refuse32("a backing format of 64 bytes", (long)header + 4, 64);
	load("good");
	ok(parse(&q, head_len) == 0, "refuse: the original is good");
}

static void test_cut(void)
{
	struct qcow2 q;
	size_t n, end, wrong = 0;

	load("good");
	end = (size_t)get_be64(head + 8) + get_be32(head + 16);
	for (n = 0; n < end; n++)
		if (parse(&q, n) != -1 || err_status() != ST_CORRUPT)
			wrong++;
	ok(end > 104 && end < head_len, "cut: the name is near the beginning");
	is_int(wrong, 0, "cut: every prefix without the complete name is corrupt");
	is_int(parse(&q, end), 0, "cut: no more is needed");
}

static void test_unknown(void)
{
	struct qcow2 q;
	char text[QCOW2_TEXT_MAX];
	unsigned i, named = 0;

	load("good");
	put_be64(head + 72, 1 << 20 | 4);
	is_int(parse(&q, head_len), 0, "unknown: a feature without a name");
	is_str(qcow2_unknown_feature(&q, 20, text), "unknown feature 20", "unknown: its text");
	ok(!qcow2_unknown_feature(&q, 2, text) && !qcow2_unknown_feature(&q, 21, text) &&
			!qcow2_unknown_feature(&q, 100, text),
		"unknown: only that");
	ok(qcow2_has_data_file(&q) && !q.data_file[0], "a data file without a name");
	put_be64(head + 72, UINT64_MAX);
	put_be64(head + 80, UINT64_MAX);
	is_int(parse(&q, head_len), 0, "unknown: features are for the caller");
	ok(q.incompatible & ~QCOW2_INCOMPATIBLE_KNOWN, "unknown: the bit is reported");
	for (i = 0; i < 2 * QCOW2_FEATURES; i++)
		named += qcow2_feature(&q, i) != NULL;
	is_int(named, 6, "unknown: those with a name");
	memset(&q, 0, sizeof(q));
	ok(!qcow2_feature(&q, 0) && !qcow2_feature(&q, 64), "unknown: absent features have none");
	ok(!qcow2_is(head, 3) && qcow2_is(head, 4) && !qcow2_is(head + 1, 4), "is: four bytes");
}

int main(void)
{
	scratch_open();
	test_kinds();
	test_backing();
	test_dirty();
	test_refused();
	test_cut();
	test_unknown();
	scratch_close(tap_failed);
	return tap_done();
}
