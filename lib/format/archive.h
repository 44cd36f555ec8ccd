/*
 * archive: describes an lzop archive on disk without unpacking all of it.
 */
#ifndef IMG_ARCHIVE_H
#define IMG_ARCHIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/block/lzop.h"
#include "lib/format/probe.h"

#define ARCHIVE_HEAD (4u << 20) /* bytes that archive_probe() unpacks */

struct archive {
	struct lzop_header header;
	uint64_t len;	/* bytes of its image; if not is_intact, of the blocks that exist */
	bool is_intact; /* it has an end mark and nothing after it; or its header has len */
};

/*
 * Gets the length of the image in the archive fd, which is len bytes long: from its
 * header, which is not verified, or else from the headers of all its blocks, by one small
 * read each.  0, also if it is truncated or has bytes after its end (then is_intact is
 * false); -1 recorded: a read error, or ST_CORRUPT if its header or the header of a block
 * cannot be parsed.
 */
int archive_open(struct archive *a, int fd, uint64_t len);

/*
 * Whether its image is a qcow2 layer, by its first block.  Also false if that block cannot
 * be unpacked; reading all of the archive will report that error.
 */
bool archive_holds_qcow2(const struct archive *a, int fd, uint64_t len);

/*
 * As probe_fd(), of its image: the first ARCHIVE_HEAD bytes, as far as they exist, are
 * unpacked into memory.  0, or -1 recorded: also ST_CORRUPT if they cannot be decoded.
 */
int archive_probe(const struct archive *a, int fd, uint64_t len, struct probe *p);

#endif
