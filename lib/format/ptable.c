/*
 * ptable: the first sector says which table it is, as for the kernel: a GPT counts only below a
 * protective MBR.  Any sign of both kinds is odd.
 */
#include "lib/format/ptable.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/size.h"

static int set_odd(struct ptable *t, const char *odd)
{
	enum ptable_kind kind = t->kind;

	memset(t, 0, sizeof(*t));
	t->kind = kind;
	t->odd = odd;
	return 0;
}

static void set_parts(struct ptable *t, const struct ptable_part *part, size_t n)
{
	const struct ptable_part *last = ptable_part_last(part, n);

	if (!last)
		return;
	t->last = last->number;
	t->last_start = last->start;
	t->last_end = last->end;
	if (last->end > t->used)
		t->used = last->end;
}

static int read_dos(struct ptable *t, const uint8_t *mbr, int fd, uint64_t len)
{
	struct dos_table d;

	if (dos_sector_read(&d, mbr, fd, len) < 0)
		return -1;
	if (d.odd)
		return set_odd(t, d.odd);
	t->sector = d.sector;
	t->used = d.used;
	set_parts(t, d.part, d.n);
	t->fixed = d.fixed;
	if (t->last)
		t->dos = d.entries[t->last - 1];
	t->min_len = t->used ? t->used : DOS_TABLE_SECTOR;
	return 0;
}

static int read_gpt(struct ptable *t)
{
	struct ptable_part *part;
	const char *odd;
	size_t n;

	if (gpt_read_parts(&t->gpt, &part, &n, &odd) < 0)
		return -1;
	if (odd)
		return set_odd(t, odd);
	t->sector = t->gpt.sector;
	set_parts(t, part, n);
	t->min_len = gpt_min_len(&t->gpt, t->used);
	t->fixed = t->last ? NULL : "no partition";
	free(part);
	return 0;
}

/* Reads the primary header of a GPT into t->gpt.  The number of sector sizes that have one; -1. */
static int read_headers(struct ptable *t, int fd, uint64_t len)
{
	static const unsigned size[] = { 512, 4096 };
	struct gpt g = { .fd = fd, .len = len };
	int r, found = 0;
	size_t i;

	for (i = 0; i < sizeof(size) / sizeof(size[0]); i++) {
		g.sector = size[i];
		r = gpt_read_header(&g, &g.primary, 1);
		if (r < 0)
			return -1;
		if (r == 1) {
			t->gpt = g;
			found++;
		}
	}
	return found;
}

int ptable_read(struct ptable *t, int fd, uint64_t len)
{
	uint8_t mbr[DOS_TABLE_SECTOR];
	enum dos_table_kind kind;
	int headers, protective;
	ssize_t got;

	memset(t, 0, sizeof(*t));
	got = io_pread(fd, mbr, sizeof(mbr), 0);
	if (got < 0)
		return err_sys("cannot read at 0");
	if (len < sizeof(mbr) || (size_t)got < sizeof(mbr))
		return 0;
	headers = read_headers(t, fd, len);
	if (headers < 0)
		return -1;
	kind = dos_table_kind(mbr, &protective);
	t->kind = PTABLE_GPT;
	if (headers == 2)
		return set_odd(t, "two GPTs, of 512 and of 4096 byte sectors");
	switch (kind) {
	case DOS_TABLE_PROTECTIVE:
		return headers ? read_gpt(t) : set_odd(t, "a damaged GPT: no valid primary header");
	case DOS_TABLE_HYBRID:
		return set_odd(t, "a hybrid MBR");
	case DOS_TABLE_DAMAGED:
		return set_odd(t, "a damaged GPT: its protective MBR is not valid");
	case DOS_TABLE_NONE:
		if (headers)
			return set_odd(t, "a damaged GPT: it has no protective MBR");
		t->kind = PTABLE_NONE;
		return 0;
	case DOS_TABLE_PLAIN:
		t->kind = PTABLE_DOS;
		return headers ? set_odd(t, "a DOS table and a GPT") : read_dos(t, mbr, fd, len);
	}
	return 0;
}

/* The last partition gets the end new_end; 0: it keeps it. */
static int fit_gpt(const struct ptable *t, int fd, uint64_t len, uint64_t new_len, uint64_t new_end)
{
	struct gpt g = t->gpt;
	struct ptable_part *part = NULL;
	const char *odd = NULL;
	size_t n;
	int r;

	g.fd = fd;
	g.len = len; /* what is read again must look as it did */
	r = gpt_read_header(&g, &g.primary, 1);
	if (r == 1 && memcmp(g.primary.raw, t->gpt.primary.raw, g.sector) == 0)
		r = gpt_read_parts(&g, &part, &n, &odd);
	else if (r >= 0)
		r = err_set(ST_CORRUPT, "the partition table has changed");
	if (r == 0 && odd)
		r = err_set(ST_CORRUPT, "the partition table has changed");
	g.len = len > new_len ? len : new_len;
	if (r == 0)
		r = gpt_fit(&g, part, n, new_len, new_end);
	free(part);
	return r;
}

int ptable_fit(const struct ptable *t, int fd, uint64_t len, uint64_t new_len)
{
	char need[SIZE_HUMAN];

	if (t->kind != PTABLE_GPT || t->odd)
		return 0;
	if (new_len < t->min_len)
		return err_set(ST_REFUSED, "the partitions and their table need at least %s",
			size_human(t->min_len, need));
	return fit_gpt(t, fd, len, new_len, 0);
}

/* Whether the last partition has the same entries still. */
static bool is_same_dos(const struct ptable *t, const struct ptable *now)
{
	return now->kind == PTABLE_DOS && !now->odd && now->sector == t->sector &&
	       now->last == t->last && now->last_start == t->last_start &&
	       now->last_end == t->last_end && now->used == t->used && now->dos.n == t->dos.n &&
	       memcmp(now->dos.extent, t->dos.extent, sizeof(t->dos.extent)) == 0;
}

static int fit_dos(const struct ptable *t, int fd, uint64_t len, uint64_t new_end)
{
	struct ptable *now = malloc(sizeof(*now));
	int r;

	if (!now)
		return err_set(ST_FAILED, "out of memory");
	r = ptable_read(now, fd, len);
	if (r == 0 && !is_same_dos(t, now))
		r = err_set(ST_CORRUPT, "the partition table has changed");
	free(now);
	return r < 0 ? -1 : dos_fit_end(fd, t->sector, &t->dos, new_end);
}

int ptable_fit_last(
	const struct ptable *t, int fd, uint64_t len, uint64_t new_len, uint64_t new_end)
{
	const char *why = t->odd		   ? t->odd
			  : t->kind == PTABLE_NONE ? "no partition table"
						   : t->fixed;
	char end[SIZE_HUMAN];

	if (why)
		return err_set(ST_REFUSED, "has %s, so its last partition cannot be resized", why);
	if (new_end % t->sector || new_end <= t->last_start ||
		new_end > ptable_last_limit(t, new_len))
		return err_set(ST_REFUSED, "partition %u cannot end at %s (%llu bytes)", t->last,
			size_human(new_end, end), (unsigned long long)new_end);
	return t->kind == PTABLE_GPT ? fit_gpt(t, fd, len, new_len, new_end)
				     : fit_dos(t, fd, len, new_end);
}
