/*
 * archive: lengths, damage, and our own headers, with archives made by lzop and images made
 * by e2fsprogs.  Fails if one of these is missing.
 */
#include <stdint.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/block/digest.h"
#include "lib/format/archive.h"
#include "tests/unit/probes.h"

static void test_lengths(void)
{
	static const unsigned len[] = { 0, 1, 3, 262143, 262144, 262145, 5000000, 4u << 20 };
	struct archive a;
	struct probes_file f;
	struct probe p;
	char text[100];
	size_t i;

	for (i = 0; i < sizeof(len) / sizeof(len[0]); i++) {
		snprintf(text, sizeof(text), "an archive of %u bytes", len[i]);
		scratch_run("head -c %u /dev/urandom >r; rm -f r.lzo; lzop -o r.lzo r", len[i]);
		f = probes_open("r.lzo");
		ok(archive_open(&a, f.fd, f.len) == 0 && a.len == len[i] && a.is_intact, text);
		is_str(a.header.name, "r", text);
		ok(archive_probe(&a, f.fd, f.len, &p) == 0 && !p.fs_type[0], text);
		close(f.fd);
	}
}

/* Measures an archive: the length of its image, or -1. */
static long long measure(const char *name, bool *is_intact)
{
	struct archive a;
	struct probes_file f = probes_open(name);
	long long r;

	err_clear();
	r = archive_open(&a, f.fd, f.len) < 0 ? -1 : (long long)a.len;
	*is_intact = r >= 0 && a.is_intact;
	close(f.fd);
	return r;
}

static void test_damaged(void)
{
	uint8_t big[4] = { 0, 4, 0, 1 };
	long long len, before = 0;
	bool intact;
	long size, n;
	int wrong = 0;

	scratch_run("head -c 600000 /dev/urandom >r; lzop -fo r.lzo r; cat r.lzo r.lzo >two; "
		    "{ cat r.lzo; printf x; } >more; head -c 20 r.lzo >head; cp r.lzo cut");
	size = strtol(scratch_get(NULL, "stat -c %%s r.lzo"), NULL, 10);
	ok(measure("two", &intact) == 600000 && !intact, "damaged: two members");
	ok(measure("more", &intact) == 600000 && !intact, "damaged: a byte after the end");
	ok(measure("head", &intact) == -1 && err_status() == ST_CORRUPT,
		"damaged: cut in the header");
	for (n = size - 1; n > 100; n -= n > size - 40 ? 1 : 9973) {
		if (truncate("cut", n) < 0)
			break;
		len = measure("cut", &intact);
		if (intact || len < 0 || len > 600000 || (before && len > before))
			wrong++;
		before = len;
	}
	is_int(wrong, 0, "damaged: truncated anywhere, it is incomplete");
	is_int(before, 0, "damaged: no data of an earlier archive is used");

	scratch_run("cp r.lzo bad");
	scratch_patch("bad", 40, "\377", 1);
	ok(measure("bad", &intact) == -1 && err_status() == ST_CORRUPT,
		"damaged: the header's checksum");
	scratch_run("cp r.lzo bad");
	scratch_patch("bad", size - 4, big, 4);
	ok(measure("bad", &intact) == -1 && err_status() == ST_CORRUPT,
		"damaged: a block's header");
}

static void test_damaged_content(void)
{
	struct archive a;
	struct probes_file f;
	struct probe p;
	uint32_t state = 1;
	int i, wrong = 0;
	char byte;

	scratch_run("lzop -fo x.lzo x; cp x.lzo bad");
	scratch_patch("bad", 2000, "\377\377\377\377\377\377\377\377", 8);
	f = probes_open("bad");
	ok(archive_open(&a, f.fd, f.len) == 0 && a.is_intact,
		"damaged content: not read to measure");
	ok(archive_probe(&a, f.fd, f.len, &p) == -1 && err_status() == ST_CORRUPT,
		"damaged content: seen when unpacked");
	close(f.fd);
	scratch_run("cp x.lzo bad; truncate -s 3000 bad");
	f = probes_open("bad");
	ok(archive_open(&a, f.fd, f.len) == 0 && !a.is_intact &&
			archive_probe(&a, f.fd, f.len, &p) == 0,
		"damaged content: of a truncated archive, the start is used");
	close(f.fd);
	for (i = 0; i < 300; i++) {
		scratch_run("cp x.lzo bad");
		state = state * 1664525 + 1013904223;
		byte = (char)(state >> 24);
		scratch_patch("bad", (long)(state >> 8) % 6000, &byte, 1);
		f = probes_open("bad");
		err_clear();
		if ((archive_open(&a, f.fd, f.len) < 0 || archive_probe(&a, f.fd, f.len, &p) < 0) &&
			err_status() != ST_CORRUPT)
			wrong++;
		close(f.fd);
	}
	is_int(wrong, 0, "damaged content: one byte at a time");
}

