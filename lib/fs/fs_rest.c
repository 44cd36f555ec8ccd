/*
 * fs_rest: see fs_rest.h.
 */
#include "lib/fs/fs_rest.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/block/block.h"

#define PIECE 262144

int fs_rest_find(int fd, uint64_t from, uint64_t end)
{
	uint8_t *piece = malloc(PIECE);
	int found = piece ? 0 : err_set(ST_FAILED, "out of memory");
	ssize_t n = 1;
	off_t data;

	for (; found == 0 && from < end; from += (uint64_t)n) {
		data = lseek(fd, (off_t)from, SEEK_DATA);
		if (data > (off_t)from)
			from = (uint64_t)data;
		if ((data < 0 && errno == ENXIO) || from >= end)
			break;
		n = io_pread(fd, piece, end - from < PIECE ? end - from : PIECE, from);
		if (n <= 0)
			break;
		found = !block_all_zero(piece, (uint64_t)n);
	}
	if (n < 0)
		found = err_sys("cannot read");
	free(piece);
	return found;
}
