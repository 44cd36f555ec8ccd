/*
 * qcow2_map, qcow2_layer: every entry of the tables at its extremes, packed bytes that are damaged,
 * and headers that cannot be.  Fails without qemu-img.
 */
#include "lib/base/buf.h"
#include "tests/unit/qcow2_layers.h"

#define IMAGE_MAX (1u << 20)
#define COPIED (UINT64_C(1) << 63)
#define COMPRESSED (UINT64_C(1) << 62)

static uint8_t image[IMAGE_MAX];
static size_t image_len;

/* Makes an image, which is then also in memory. */
static void make_image(const char *options)
{
	int fd;

	scratch_run("rm -f x data; qemu-img create -q -f qcow2 -o %s x 512K", options);
	scratch_run("qemu-io -t unsafe -c 'write -P 1 0 100k' -c 'write -z 160k 64k' "
		    "-c 'write -c -P 3 256k 32k' -c 'write -P 4 488k 24k' x");
	fd = open("x", O_RDONLY | O_CLOEXEC);
	image_len = (size_t)io_read(fd, image, sizeof(image));
	close(fd);
	ok(image_len > 0 && image_len < sizeof(image), options);
}

/* Reads all of the image with n of its bytes changed: 0, or the status of the error. */
static int read_changed(uint64_t off, const uint8_t *bytes, size_t n, uint64_t len)
{
	int fd = memfd_create("image", MFD_CLOEXEC), r = 0;
	struct opened o;

	if (fd < 0 || io_pwrite(fd, image, image_len, 0) < 0 || io_pwrite(fd, bytes, n, off) < 0 ||
		ftruncate(fd, (off_t)len) < 0)
		exit(99);
	if (opened_parse(&o, fd) < 0) {
		close(fd);
		return (int)err_status();
	}
	/*
	 * opened_read() exits if a run is beyond the layer, which counts as its own data file.
	 */
	if (qcow2_layer_init(&o.layer, &o.q, fd, o.len, fd, &o.unpack) < 0 ||
		opened_read(&o, 70000) < 0)
		r = (int)err_status();
	opened_close(&o);
	return r;
}

static int with_entry(uint64_t off, uint64_t value)
{
	uint8_t b[8];

	put_be64(b, value);
	return read_changed(off, b, 8, image_len);
}

/* Sets each 8 bytes of a table to extremes; they are read, or refused as corrupt. */
static void damage_table(const char *what, uint64_t off, uint64_t count)
{
	const uint64_t value[] = { 0, 1, 2, 511, 512, 65536, COPIED, COMPRESSED,
		COPIED | COMPRESSED, COPIED | 1, COPIED | 65536 | 1, UINT64_MAX, INT64_MAX,
		COMPRESSED - 1, image_len, image_len - 1, image_len / 65536 * 65536,
		COMPRESSED | image_len, COMPRESSED | (image_len - 1), UINT64_C(0x00fffffffffffe00),
		UINT64_C(0x00ffffffffe00000), UINT64_C(1) << 55, UINT64_C(1) << 56,
		UINT64_C(1) << 61, UINT64_C(0xffffffff), UINT64_C(0xffffffff00000000),
		UINT64_C(0x100000001) };
	unsigned good = 0, refused = 0, other = 0;
	uint64_t i;
	size_t k;
	int r;

	for (i = 0; i < count; i++)
		for (k = 0; k < sizeof(value) / sizeof(value[0]); k++) {
			r = with_entry(off + 8 * i, value[k]);
			if (r == 0)
				good++;
			else if (r == ST_CORRUPT)
				refused++;
			else
				other++;
		}
	ok(good > 0 && refused > 0, what);
	is_int(other, 0, "nothing but success and ST_CORRUPT");
}

static void test_entries(void)
{
	static const char *const kinds[] = { "compat=0.10,cluster_size=4k", "cluster_size=32k",
		"cluster_size=512", "extended_l2=on,cluster_size=16k",
		"compression_type=zstd,cluster_size=16k" };
	uint64_t l1, l2, used;
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		make_image(kinds[i]);
		l1 = get_be64(image + 40);
		damage_table("L1", l1, get_be32(image + 36));
		l2 = get_be64(image + l1) & (COMPRESSED - 1);
		used = (512u << 10 >> get_be32(image + 20)) * (i == 3 ? 2 : 1);
		/* A small table has further entries, in tables like this one. */
		damage_table("L2", l2, i == 2 ? 64 : used);
	}
}

static void refuse(const char *what, uint64_t off, uint64_t value)
{
	is_int(with_entry(off, value), ST_CORRUPT, what);
}

