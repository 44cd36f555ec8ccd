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
	uint64_t len;	 /* bytes of its image; if not is_intact, of the blocks that exist */
	bool is_intact;	 /* it has an end mark and nothing after it; or its header has len */
	bool bad_header; /* archive_open() failed because the header cannot be parsed */
};

/*
 * Measures the archive that is fd, len bytes long: by its own header, which is not
 * verified, or else by the headers of its blocks, one small read each.  0, also if it is
 * truncated or something follows its end (then it is not is_intact).  -1 recorded: a read
 * error, cancel, or ST_CORRUPT if its header (then bad_header is set) or that of a block cannot
 * be parsed.
 */
int archive_open(struct archive *a, int fd, uint64_t len);

/*
 * Unpacks the first max bytes of its image, or as many as there are and can be decoded, and returns
 * their number.  If it is less, reading all of the archive will report the error.
 */
size_t archive_head(const struct archive *a, int fd, uint64_t len, uint8_t *head, size_t max);

/*
 * As probe_fd(), of its image: the first ARCHIVE_HEAD bytes, as far as they exist, are
 * unpacked into memory.  0, or -1 recorded: also ST_CORRUPT if they cannot be decoded.
 */
int archive_probe(const struct archive *a, int fd, uint64_t len, struct probe *p);

#endif
