/*
 * foreign: a table of formats.  Each is recognised by the first bytes, and has a function that
 * finds the capacity, and may read more of the image for that.
 */
#include "lib/format/foreign.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/size.h"
#include "lib/format/le.h"
#include "lib/format/vmdk_text.h"

#define SECTOR 512
#define VDI_MAGIC 0xbeda107fu
#define VPC_MAX_SECTORS (UINT64_C(65535) * 16 * 255) /* of cylinders, heads and sectors */
#define VHDX_REGIONS 196608			     /* offset of the table of regions */
#define VHDX_TABLE 65536			     /* bytes of either table */
#define VHDX_ENTRY 32
#define QED_BACKING 1u
#define QED_BACKING_RAW 4u

/* An image, and its first bytes; zeros follow if it is shorter. */
struct start {
	uint8_t byte[FOREIGN_HEAD];
	size_t n;
	int fd;
	const void *memory; /* not NULL: the first len bytes; fd is not used */
	uint64_t len;
	bool is_cut; /* something behind those bytes was looked for */
};

struct format {
	const char *name;
	bool (*is)(const struct start *s);
	/* Sets f->capacity: 1; 0: what the header says is impossible; -1 recorded. */
	int (*measure)(struct foreign *f, struct start *s);
};

/* As io_pread_within(). */
static int read_within(struct start *s, void *p, size_t n, uint64_t off)
{
	if (!s->memory)
		return io_pread_within(s->fd, s->len, p, n, off);
	if (off > s->len || n > s->len - off) {
		s->is_cut = true;
		return 0;
	}
	memcpy(p, (const uint8_t *)s->memory + off, n);
	return 1;
}

static bool begins_with(const struct start *s, const char *magic, size_t n)
{
	return s->n >= n && memcmp(s->byte, magic, n) == 0;
}

static int set_bytes(struct foreign *f, uint64_t bytes)
{
	f->capacity = bytes;
	return bytes <= SIZE_LIMIT;
}

static int set_sectors(struct foreign *f, uint64_t sectors)
{
	if (sectors > SIZE_LIMIT / SECTOR)
		return 0;
	f->capacity = sectors * SECTOR;
	return 1;
}

/* A descriptor in len bytes at off: its parent and, if that is wanted, its extents. */
static int read_text(struct foreign *f, struct start *s, uint64_t off, uint64_t len, bool extents)
{
	size_t n = len < FOREIGN_TEXT_MAX ? (size_t)len : FOREIGN_TEXT_MAX - 1;
	char *text = malloc(n + 1);
	int r;

	if (!text)
		return err_set(ST_FAILED, "out of memory");
	r = read_within(s, text, n, off);
	if (r == 1)
		vmdk_text_parent(f, text, n);
	if (r == 1 && extents)
		r = vmdk_text_parse(f, text, n);
	free(text);
	return r;
}

static bool is_text(const struct start *s)
{
	return vmdk_text_is(s->byte, s->n);
}

static int measure_descriptor(struct foreign *f, struct start *s)
{
	return read_text(f, s, 0, s->len, true);
}

static bool is_vmdk(const struct start *s)
{
	return begins_with(s, "KDMV", 4) && s->n >= 44;
}

static int measure_vmdk(struct foreign *f, struct start *s)
{
	uint64_t sectors = get_le64(s->byte + 12), first = get_le64(s->byte + 28);
	uint64_t count = get_le64(s->byte + 36);

	bool has_text = first && first <= SIZE_LIMIT / SECTOR && count <= FOREIGN_TEXT_MAX / SECTOR;

	if (has_text && read_text(f, s, first * SECTOR, count * SECTOR, !sectors) < 0)
		return -1;
	return sectors ? set_sectors(f, sectors) : has_text && f->capacity;
}

static bool is_cowd(const struct start *s)
{
	return begins_with(s, "COWD", 4) && s->n >= 16;
}

static int measure_cowd(struct foreign *f, struct start *s)
{
	return set_sectors(f, get_le32(s->byte + 12));
}

