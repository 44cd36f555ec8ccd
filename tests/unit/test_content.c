/*
 * content: what the first bytes of files made by qemu-img and lzop say, and of files that
 * are cut short.  Fails without these programs.
 */
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/kv.h"
#include "lib/format/content.h"
#include "lib/store/info.h"
#include "tests/unit/places.h"
#include "tests/unit/probes.h"

/* Such content counts as raw, the reason is told, and no error is recorded. */
static bool is_damaged(const struct content *c)
{
	return *c->damaged && !c->is_archive && strcmp(c->format, "raw") == 0 &&
	       err_status() == ST_OK;
}

/* content_read() of f, with all of c written to before. */
static int read_content(struct content *c, const struct probes_file *f)
{
	memset(c, 0x55, sizeof(*c));
	err_clear();
	return content_read(c, f->fd, f->len, false);
}

static void test_qcow2(void)
{
	struct probes_file f;
	struct content c;

	scratch_run("qemu-img create -q -f qcow2 -F raw -b base -u q 1M");
	f = probes_open("q");
	is_int(read_content(&c, &f), 0, "qcow2");
	is_str(c.format, "qcow2", "qcow2: format");
	ok(!c.is_archive, "qcow2: is no archive");
	ok(c.qcow2.size == 1 << 20 && c.qcow2.version == 3 && strcmp(c.qcow2.backing, "base") == 0,
		"qcow2: its header");
	is_int(truncate("q", 1000), 0, "qcow2: cut in its header");
	ok(read_content(&c, &f) == -1 && err_status() == ST_CORRUPT, "qcow2: it has shrunk");
	f.len = 50;
	ok(read_content(&c, &f) == 0 && is_damaged(&c), "qcow2: it is short");
	is_int(truncate("q", 2), 0, "qcow2: cut in its magic");
	ok(read_content(&c, &f) == -1 && err_status() == ST_CORRUPT,
		"qcow2: what has shrunk is not raw");
	f.len = 2;
	ok(read_content(&c, &f) == 0 && strcmp(c.format, "raw") == 0,
		"qcow2: what is two bytes long is raw");
	close(f.fd);
}

static void test_raw(void)
{
	static const char *const raw[] = { "x", "tiny", "empty" };
	struct probes_file f;
	struct content c;
	size_t i;

	scratch_run("printf 'QFI' >tiny; : >empty");
	for (i = 0; i < 3; i++) {
		f = probes_open(raw[i]);
		ok(read_content(&c, &f) == 0 && strcmp(c.format, "raw") == 0, raw[i]);
		ok(!c.is_archive, raw[i]);
		close(f.fd);
	}
	f = probes_open("x");
	close(f.fd);
	f.fd = open("x", O_WRONLY | O_CLOEXEC);
	ok(read_content(&c, &f) == -1 && err_status() != ST_OK && err_status() != ST_CORRUPT,
		"one that cannot be read");
	close(f.fd);
}

/* A guest's disk that begins like an archive: nothing behind the magic matters. */
static void test_packed_disk(void)
{
	static const char *const is[] = { "n.lzo", "header", "magic", "wrong" };
	struct probes_file f;
	struct content c;
	size_t i;

	scratch_run(
		"seq 9999 >n; lzop -fo n.lzo n; head -c 12 n.lzo >header; head -c 9 n.lzo >magic;"
		"(head -c 60 n.lzo; yes) 2>/dev/null | head -c 99999 >wrong");
	for (i = 0; i < sizeof(is) / sizeof(is[0]); i++) {
		f = probes_open(is[i]);
		memset(&c, 0x55, sizeof(c));
		ok(content_read(&c, f.fd, f.len, true) == 0 && c.is_packed_disk && !c.is_archive &&
				!*c.damaged && strcmp(c.format, "raw") == 0,
			is[i]);
		ok(read_content(&c, &f) != 0 || c.is_archive || is_damaged(&c), is[i]);
		close(f.fd);
	}
	f = probes_open("n");
	ok(content_read(&c, f.fd, f.len, true) == 0 && !c.is_packed_disk, "another disk");
	close(f.fd);
}

static void test_archive(void)
{
	struct probes_file f;
	struct content c;

	scratch_run("lzop -c x >x.lzo");
	f = probes_open("x.lzo");
	ok(read_content(&c, &f) == 0 && c.is_archive && c.archive.is_intact, "archive");
	is_int(c.archive.len, 16 << 20, "archive: the length of its image");
	is_str(c.format, "raw", "archive: of a raw image");
	is_int(truncate("x.lzo", 20), 0, "archive: cut in its header");
	ok(read_content(&c, &f) == -1 && err_status() == ST_CORRUPT, "archive: it has shrunk");
	f.len = 20;
	ok(read_content(&c, &f) == 0 && is_damaged(&c), "archive: it is short");
	f.len = 9;
	ok(read_content(&c, &f) == 0 && is_damaged(&c), "archive: only its magic");
	is_int(truncate("x.lzo", 2), 0, "archive: cut in its magic");
	ok(read_content(&c, &f) == -1 && err_status() == ST_CORRUPT,
		"archive: what has shrunk is not raw");
	close(f.fd);
}

