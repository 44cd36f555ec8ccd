/*
 * gpt_fit: each step writes only what differs from the existing bytes.  It is synced even if
 * nothing was written, because an interrupted job may have written the same without a sync.  At
 * most one entry changes, and only in the 8 bytes of its last LBA, which are in one sector.
 */
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/format/dos_table.h"
#include "lib/format/gpt.h"
#include "lib/format/le.h"

#define PRIMARY_LBA 1

struct fit {
	const struct gpt *g;
	uint64_t last_lba;	 /* of the new length; the backup's header is there */
	uint64_t backup_entries; /* LBA */
	uint8_t *entries;	 /* the new ones */
	size_t last;		 /* offset in them of the last partition's; their size: none */
	bool end_changes;	 /* of that partition */
	uint8_t primary[GPT_SECTOR_MAX], backup[GPT_SECTOR_MAX]; /* the new headers' sectors */
};

static int write_at(const struct gpt *g, const void *p, size_t n, uint64_t off)
{
	return io_pwrite(g->fd, p, n, off) < 0
		       ? err_sys("cannot write at %llu", (unsigned long long)off)
		       : 0;
}

static int sync_step(const struct gpt *g)
{
	return fdatasync(g->fd) < 0 ? err_sys("cannot sync it to disk") : 0;
}

static void set_header(uint8_t *raw, uint32_t size, uint64_t lba, uint64_t other, uint64_t entries)
{
	put_le64(raw + 24, lba);
	put_le64(raw + 32, other);
	put_le64(raw + 72, entries);
	put_le32(raw + 16, gpt_header_crc(raw, size));
}

/* Makes the new headers.  The area for partitions grows and shrinks with the disk. */
static void make_headers(struct fit *f, uint64_t new_len)
{
	const struct gpt_header *h = &f->g->primary;

	memcpy(f->primary, h->raw, f->g->sector);
	put_le64(f->primary + 48, gpt_last_usable(f->g, new_len));
	put_le32(f->primary + 88, libdeflate_crc32(0, f->entries, gpt_entries_size(h)));
	memcpy(f->backup, f->primary, f->g->sector);
	set_header(f->primary, h->size, PRIMARY_LBA, f->last_lba, h->entries_lba);
	set_header(f->backup, h->size, f->last_lba, PRIMARY_LBA, f->backup_entries);
}

/* Whether the new backup is there already: 1, 0, -1 recorded. */
static int has_backup(const struct fit *f)
{
	struct gpt_header h;
	uint8_t *entries;
	int r = gpt_read_header(f->g, &h, f->last_lba);

	if (r == 1)
		r = memcmp(h.raw, f->backup, f->g->sector) == 0;
	if (r == 1) {
		r = gpt_read_entries(f->g, &h, &entries);
		free(entries);
	}
	return r;
}

static int write_backup(const struct fit *f)
{
	const struct gpt *g = f->g;
	int r = has_backup(f);

	if (r < 0)
		return -1;
	if (r == 0 && (write_at(g, f->entries, gpt_entries_size(&g->primary),
			       f->backup_entries * g->sector) < 0 ||
			      write_at(g, f->backup, g->sector, f->last_lba * g->sector) < 0))
		return -1;
	return sync_step(g);
}

/*
 * Removes the header of the old backup, so that no program takes it for the current one.  Where it
 * was is only what the primary header says, so nothing but a header of this disk is overwritten.
 */
static int zero_old_backup(const struct fit *f, const struct ptable_part *part, size_t n)
{
	static const uint8_t zero[GPT_SECTOR_MAX];
	const struct gpt *g = f->g;
	uint64_t lba = g->primary.other_lba;
	struct gpt_header old;
	size_t i;
	int r;

	if (lba < g->primary.first_usable || lba >= f->backup_entries)
		return 0;
	for (i = 0; i < n; i++)
		if (lba * g->sector < part[i].end && (lba + 1) * g->sector > part[i].start)
			return 0;
	r = gpt_read_header(g, &old, lba);
	if (r < 0)
		return -1;
	if (r == 0 || memcmp(old.guid, g->primary.guid, sizeof(old.guid)) != 0)
		return 0;
	if (write_at(g, zero, g->sector, lba * g->sector) < 0)
		return -1;
	return sync_step(g);
}