/* A guest could write this magic into a header of qcow2, which begins with its own. */
static bool is_vdi(const struct start *s)
{
	return s->n >= 376 && get_le32(s->byte + 64) == VDI_MAGIC && !begins_with(s, "QFI\xfb", 4);
}

static int measure_vdi(struct foreign *f, struct start *s)
{
	return set_bytes(f, get_le64(s->byte + 368));
}

static bool is_vhdx(const struct start *s)
{
	return begins_with(s, "vhdxfile", 8);
}

/*
 * Finds the entry with that GUID in a table of count entries from offset `first`.  NULL: there
 * is none.
 */
static const uint8_t *find_entry(
	const uint8_t *table, size_t first, size_t count, const uint8_t guid[16])
{
	const uint8_t *p = table + first;

	for (; count > 0 && p + VHDX_ENTRY <= table + VHDX_TABLE; count--, p += VHDX_ENTRY)
		if (memcmp(p, guid, 16) == 0)
			return p;
	return NULL;
}

static int measure_vhdx(struct foreign *f, struct start *s)
{
	static const uint8_t metadata[16] = { 0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b, 0xb8,
		0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e };
	static const uint8_t size[16] = { 0x24, 0x42, 0xa5, 0x2f, 0x1b, 0xcd, 0x76, 0x48, 0xb2,
		0x11, 0x5d, 0xbe, 0xd8, 0x3b, 0xf4, 0xb8 };
	uint8_t *table = malloc(VHDX_TABLE), number[8];
	const uint8_t *entry = NULL;
	uint64_t at = 0;
	int r;

	if (!table)
		return err_set(ST_FAILED, "out of memory");
	r = read_within(s, table, VHDX_TABLE, VHDX_REGIONS);
	if (r == 1 && memcmp(table, "regi", 4) == 0)
		entry = find_entry(table, 16, get_le32(table + 8), metadata);
	if (entry) {
		at = get_le64(entry + 16);
		entry = NULL;
		r = read_within(s, table, VHDX_TABLE, at);
		if (r == 1 && memcmp(table, "metadata", 8) == 0)
			entry = find_entry(table, 32, table[10] | (size_t)table[11] << 8, size);
	}
	if (r == 1)
		r = entry && read_within(s, number, 8, at + get_le32(entry + 16)) == 1 &&
		    set_bytes(f, get_le64(number));
	free(table);
	return r;
}

static bool is_vpc(const struct start *s)
{
	return begins_with(s, "conectix", 8) && s->n == FOREIGN_HEAD;
}

/* Like QEMU: the geometry counts, unless the creator is known to write an exact size. */
static int measure_vpc(struct foreign *f, struct start *s)
{
	static const char exact[][5] = { "win ", "qem2", "d2v ", "tap\0", "CTXS", "wa\0\0" };
	uint64_t sectors = (uint64_t)get_be16(s->byte + 56) * s->byte[58] * s->byte[59];
	size_t i;

	for (i = 0; i < sizeof(exact) / sizeof(exact[0]); i++)
		if (memcmp(s->byte + 28, exact[i], 4) == 0)
			return set_bytes(f, get_be64(s->byte + 48));
	return sectors == VPC_MAX_SECTORS ? set_bytes(f, get_be64(s->byte + 48))
					  : set_sectors(f, sectors);
}

/* The name of a backing file; one that cannot be is none.  0, or -1 recorded: a read error. */
static int read_backing(struct foreign *f, struct start *s, uint64_t off, uint64_t n)
{
	int r;

	if (off == 0 || n == 0 || n > FOREIGN_BACKING_MAX)
		return 0;
	r = read_within(s, f->backing, (size_t)n, off);
	f->backing[r == 1 ? n : 0] = '\0';
	return r < 0 ? -1 : 0;
}

static bool is_qed(const struct start *s)
{
	return begins_with(s, "QED\0", 4) && s->n >= 64;
}

