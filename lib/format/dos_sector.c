/*
 * dos_sector: a DOS table does not record the size of the sectors that it counts in.  Nearly all
 * count in 512 bytes, so that 4096 is tried only where that is possible at all: all partitions, and
 * the chain of the logical ones, must be within the image then.  What the partitions contain
 * decides.
 */
#include <string.h>

#include "lib/format/dos_table.h"
#include "lib/format/probe.h"

#define PROBES_MAX 16

/* Whether any partition contains something that is recognised: 1, 0, -1 recorded. */
static int has_content(const struct dos_table *d, int fd, uint64_t len)
{
	struct probe p;
	size_t i;

	for (i = 0; i < d->n && i < PROBES_MAX; i++) {
		if (d->part[i].end > len)
			continue;
		if (probe_range(fd, d->part[i].start, d->part[i].end - d->part[i].start, &p) < 0)
			return -1;
		if (*p.fs_type)
			return 1;
	}
	return 0;
}

int dos_sector_read(struct dos_table *d, const uint8_t mbr[DOS_TABLE_SECTOR], int fd, uint64_t len)
{
	struct dos_table large;
	int small_has, large_has;

	if (dos_table_read(d, mbr, fd, len, 512) < 0 ||
		dos_table_read(&large, mbr, fd, len, 4096) < 0)
		return -1;
	if (large.odd || !large.n)
		return 0;
	large_has = has_content(&large, fd, len);
	small_has = large_has == 1 ? has_content(d, fd, len) : 0;
	if (large_has < 0 || small_has < 0)
		return -1;
	if (large_has && small_has)
		d->odd = "a DOS table that may count in sectors of 512 or of 4096 bytes";
	else if (large_has)
		*d = large;
	return 0;
}