static int write_primary(const struct fit *f)
{
	const struct gpt *g = f->g;

	if (memcmp(g->primary.raw, f->primary, g->sector) != 0 &&
		write_at(g, f->primary, g->sector, (uint64_t)PRIMARY_LBA * g->sector) < 0)
		return -1;
	return sync_step(g);
}

/* Writes the sector of the primary entries that has the end of the last partition. */
static int write_end(const struct fit *f)
{
	const struct gpt *g = f->g;
	size_t off = (f->last + GPT_ENTRY_LAST_LBA) / g->sector * g->sector;
	size_t n = gpt_entries_size(&g->primary) - off;

	if (write_at(g, f->entries + off, n < g->sector ? n : g->sector,
		    g->primary.entries_lba * g->sector + off) < 0)
		return -1;
	return sync_step(g);
}

/* The rest of its sector, such as the code of a boot loader, is kept. */
static int write_mbr(const struct fit *f)
{
	uint8_t mbr[DOS_TABLE_SECTOR], *e;
	uint32_t size = f->last_lba < UINT32_MAX ? (uint32_t)f->last_lba : UINT32_MAX;
	ssize_t got = io_pread(f->g->fd, mbr, sizeof(mbr), 0);
	int i;

	if (got < 0)
		return err_sys("cannot read at 0");
	if ((size_t)got < sizeof(mbr) || dos_table_kind(mbr, &i) != DOS_TABLE_PROTECTIVE)
		return err_set(ST_CORRUPT, "the partition table has changed");
	e = mbr + DOS_TABLE_ENTRY(i);
	if (get_le32(e + 12) == size || get_le32(e + 12) == UINT32_MAX)
		return sync_step(f->g);
	/* The end as cylinder, head and sector: it is beyond what these can express. */
	memset(e + 5, 0xff, 3);
	put_le32(e + 12, size);
	if (write_at(f->g, mbr, sizeof(mbr), 0) < 0)
		return -1;
	return sync_step(f->g);
}

/* Reads the entries, and completes the primary ones if an interrupted job has not. */
static int read_entries(struct fit *f)
{
	bool unfinished;
	int r = gpt_last_read(f->g, &f->entries, &unfinished);

	if (r == 0)
		return err_set(ST_CORRUPT, "the partition table has changed");
	if (r < 0)
		return -1;
	f->last = gpt_last_entry(&f->g->primary, f->entries);
	return unfinished ? write_end(f) : 0;
}

static void change_end(struct fit *f, uint64_t new_end)
{
	uint8_t old[GPT_ENTRY_MIN], *e = f->entries + f->last;

	memcpy(old, e, sizeof(old));
	gpt_last_set_end(e, new_end / f->g->sector);
	f->end_changes = memcmp(old, e, sizeof(old)) != 0;
}

int gpt_fit(const struct gpt *g, const struct ptable_part *part, size_t n, uint64_t new_len,
	uint64_t new_end)
{
	struct fit *f = calloc(1, sizeof(*f));
	int r = -1;

	if (!f)
		return err_set(ST_FAILED, "out of memory");
	f->g = g;
	f->last_lba = new_len / g->sector - 1;
	f->backup_entries = f->last_lba - gpt_entries_sectors(g, &g->primary);
	if (read_entries(f) < 0)
		goto out;
	if (new_end && n)
		change_end(f, new_end);
	make_headers(f, new_len);
	if (write_backup(f) < 0 || zero_old_backup(f, part, n) < 0 || write_primary(f) < 0)
		goto out;
	if (f->end_changes && write_end(f) < 0)
		goto out;
	r = write_mbr(f);
out:
	free(f->entries);
	free(f);
	return r;
}
