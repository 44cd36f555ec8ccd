/*
 * gpt_last: gpt_fit() changes the end of the last partition in the backup first, then in the
 * primary header, which has the checksum of the entries, and then in the primary entries.  So an
 * interruption leaves one of two states:
 *
 *	the primary header and its entries are still the old ones: the primary table is valid and
 *	counts, and the backup may have another end of the last partition
 *
 *	the primary header is the new one, and its entries are still the old ones: their checksum
 *	is wrong, and the backup, which has the checksum that the header asks for, counts
 *
 * Programs that write the entries before the header never leave the second state.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/format/gpt.h"
#include "lib/format/le.h"

#define PRIMARY_LBA 1

size_t gpt_last_entry(const struct gpt_header *h, const uint8_t *entries)
{
	static const uint8_t unused[16];
	size_t off, last = gpt_entries_size(h), size = last;

	for (off = 0; off < size; off += h->entry_size) {
		if (memcmp(entries + off, unused, sizeof(unused)) == 0)
			continue;
		if (last == size || get_le64(entries + off + GPT_ENTRY_LAST_LBA) >
					    get_le64(entries + last + GPT_ENTRY_LAST_LBA))
			last = off;
	}
	return last;
}

void gpt_last_set_end(uint8_t *entry, uint64_t lba)
{
	put_le64(entry + GPT_ENTRY_LAST_LBA, lba - 1);
}

/* Whether other differs from entries at most in the end of the partition that is last in these. */
static bool differs_in_end_only(
	const struct gpt_header *h, const uint8_t *entries, const uint8_t *other)
{
	size_t size = gpt_entries_size(h), last = gpt_last_entry(h, entries);
	size_t end = last + GPT_ENTRY_LAST_LBA, after = end + 8;

	return last < size && memcmp(entries, other, end) == 0 &&
	       memcmp(entries + after, other + after, size - after) == 0;
}

/* Whether a backup header belongs to the primary one, except for where things end. */
static bool is_backup_of(const struct gpt_header *backup, const struct gpt_header *h)
{
	return backup->other_lba == PRIMARY_LBA && backup->size == h->size &&
	       backup->first_usable == h->first_usable &&
	       memcmp(backup->guid, h->guid, sizeof(h->guid)) == 0 &&
	       backup->entries == h->entries && backup->entry_size == h->entry_size;
}

bool gpt_last_is_unfinished(const struct gpt_header *h, const uint8_t *entries,
	const struct gpt_header *backup, const uint8_t *other)
{
	uint64_t first, last;
	size_t at;

	if (!is_backup_of(backup, h) || !differs_in_end_only(h, entries, other))
		return false;
	at = gpt_last_entry(h, entries);
	first = get_le64(other + at + GPT_ENTRY_FIRST_LBA);
	last = get_le64(other + at + GPT_ENTRY_LAST_LBA);
	return last >= first && last <= backup->last_usable;
}

/* Reads the entries of the second state.  1; 0: it is another one; -1 recorded. */
static int read_from_backup(const struct gpt *g, uint8_t **entries)
{
	const struct gpt_header *h = &g->primary;
	struct gpt_header backup;
	uint8_t *old;
	size_t n;
	int r = gpt_read_header(g, &backup, h->other_lba);

	if (r == 1)
		r = is_backup_of(&backup, h) && backup.entries_crc == h->entries_crc;
	if (r == 1)
		r = gpt_read_entries(g, &backup, entries);
	if (r != 1)
		return r;
	n = gpt_entries_size(h);
	old = malloc(n);
	r = old ? io_pread_within(g->fd, g->len, old, n, h->entries_lba * g->sector)
		: err_set(ST_FAILED, "out of memory");
	if (r == 1)
		r = differs_in_end_only(h, *entries, old);
	free(old);
	if (r != 1) {
		free(*entries);
		*entries = NULL;
	}
	return r;
}

int gpt_last_read(const struct gpt *g, uint8_t **entries, bool *unfinished)
{
	int r = gpt_read_entries(g, &g->primary, entries);

	*unfinished = false;
	if (r != 0)
		return r;
	r = read_from_backup(g, entries);
	*unfinished = r == 1;
	return r;
}
