/*
 * archive: an lzop archive on disk, looked at without unpacking all of it.
 */
#ifndef IMG_ARCHIVE_H
#define IMG_ARCHIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/block/lzop.h"
#include "lib/format/probe.h"

#define ARCHIVE_HEAD (4u << 20) /* bytes that are unpacked to look into it */

struct archive {
	struct lzop_header header;
	uint64_t len;	/* of the image in it; if not is_intact, of the blocks that are there */
	bool is_intact; /* its end mark was seen, and nothing after it; or its header has len */
};

/*
 * Measures the archive that is fd, len bytes long: by its own header, whose
 * word is not checked, or else by walking its blocks' headers, one small read
 * each.  0, also if it is truncated or goes on after its end (then it is not
 * is_intact); -1 recorded: a read error, or ST_CORRUPT if its header or the
 * header of a block cannot be parsed.
 */
int archive_open(struct archive *a, int fd, uint64_t len);

/*
 * Whether it holds a qcow2 layer, as its first block says.  False, too, if that
 * cannot be unpacked: whoever reads all of it will find out.
 */
bool archive_holds_qcow2(const struct archive *a, int fd, uint64_t len);

/*
 * As probe_fd(), of what it holds: its first ARCHIVE_HEAD bytes, or those that
 * are there, are unpacked into memory.  0, or -1 recorded: also ST_CORRUPT if these
 * bytes cannot be decoded.
 */
int archive_probe(const struct archive *a, int fd, uint64_t len, struct probe *p);

#endif