/* An archive with our header and blocks made by lzop. */
static void save_own(const char *name, uint64_t length)
{
	struct buf b = BUF_INIT;
	struct hash digest;

	memset(&digest, 7, sizeof(digest));
	lzop_header_write(&b, "x", 0600, 1, length, &digest);
	scratch_save(name, b.data, b.len);
	buf_fini(&b);
	/* The header of lzop for a file: 34 bytes, its name, 4 bytes of checksum. */
	scratch_run("lzop -1 -c x | tail -c +%d >>%s", 34 + 1 + 4 + 1, name);
}

static void test_own(void)
{
	struct archive a;
	struct probes_file f;
	struct probe p;

	save_own("own", 16u << 20);
	is_int(scratch_run("lzop -t own && lzop -dc own | cmp - x"), 0, "own: lzop reads it");
	f = probes_open("own");
	ok(archive_open(&a, f.fd, f.len) == 0 && a.header.has_length && a.is_intact,
		"own: by its header");
	is_int(a.len, 16u << 20, "own: its length");
	is_int(archive_probe(&a, f.fd, f.len, &p), 0, "own: content");
	probes_compare(&p, "x", "own");
	close(f.fd);

	save_own("own", INT64_MAX);
	f = probes_open("own");
	ok(archive_open(&a, f.fd, f.len) == 0 && a.len == INT64_MAX, "own: a length that lies");
	ok(archive_probe(&a, f.fd, f.len, &p) == 0 && strcmp(p.fs_type, "ext4") == 0,
		"own: and is not unpacked");
	close(f.fd);
	save_own("own", 1000);
	f = probes_open("own");
	ok(archive_open(&a, f.fd, f.len) == 0 && a.len == 1000 &&
			archive_probe(&a, f.fd, f.len, &p) == 0 && !p.fs_type[0],
		"own: what is beyond its length does not count");
	close(f.fd);
	save_own("own", UINT64_MAX);
	f = probes_open("own");
	ok(archive_open(&a, f.fd, f.len) == 0 && !a.header.has_length && a.len == 16u << 20 &&
			a.is_intact,
		"own: length not known");
	close(f.fd);
}

/* Bytes that this process has read so far, from all files. */
static long long bytes_read(void)
{
	return strtoll(
		scratch_get(NULL, "sed -n 's/rchar: //p' /proc/%d/io", (int)getpid()), NULL, 10);
}

static void test_cost(void)
{
	struct archive a;
	struct probes_file f;
	long long before;

	scratch_run("head -c 32M /dev/urandom >r; lzop -1 -fo r.lzo r");
	f = probes_open("r.lzo");
	before = bytes_read();
	ok(before > 0 && archive_open(&a, f.fd, f.len) == 0 && a.len == 32u << 20,
		"cost: measured");
	ok(bytes_read() - before < (1 << 20), "cost: without reading the blocks");
	close(f.fd);
}

int main(void)
{
	scratch_open();
	is_int(scratch_run("truncate -s 16M x && mkfs.ext4 -q -L x x && "
			   "echo 2048, | sfdisk -q --force --label dos x"),
		0, "made");
	test_own();
	test_lengths();
	test_damaged();
	test_damaged_content();
	test_cost();
	scratch_close(tap_failed);
	return tap_done();
}
