/*
 * qcow2_map and qcow2_layer: compared with qemu-img's map and contents, for images of every kind
 * with arbitrary changes.  Fails without qemu-img.
 */
#include <jansson.h>

#include "lib/base/buf.h"
#include "tests/unit/qcow2_layers.h"

static uint32_t state;

/* Less than n, and the same in every run. */
static unsigned random_below(unsigned n)
{
	state = state * 1664525 + 1013904223;
	return (unsigned)((uint64_t)(state >> 8) * n >> 24);
}

/* Whether a part of a run, from off on, is what an entry of qemu-img's map says of it. */
static bool agrees(const struct qcow2_run *run, uint64_t off, json_t *e)
{
	bool here = json_integer_value(json_object_get(e, "depth")) == 0 &&
		    !json_is_false(json_object_get(e, "present"));
	json_t *host = json_object_get(e, "offset");
	uint64_t start = (uint64_t)json_integer_value(json_object_get(e, "start"));

	switch (run->kind) {
	case QCOW2_UNALLOCATED:
		return !here;
	case QCOW2_ZEROS:
		return here && json_is_true(json_object_get(e, "zero"));
	case QCOW2_DATA:
		return here && host &&
		       (uint64_t)json_integer_value(host) + off - start ==
			       run->host + off - run->off;
	case QCOW2_COMPRESSED:
		return here && !host && json_is_true(json_object_get(e, "data"));
	}
	return false;
}

/* Compares every run of the layer with qemu-img's map of it. */
static bool same_map(struct opened *o)
{
	json_t *map = json_loads(scratch_get(NULL, "qemu-img map --output=json x 2>>log"), 0, NULL);
	uint64_t off = 0, end = 0, next;
	struct qcow2_run run = { .len = 0 };
	bool same = map;
	json_t *e;
	size_t i;

	json_array_foreach(map, i, e)
	{
		end += (uint64_t)json_integer_value(json_object_get(e, "length"));
		for (; same && off < end; off = next) {
			if (off == run.off + run.len || off == 0)
				same = qcow2_map_at(&o->layer.map, off, UINT64_MAX, &run) == 0;
			next = run.off + run.len < end ? run.off + run.len : end;
			same = same && agrees(&run, off, e);
			if (!same)
				printf("# at %llu: kind %d, host %llu; %s; %s\n",
					(unsigned long long)off, (int)run.kind,
					(unsigned long long)run.host, json_dumps(e, 0), err_text());
		}
	}
	json_decref(map);
	return same && end == o->q.size && off == end;
}

