/*
 * file_extents: see file_extents.h.
 */
#include "lib/store/file/file_extents.h"

#include <errno.h>
#include <linux/fiemap.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* <linux/fs.h> has it as well, and a BLOCK_SIZE that is not ours. */
#define IOC_FIEMAP _IOWR('f', 11, struct fiemap)

#define BATCH 256 /* extents asked for at once */

int file_extents_next(int fd, uint64_t len, uint64_t off, uint64_t *start, uint64_t *end)
{
	off_t data, hole;

	if (off >= len)
		return 0;
	data = lseek(fd, (off_t)off, SEEK_DATA);
	if ((data < 0 && errno == ENXIO) || data >= (off_t)len) /* it has grown meanwhile */
		return 0;
	/* Any other error: the filesystem does not report holes. */
	hole = data < 0 ? -1 : lseek(fd, data, SEEK_HOLE);
	*start = data < 0 ? off : (uint64_t)data;
	*end = hole < 0 || (uint64_t)hole > len ? len : (uint64_t)hole;
	return 1;
}

/* Of an extent: bytes within len that were allocated and never written, and all beyond len. */
static uint64_t unwritten_bytes(const struct fiemap_extent *e, uint64_t len)
{
	uint64_t inside = e->fe_logical < len ? len - e->fe_logical : 0;

	if (inside > e->fe_length)
		inside = e->fe_length;
	return e->fe_flags & FIEMAP_EXTENT_UNWRITTEN ? e->fe_length : e->fe_length - inside;
}

/* The same of all extents of the file; 0 if the filesystem does not support FIEMAP. */
static uint64_t count_unwritten(int fd, uint64_t len)
{
	struct fiemap *map = malloc(sizeof(*map) + BATCH * sizeof(map->fm_extents[0]));
	uint64_t at = 0, sum = 0;
	bool is_last = false;
	unsigned i;

	while (map && !is_last) {
		memset(map, 0, sizeof(*map));
		map->fm_start = at;
		map->fm_length = FIEMAP_MAX_OFFSET - at;
		map->fm_extent_count = BATCH;
		if (ioctl(fd, IOC_FIEMAP, map) < 0 || map->fm_mapped_extents == 0)
			break;
		for (i = 0; i < map->fm_mapped_extents; i++) {
			sum += unwritten_bytes(&map->fm_extents[i], len);
			at = map->fm_extents[i].fe_logical + map->fm_extents[i].fe_length;
			is_last = map->fm_extents[i].fe_flags & FIEMAP_EXTENT_LAST;
		}
	}
	free(map);
	return sum;
}

bool file_extents_are_plausible(int fd, uint64_t len, uint64_t allocated)
{
	uint64_t found = 0, start, end, off = 0, half = allocated / 2;

	/* For most files a few extents are enough. */
	while (found < half && file_extents_next(fd, len, off, &start, &end)) {
		found += end - start;
		off = end;
	}
	return found >= half || found + count_unwritten(fd, len) >= half;
}
