/*
 * dos_fit: changes the end of a partition in its entry, and in those that lead to it.  The rest of
 * their sectors, such as the code of a boot loader, is kept.
 */
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/size.h"
#include "lib/format/dos_table.h"
#include "lib/format/le.h"

#define CYLINDERS 1024

struct geometry {
	unsigned heads, sectors;
};

static void encode_chs(uint8_t chs[3], uint64_t lba, struct geometry g)
{
	uint64_t all = (uint64_t)CYLINDERS * g.heads * g.sectors;
	unsigned at = (unsigned)(lba < all ? lba : all - 1);
	unsigned cylinder = at / g.sectors / g.heads;

	chs[0] = (uint8_t)(at / g.sectors % g.heads);
	chs[1] = (uint8_t)((at % g.sectors + 1) | (cylinder >> 2 & 0xc0));
	chs[2] = (uint8_t)cylinder;
}

/*
 * Encodes the new last sector with the geometry with which the present values of the entry are
 * right, or else with that of fdisk.  A value that stands for "beyond the last cylinder" is left as
 * it is then.
 */
static void set_last_chs(uint8_t *e, uint64_t first, uint64_t last, uint64_t new_last)
{
	static const struct geometry known[] = { { 255, 63 }, { 256, 63 }, { 240, 63 }, { 128, 63 },
		{ 64, 63 }, { 32, 63 }, { 16, 63 }, { 64, 32 } };
	uint8_t chs[6];
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		encode_chs(chs, first, known[i]);
		encode_chs(chs + 3, last, known[i]);
		if (memcmp(chs, e + 1, 3) == 0 && memcmp(chs + 3, e + 5, 3) == 0) {
			encode_chs(e + 5, new_last, known[i]);
			return;
		}
	}
	if ((e[6] & 0xc0) != 0xc0 || e[7] != 0xff)
		encode_chs(e + 5, new_last, known[0]);
}

/* Reads the table that has the entry.  Returns where that is in the table; NULL recorded. */
static uint8_t *read_table(int fd, const struct dos_extent *x, uint8_t table[DOS_TABLE_SECTOR])
{
	uint64_t off = x->at / DOS_TABLE_SECTOR * DOS_TABLE_SECTOR;
	int r = io_pread_within(fd, SIZE_LIMIT, table, DOS_TABLE_SECTOR, off);

	if (r == 0)
		err_set(ST_CORRUPT, "the partition table has changed");
	return r == 1 ? table + x->at % DOS_TABLE_SECTOR : NULL;
}

static int change_entry(int fd, unsigned sector, const struct dos_extent *x, uint64_t new_end)
{
	uint64_t first = x->start / sector, off = x->at / DOS_TABLE_SECTOR * DOS_TABLE_SECTOR;
	uint32_t count = (uint32_t)(new_end / sector - first);
	uint8_t table[DOS_TABLE_SECTOR], *e = read_table(fd, x, table);

	if (!e)
		return -1;
	if (get_le32(e + 12) != count) {
		set_last_chs(e, first, first + get_le32(e + 12) - 1, first + count - 1);
		put_le32(e + 12, count);
		if (io_pwrite(fd, table, sizeof(table), off) < 0)
			return err_sys("cannot write at %llu", (unsigned long long)off);
	}
	return fdatasync(fd) < 0 ? err_sys("cannot sync it to disk") : 0;
}

/* If the outermost entry grows, it changes first, and otherwise last. */
int dos_fit_end(int fd, unsigned sector, const struct dos_entries *entries, uint64_t new_end)
{
	const struct dos_extent *outer = &entries->extent[0];
	uint8_t table[DOS_TABLE_SECTOR], *e = read_table(fd, outer, table);
	bool grows;
	size_t i, at;

	if (!e)
		return -1;
	grows = new_end > outer->start + (uint64_t)get_le32(e + 12) * sector;
	for (i = 0; i < entries->n; i++) {
		at = grows ? i : entries->n - 1 - i;
		if (change_entry(fd, sector, &entries->extent[at], new_end) < 0)
			return -1;
	}
	return 0;
}