static void test_rules(void)
{
	uint64_t l1, l2, data;

	make_image("compat=1.1,cluster_size=4k");
	l1 = get_be64(image + 40);
	l2 = get_be64(image + l1) & (COMPRESSED - 1);
	data = get_be64(image + l2) & (COMPRESSED - 1);
	is_int(with_entry(l1, l2), 0, "without the copied flag");
	refuse("L1: a reserved bit", l1, l2 | 1);
	refuse("L1: another", l1, l2 | UINT64_C(1) << 56);
	refuse("L1: not aligned", l1, l2 + 512);
	refuse("L1: outside", l1, UINT64_C(1) << 40);
	is_int(with_entry(l2, data), 0, "L2: without the copied flag");
	is_int(with_entry(l2, data | 1), 0, "L2: zeros with a cluster");
	is_int(with_entry(l2, UINT64_C(1) << 40), 0, "L2: outside is zeros");
	refuse("L2: a reserved bit", l2, data | 2);
	refuse("L2: another", l2, data | UINT64_C(1) << 61);
	refuse("L2: not aligned", l2, data + 512);
	refuse("L2: compressed, outside", l2, COMPRESSED | UINT64_C(1) << 40);
	refuse("L2: compressed, but is not", l2, COMPRESSED | data);
	make_image("compat=0.10,cluster_size=4k");
	l2 = get_be64(image + get_be64(image + 40)) & (COMPRESSED - 1);
	refuse("version 2 has no flag for zeros", l2, 1);
	make_image("data_file=data,cluster_size=4k");
	l2 = get_be64(image + get_be64(image + 40)) & (COMPRESSED - 1);
	refuse("a data file: another offset than the guest's", l2, 4096);
	refuse("a data file: no other cluster is at 0", l2 + 8, COPIED);
	refuse("a data file: compressed", l2, COMPRESSED | 4096);
	make_image("extended_l2=on,cluster_size=16k");
	l2 = get_be64(image + get_be64(image + 40)) & (COMPRESSED - 1);
	data = get_be64(image + l2);
	refuse("subclusters: nor has an extended entry", l2, data | 1);
	refuse("subclusters: both data and zeros", l2 + 8, UINT64_C(0x100000001));
	refuse("subclusters: data without a cluster", l2, 0);
	is_int(with_entry(l2 + 8, UINT64_C(0xfffffffe00000001)), 0, "subclusters: first data");
	refuse("subclusters: compressed", l2, COMPRESSED | data);
}

static void test_headers(void)
{
	uint8_t b[8] = { 0 };

	make_image("compat=1.1,cluster_size=4k");
	b[3] = 1;
	is_int(read_changed(32, b, 4, image_len), ST_REFUSED, "encrypted");
	refuse("an L1 table outside", 40, UINT64_C(1) << 40);
	refuse("an L1 table that is not aligned", 40, 512);
	refuse("an L1 table in the header", 40, 0);
	b[3] = 0;
	is_int(read_changed(36, b, 4, image_len), ST_CORRUPT, "an L1 table that is too small");
	is_int(with_entry(72, 32), ST_REFUSED, "an unknown feature");
	is_int(with_entry(72, 16), ST_CORRUPT, "subclusters in small clusters");
	is_int(with_entry(72, 3), 0, "dirty and corrupt");
	is_int(with_entry(72, 8), ST_CORRUPT, "a compression type that is not there");
	b[0] = QCOW2_ZSTD;
	is_int(read_changed(104, b, 1, image_len), ST_CORRUPT, "one that no feature tells");
	b[0] = 2;
	is_int(read_changed(104, b, 1, image_len), ST_REFUSED, "an unknown one");
}

/* Packed bytes at `at`, each of them changed; and the file cut short in them. */
static void damage_packed(const char *options)
{
	uint64_t l2, entry, at;
	unsigned refused = 0, other = 0;
	uint8_t b;
	int i, r;

	make_image(options);
	l2 = get_be64(image + get_be64(image + 40)) & (COMPRESSED - 1);
	entry = get_be64(image + l2 + (256u << 10 >> get_be32(image + 20)) * 8);
	ok(entry & COMPRESSED, "a compressed cluster");
	at = entry & ((UINT64_C(1) << 50) - 1);
	for (i = 0; i < 60; i++) {
		b = (uint8_t)(image[at + (uint64_t)i % 20] ^ 1 << i % 8);
		r = read_changed(at + (uint64_t)i % 20, &b, 1, image_len);
		refused += r == ST_CORRUPT;
		other += r != ST_CORRUPT && r != 0;
	}
	ok(refused > 10, "damaged packed bytes");
	is_int(other, 0, "damaged packed bytes: nothing but ST_CORRUPT");
	is_int(read_changed(0, image, 1, at + 5), ST_CORRUPT, "packed bytes that are cut short");
}

int main(void)
{
	scratch_open();
	test_entries();
	test_rules();
	test_headers();
	damage_packed("cluster_size=16k");
	damage_packed("cluster_size=16k,compression_type=zstd");
	scratch_close(tap_failed);
	return tap_done();
}