/* Checks that the record of a file has format qcow2 and tells of no filesystem. */
static void no_filesystem(const char *name)
{
	struct place *p = places_open(name);
	struct buf b = BUF_INIT;
	struct kv kv;

	if (!ok(p && info_collect(p, NULL, &b) == 0 && kv_parse(&kv, b.data, b.len) == 0, name))
		return;
	is_str(kv_get(&kv, "format"), "qcow2", name);
	ok(!kv_get(&kv, "fs.type") && !kv_get(&kv, "partitions"), name);
	kv_fini(&kv);
	buf_fini(&b);
}

/* What libblkid finds in a qcow2 layer is not the guest's. */
static void test_qcow2_archive(void)
{
	struct probes_file f;
	struct content c;
	struct probe p;

	/* A superblock where a raw image would have it is between the header and the tables. */
	scratch_run(
		"qemu-img create -q -f qcow2 q2 16M && "
		"dd if=x of=q2 bs=1024 skip=1 seek=1 count=1 conv=notrunc && lzop -c q2 >q2.lzo");
	f = probes_open("q2");
	ok(probe_fd(f.fd, f.len, &p) == 0 && strcmp(p.fs_type, "ext4") == 0,
		"qcow2 with a superblock");
	close(f.fd);
	f = probes_open("q2.lzo");
	ok(read_content(&c, &f) == 0 && c.is_archive, "qcow2 in an archive");
	is_str(c.format, "qcow2", "qcow2 in an archive: format");
	is_int((long long)c.qcow2.size, 16 << 20, "qcow2 in an archive: its header");
	ok(archive_probe(&c.archive, f.fd, f.len, &p) == 0 && strcmp(p.fs_type, "ext4") == 0,
		"qcow2 in an archive: with a superblock");
	close(f.fd);
	no_filesystem("q2");
	no_filesystem("q2.lzo");
	scratch_run("qemu-img convert -f raw -O qcow2 x q3 && lzop -c q3 >q3.lzo");
	no_filesystem("q3.lzo");
	scratch_run("lzop -c x >x.lzo");
	f = probes_open("x.lzo");
	ok(read_content(&c, &f) == 0 && strcmp(c.format, "raw") == 0, "raw in an archive");
	close(f.fd);
}

static void test_bytes(void)
{
	struct content c;
	uint8_t head[QCOW2_HEADER_MAX] = QCOW2_MAGIC;

	is_str(content_format_of(head, 4), "qcow2", "bytes: four are enough");
	is_str(content_format_of(head, 3), "raw", "bytes: three are not");
	ok(content_parse(&c, head, sizeof(head)) == 0 && is_damaged(&c), "bytes: a damaged header");
	head[0] = 'q';
	ok(content_parse(&c, head, sizeof(head)) == 0 && strcmp(c.format, "raw") == 0 &&
			!c.is_archive,
		"bytes: raw");
	ok(content_parse(&c, head, 0) == 0 && strcmp(c.format, "raw") == 0, "bytes: none");
}

/* An image reads its headers once. */
static void test_image(void)
{
	atomic_bool spoiled = false;
	const struct content *c;
	struct image *img;

	scratch_run("qemu-img create -q -f qcow2 q 1M");
	img = places_image(&places_free, "q");
	c = img ? image_content(img) : NULL;
	ok(c && strcmp(c->format, "qcow2") == 0 && c->qcow2.size == 1 << 20, "image: qcow2");
	is_int(truncate("q", 2), 0, "image: cut it");
	ok(c && image_content(img) == c && c->qcow2.size == 1 << 20, "image: it is not read again");
	image_close(img);
	scratch_run("qemu-img create -q -f qcow2 q 1M");
	img = places_image(&places_free, "q");
	is_int(truncate("q", 2), 0, "image: cut it earlier");
	err_clear();
	ok(img && !image_content(img) && err_status() == ST_CORRUPT, "image: it has shrunk");
	ok(strstr(err_text(), "changed its size while it was read"), "image: that is the reason");
	image_close(img);
	img = places_image(&places_free, "x");
	img->spoiled = &spoiled;
	atomic_store(&spoiled, true);
	err_clear();
	ok(!image_content(img) && err_status() == ST_CORRUPT && strstr(err_text(), "overflowed"),
		"image: of an invalid snapshot");
	atomic_store(&spoiled, false);
	c = image_content(img);
	ok(c && strcmp(c->format, "raw") == 0, "image: raw");
	image_close(img);
}

int main(void)
{
	int fds;

	scratch_open();
	is_int(scratch_run("truncate -s 16M x && mkfs.ext4 -q -L x x && "
			   "echo 2048, | sfdisk -q --force --label dos x"),
		0, "made");
	fds = places_descriptors();
	test_qcow2();
	test_raw();
	test_packed_disk();
	test_archive();
	test_qcow2_archive();
	test_bytes();
	test_image();
	is_int(places_descriptors(), fds, "no descriptor is left open");
	scratch_close(tap_failed);
	return tap_done();
}