static int measure_qed(struct foreign *f, struct start *s)
{
	uint64_t features = get_le64(s->byte + 16);

	if (features & QED_BACKING &&
		read_backing(f, s, get_le32(s->byte + 56), get_le32(s->byte + 60)) < 0)
		return -1;
	if (*f->backing && features & QED_BACKING_RAW)
		f->backing_format = "raw";
	return set_bytes(f, get_le64(s->byte + 48));
}

static bool is_qcow(const struct start *s)
{
	return begins_with(s, "QFI\xfb\0\0\0\x01", 8) && s->n >= 32;
}

static int measure_qcow(struct foreign *f, struct start *s)
{
	if (read_backing(f, s, get_be64(s->byte + 8), get_be32(s->byte + 16)) < 0)
		return -1;
	return set_bytes(f, get_be64(s->byte + 24));
}

static bool is_parallels(const struct start *s)
{
	return s->n >= 44 &&
	       (begins_with(s, "WithoutFreeSpace", 16) || begins_with(s, "WithouFreSpacExt", 16));
}

/* The older variant has only 32 bits of sectors. */
static int measure_parallels(struct foreign *f, struct start *s)
{
	uint64_t sectors = get_le64(s->byte + 36);

	return set_sectors(
		f, begins_with(s, "WithoutFreeSpace", 16) ? sectors & UINT32_MAX : sectors);
}

static const struct format formats[] = {
	{ "vmdk", is_vmdk, measure_vmdk },
	{ "vmdk", is_cowd, measure_cowd },
	{ "vhdx", is_vhdx, measure_vhdx },
	{ "vpc", is_vpc, measure_vpc },
	{ "qed", is_qed, measure_qed },
	{ "qcow", is_qcow, measure_qcow },
	{ "parallels", is_parallels, measure_parallels },
	{ "vdi", is_vdi, measure_vdi },
	{ "vmdk", is_text, measure_descriptor },
};

static const struct format *find_format(const struct start *s)
{
	size_t i;

	for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (formats[i].is(s))
			return &formats[i];
	return NULL;
}

/* With how the programs that write VDI and descriptors of VMDK begin, which is no magic number. */
bool foreign_may_begin(const void *head, size_t n)
{
	static const char begins[][FOREIGN_MAGIC + 1] = { "KDMV", "COWD", "vhdxfile", "conectix",
		"QED\0", "QFI\xfb", "WithoutFr", "WithouFre", "<<< ", "# Disk De", "version=" };
	static const size_t len[] = { 4, 4, 8, 8, 4, 4, 9, 9, 4, 9, 8 };
	size_t i;

	for (i = 0; i < sizeof(begins) / sizeof(begins[0]); i++)
		if (n >= len[i] && memcmp(head, begins[i], len[i]) == 0)
			return true;
	return false;
}

bool foreign_is_known(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (strcmp(formats[i].name, name) == 0)
			return true;
	return false;
}

static int recognise(struct foreign *f, struct start *s)
{
	const struct format *format = find_format(s);
	int r = format ? format->measure(f, s) : 0;

	if (r == 1 || (r == 0 && s->is_cut))
		f->format = format->name;
	return r < 0 ? -1 : 0;
}

int foreign_read(struct foreign *f, int fd, uint64_t len)
{
	struct start s = { .fd = fd, .len = len };
	ssize_t got = io_pread(fd, s.byte, len < FOREIGN_HEAD ? (size_t)len : FOREIGN_HEAD, 0);

	memset(f, 0, sizeof(*f));
	if (got < 0)
		return err_sys("cannot read at 0");
	s.n = (size_t)got;
	return recognise(f, &s);
}

int foreign_parse(struct foreign *f, const void *head, size_t n)
{
	struct start s = { .memory = head, .len = n };

	memset(f, 0, sizeof(*f));
	s.n = n < FOREIGN_HEAD ? n : FOREIGN_HEAD;
	memcpy(s.byte, head, s.n);
	return recognise(f, &s);
}

const char *foreign_next_name(const struct foreign *f, size_t *at)
{
	const char *name = f->names + *at;

	if (*at >= f->names_len)
		return NULL;
	*at += strlen(name) + 1;
	return name;
}
