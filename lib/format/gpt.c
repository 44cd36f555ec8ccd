/*
 * gpt: reading and validating.  A checksum proves only that whoever wrote the header knew CRC32,
 * so each number is compared with its limits before it is used, and limits come first that keep
 * the arithmetic after them from overflowing.
 */
#include "lib/format/gpt.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/size.h"
#include "lib/format/le.h"

#define MAGIC "EFI PART"
#define REVISION 0x00010000u
#define HEADER_MIN 92 /* bytes */
#define FIRST_ENTRIES_LBA 2

uint32_t gpt_header_crc(const uint8_t *raw, uint32_t size)
{
	static const uint8_t zero[4];
	uint32_t crc = libdeflate_crc32(0, raw, 16);

	crc = libdeflate_crc32(crc, zero, sizeof(zero));
	return libdeflate_crc32(crc, raw + 20, size - 20);
}

int gpt_read_header(const struct gpt *g, struct gpt_header *h, uint64_t lba)
{
	const uint8_t *p = h->raw;
	int r;

	memset(h, 0, sizeof(*h));
	if (lba > SIZE_LIMIT / g->sector)
		return 0;
	r = io_pread_within(g->fd, g->len, h->raw, g->sector, lba * g->sector);
	if (r <= 0)
		return r;
	h->size = get_le32(p + 12);
	if (memcmp(p, MAGIC, 8) != 0 || h->size < HEADER_MIN || h->size > g->sector ||
		gpt_header_crc(p, h->size) != get_le32(p + 16))
		return 0;
	h->lba = get_le64(p + 24);
	h->other_lba = get_le64(p + 32);
	h->first_usable = get_le64(p + 40);
	h->last_usable = get_le64(p + 48);
	memcpy(h->guid, p + 56, sizeof(h->guid));
	h->entries_lba = get_le64(p + 72);
	h->entries = get_le32(p + 80);
	h->entry_size = get_le32(p + 84);
	h->entries_crc = get_le32(p + 88);
	return h->lba == lba;
}

size_t gpt_entries_size(const struct gpt_header *h)
{
	return (size_t)h->entries * h->entry_size;
}

uint64_t gpt_entries_sectors(const struct gpt *g, const struct gpt_header *h)
{
	return (gpt_entries_size(h) + g->sector - 1) / g->sector;
}

/* Whether a header's entries are few enough to be read. */
static bool has_sane_entries(const struct gpt_header *h)
{
	return h->entries >= 1 && h->entries <= GPT_ENTRIES_MAX && h->entry_size >= GPT_ENTRY_MIN &&
	       h->entry_size <= GPT_ENTRY_MAX && (h->entry_size & (h->entry_size - 1)) == 0;
}

int gpt_read_entries(const struct gpt *g, const struct gpt_header *h, uint8_t **entries)
{
	uint8_t *p;
	size_t n;
	int r;

	*entries = NULL;
	if (!has_sane_entries(h) || h->entries_lba > SIZE_LIMIT / g->sector)
		return 0;
	n = gpt_entries_size(h);
	p = malloc(n);
	if (!p)
		return err_set(ST_FAILED, "out of memory");
	r = io_pread_within(g->fd, g->len, p, n, h->entries_lba * g->sector);
	if (r == 1)
		r = libdeflate_crc32(0, p, n) == h->entries_crc;
	if (r == 1)
		*entries = p;
	else
		free(p);
	return r;
}

/* Why the primary header is not one that can be used; NULL if it is. */
static const char *find_odd_header(const struct gpt *g)
{
	const struct gpt_header *h = &g->primary;

	if (get_le32(h->raw + 8) != REVISION)
		return "a GPT of an unknown revision";
	if (!has_sane_entries(h))
		return "a GPT with an impossible number or size of entries";
	if (h->last_usable >= SIZE_LIMIT / g->sector || h->first_usable > h->last_usable ||
		h->first_usable >= g->len / g->sector)
		return "a GPT with an impossible area for partitions";
	if (h->entries_lba < FIRST_ENTRIES_LBA || h->entries_lba > h->first_usable ||
		gpt_entries_sectors(g, h) > h->first_usable - h->entries_lba)
		return "a GPT whose entries are not before its partitions";
	return NULL;
}