/* Whether the bytes are those that qemu-img reads from the layer alone. */
static bool same_bytes(const struct opened *o)
{
	bool same = false;
	void *want;
	int fd;

	scratch_run(
		"qemu-img convert -t unsafe -O raw 'json:{\"driver\":\"qcow2\",\"backing\":null,"
		"\"file\":{\"driver\":\"file\",\"filename\":\"x\"}}' raw || rm -f raw");
	fd = open("raw", O_RDONLY | O_CLOEXEC);
	want = fd < 0 ? NULL : mmap(NULL, (size_t)o->q.size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (want && want != MAP_FAILED) {
		same = memcmp(o->bytes, want, (size_t)o->q.size) == 0;
		munmap(want, (size_t)o->q.size);
	}
	if (fd >= 0)
		close(fd);
	return same;
}

/* What is at arbitrary offsets is the same as in o->bytes, which was read in order. */
static bool same_anywhere(struct opened *o)
{
	static uint8_t bytes[100000];
	struct qcow2_run run;
	uint64_t off, n;
	int i;

	for (i = 0; i < 200; i++) {
		off = random_below((unsigned)o->q.size);
		if (qcow2_map_at(&o->layer.map, off, 1 + random_below(100000), &run) < 0 ||
			!opened_is_sane(o, &run, off))
			return false;
		n = run.len < sizeof(bytes) ? run.len : sizeof(bytes);
		memset(bytes, 0, (size_t)n);
		if ((run.kind == QCOW2_DATA || run.kind == QCOW2_COMPRESSED) &&
			qcow2_layer_read(&o->layer, &run, off, bytes, (size_t)n) < 0)
			return false;
		if (memcmp(bytes, o->bytes + off, (size_t)n) != 0)
			return false;
	}
	return true;
}

static void compare(const char *what)
{
	struct opened o;

	opened_open(&o, "x");
	if (!ok(same_map(&o), what) || !ok(opened_read(&o, UINT64_MAX) == 0, what))
		printf("# %s\n", err_text());
	ok(same_bytes(&o), "the same bytes");
	ok(same_anywhere(&o), "the same bytes, read anywhere");
	opened_close(&o);
}

/*
 * Writes data, zeros and holes to x, a disk of that many bytes.  First compressed clusters, as qemu
 * cannot write them over others: when it fails to, it may even damage the image.
 */
static void change(unsigned size, unsigned cluster, bool compressed)
{
	static const char *const verbs[] = { "write -P 5", "write -P 6", "write -z", "write -zu",
		"discard" };
	char text[4096] = "qemu-io -t unsafe";
	size_t used = strlen(text);
	unsigned off, n, i;

	for (i = 0; i < 4 && compressed; i++) {
		off = (size / cluster / 4 * i + random_below(2)) * cluster;
		used += (size_t)snprintf(text + used, sizeof(text) - used,
			" -c 'write -c -P 7 %u %u'", off,
			(1 + random_below(size / cluster / 4 - 1)) * cluster);
	}
	for (i = 0; i < 30; i++) {
		off = random_below(size / 512) * 512;
		n = (1 + random_below(i % 2 ? 64 : 1500)) * 512;
		n = n < size - off ? n : size - off;
		used += (size_t)snprintf(text + used, sizeof(text) - used, " -c '%s %u %u'",
			verbs[random_below(sizeof(verbs) / sizeof(verbs[0]))], off, n);
	}
	is_int(scratch_run("%s x", text), 0, "changes");
}

static void test_options(const char *options)
{
	const char *found = strstr(options, "cluster_size=");
	unsigned cluster = found ? (unsigned)atoi(found + 13) : 65536, size = 3 << 20;
	char what[200];

	size = (size < 12 * cluster ? 12 * cluster : size) + 3 * 512;
	snprintf(what, sizeof(what), "-o %s", options);
	is_int(scratch_run("rm -f x data; qemu-img create -q -f qcow2 -o %s x %u", options, size),
		0, what);
	if (strstr(options, "preallocation"))
		compare("empty");
	change(size, cluster, !strstr(options, "preallocation") && !strstr(options, "data_file"));
	compare("changed");
}

static void test_kinds(void)
{
	static const char *const clusters[] = { "512", "4096", "65536", "2097152" };
	static const char *const kinds[] = { "compat=0.10", "compat=1.1", "lazy_refcounts=on",
		"compression_type=zstd", "preallocation=metadata", "preallocation=falloc",
		"preallocation=full", "data_file=data", "data_file=data,data_file_raw=on",
		"data_file=data,preallocation=metadata", "extended_l2=on",
		"extended_l2=on,preallocation=metadata", "extended_l2=on,data_file=data",
		"extended_l2=on,compression_type=zstd" };
	char options[200];
	size_t i, k;

	for (i = 0; i < sizeof(clusters) / sizeof(clusters[0]); i++)
		for (k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
			/* Those cannot have subclusters. */
			if (i < 2 && strstr(kinds[k], "extended"))
				continue;
			snprintf(options, sizeof(options), "%s,cluster_size=%s", kinds[k],
				clusters[i]);
			test_options(options);
		}
	test_options("extended_l2=on,cluster_size=16384");
}

static void test_backing(void)
{
	scratch_run("rm -f x data; seq 1000000 | head -c 3146240 >base; "
		    "qemu-img create -q -f qcow2 -F raw -b base x 4M");
	compare("a backing file");
	change(4 << 20, 65536, true);
	compare("a backing file, changed");
	scratch_run("qemu-img create -q -f qcow2 -o extended_l2=on -F raw -b base x 4M");
	change(4 << 20, 65536, true);
	compare("a backing file and subclusters");
	scratch_run("qemu-img convert -c -O qcow2 -o cluster_size=512 base x");
	compare("compressed");
	scratch_run("qemu-img convert -c -O qcow2 -o compression_type=zstd base x");
	compare("compressed (zstd)");
	scratch_run("qemu-img snapshot -c one x; qemu-io -t unsafe -c 'write 0 1M' x");
	compare("a snapshot");
}

/* Behind the end of the file there are zeros, as for qemu-img. */
static void test_short_file(void)
{
	struct qcow2_run run;
	struct opened o;

	scratch_run("rm -f x; qemu-img create -q -f qcow2 x 1M; qemu-io -t unsafe -c 'write -P 9 0 "
		    "192k' x; "
		    "truncate -s -100000 x");
	opened_open(&o, "x");
	is_int(opened_read(&o, UINT64_MAX), 0, "a file that is cut short");
	is_int(o.runs, 3, "a file that is cut short: data, zeros, unallocated");
	ok(same_bytes(&o), "a file that is cut short: the same bytes");
	is_int(qcow2_map_at(&o.layer.map, 150000, 10, &run), 0, "behind its end");
	is_int(run.kind, QCOW2_ZEROS, "behind its end, zeros");
	opened_close(&o);
}

/* A large disk with little data is few runs. */
static void test_sparse(void)
{
	struct qcow2_run run;
	struct opened o;
	uint64_t off;
	unsigned n = 0;

	scratch_run(
		"rm -f x; qemu-img create -q -f qcow2 x 8T; qemu-io -t unsafe -c 'write 1T 64k' "
		"-c 'write -z 4T 1M' x");
	opened_open(&o, "x");
	for (off = 0; off < o.q.size; off += run.len, n++)
		if (qcow2_map_at(&o.layer.map, off, UINT64_MAX, &run) < 0)
			break;
	ok(off == o.q.size, "8 TiB");
	is_int(n, 5, "8 TiB: 5 runs");
	opened_close(&o);
}

/* The largest L1 table, empty, in a hole, and with an L2 table at its end, which is a hole, too. */
static void test_large_l1(void)
{
	struct qcow2 q = { .version = 3,
		.cluster_size = 2u << 20,
		.size = UINT64_C(1) << 60,
		.l1_off = 2u << 20,
		.l1_size = 4u << 20 };
	struct qcow2_run run = { .len = 0 };
	struct qcow2_map m;
	int fd = memfd_create("image", MFD_CLOEXEC);
	uint64_t len = 1u << 30;
	uint8_t b[8];

	ok(fd >= 0 && ftruncate(fd, (off_t)len) == 0 && qcow2_map_init(&m, &q, fd, len) == 0,
		"a large L1 table");
	ok(qcow2_map_at(&m, 12345, UINT64_MAX, &run) == 0 && run.kind == QCOW2_UNALLOCATED &&
			run.len == q.size - 12345,
		"a large L1 table: one run");
	qcow2_map_fini(&m);
	put_be64(b, 512u << 20);
	ok(io_pwrite(fd, b, 8, q.l1_off + 8 * ((q.size >> 39) - 1)) == 0 &&
			qcow2_map_init(&m, &q, fd, len) == 0,
		"an empty L2 table");
	ok(qcow2_map_at(&m, 0, UINT64_MAX, &run) == 0 && run.kind == QCOW2_UNALLOCATED &&
			run.len == q.size,
		"an empty L2 table: one run");
	qcow2_map_fini(&m);
	q.size += 1u << 30;
	q.l1_size = (uint32_t)(q.size >> 39);
	ok(qcow2_map_init(&m, &q, fd, len) < 0 && err_status() == ST_CORRUPT,
		"an L1 table that is too small");
	close(fd);
}

int main(void)
{
	scratch_open();
	test_kinds();
	test_backing();
	test_short_file();
	test_sparse();
	test_large_l1();
	scratch_close(tap_failed);
	return tap_done();
}