/* Sets *part and *n to the partitions that have a possible extent.  Returns why not all have. */
static const char *parse_entries(
	const struct gpt *g, const uint8_t *entries, struct ptable_part *part, size_t *n)
{
	static const uint8_t unused[16];
	const struct gpt_header *h = &g->primary;
	const uint8_t *e;
	uint64_t first, last;
	unsigned i;

	for (i = 0; i < h->entries; i++) {
		e = entries + (size_t)i * h->entry_size;
		if (memcmp(e, unused, sizeof(unused)) == 0)
			continue;
		first = get_le64(e + GPT_ENTRY_FIRST_LBA);
		last = get_le64(e + GPT_ENTRY_LAST_LBA);
		if (first < h->first_usable || last > h->last_usable || first > last)
			return "a GPT with a partition outside of its area for them";
		if (last >= g->len / g->sector)
			return "a partition that ends beyond the image";
		part[*n].start = first * g->sector;
		part[*n].end = (last + 1) * g->sector;
		part[(*n)++].number = i + 1;
	}
	return ptable_part_overlap(part, *n) ? "overlapping partitions" : NULL;
}

/*
 * Sets *odd if the primary header leads to a valid backup of another table.  A program has changed
 * only one of them then, and only the user can know which is right.  If they differ only as an
 * interrupted gpt_fit() leaves them, the primary table counts, as for every other program.
 */
static int compare_backup(const struct gpt *g, const uint8_t *entries, const char **odd)
{
	const struct gpt_header *h = &g->primary;
	struct gpt_header backup;
	uint8_t *other;
	int r = gpt_read_header(g, &backup, h->other_lba);

	if (r <= 0)
		return r;
	if (memcmp(backup.guid, h->guid, sizeof(h->guid)) == 0 && backup.entries == h->entries &&
		backup.entry_size == h->entry_size && backup.entries_crc == h->entries_crc)
		return 0;
	r = gpt_read_entries(g, &backup, &other);
	if (r == 1 && !gpt_last_is_unfinished(h, entries, &backup, other))
		*odd = "a GPT whose backup differs from it";
	free(other);
	return r < 0 ? -1 : 0;
}

int gpt_read_parts(const struct gpt *g, struct ptable_part **part, size_t *n, const char **odd)
{
	uint8_t *entries = NULL;
	bool unfinished;
	int r;

	*part = NULL;
	*n = 0;
	*odd = find_odd_header(g);
	if (*odd)
		return 0;
	r = gpt_last_read(g, &entries, &unfinished);
	if (r == 0)
		*odd = "a damaged GPT: the checksum of its entries is wrong";
	if (r <= 0)
		return r;
	*part = calloc(g->primary.entries, sizeof(**part));
	if (*part)
		*odd = parse_entries(g, entries, *part, n);
	else
		r = err_set(ST_FAILED, "out of memory");
	if (r == 1 && !*odd)
		r = compare_backup(g, entries, odd);
	free(entries);
	if (r < 0 || *odd) {
		free(*part);
		*part = NULL;
		*n = 0;
	}
	return r < 0 ? -1 : 0;
}

uint64_t gpt_last_usable(const struct gpt *g, uint64_t new_len)
{
	const struct gpt_header *h = &g->primary;
	uint64_t sectors = new_len / g->sector, backup = gpt_entries_sectors(g, h) + 1;

	if (sectors <= backup)
		return 0;
	if (h->other_lba == sectors - 1 && h->last_usable < sectors - backup)
		return h->last_usable;
	return sectors - backup - 1;
}

uint64_t gpt_min_len(const struct gpt *g, uint64_t used)
{
	uint64_t first = (g->primary.first_usable + 1) * g->sector;

	return (used > first ? used : first) +
	       (gpt_entries_sectors(g, &g->primary) + 1) * g->sector;
}
