/*
 * probe: what an image's bytes say of themselves, by content and never by name.
 *
 * Nothing found here is believed beyond being shown: labels are a guest's.
 */
#ifndef IMG_PROBE_H
#define IMG_PROBE_H

#include <stddef.h>
#include <stdint.h>

#include "lib/block/lzop.h"
#include "lib/store/image.h"

#define PROBE_TEXT 256

/* What libblkid finds; "" where it finds nothing. */
struct probe {
	char fs_type[PROBE_TEXT]; /* blkid's TYPE, also RAID, LVM, LUKS, swap */
	char fs_label[PROBE_TEXT];
	char fs_uuid[PROBE_TEXT];
	char partitions[8]; /* "gpt" or "dos" */
};

/*
 * Looks for filesystem and partition table in the len bytes that fd holds.
 * 0, or -1 recorded: a read error (finding nothing, or more than one filesystem,
 * is no error; each is looked for by itself).  Moves fd's file position.
 */
int probe_fd(int fd, uint64_t len, struct probe *p);

/*
 * *format is "raw" or "qcow2" (constants), as the first bytes of an image that
 * is no archive say.  0, or -1 recorded: a read error.
 */
int probe_format(struct image *img, const char **format);

/* An lzop archive on disk. */
struct probe_archive {
	struct lzop_header header;
	uint64_t len;  /* of the image in it; if not is_whole, of the blocks that are there */
	bool is_whole; /* its end mark was seen, and nothing after it; or its header has len */
};

#define PROBE_ARCHIVE_HEAD (4u << 20) /* bytes that are unpacked to look into it */

/*
 * Whether the image's content is an lzop file: 1, 0, or -1 recorded (a read error).
 */
int probe_is_archive(struct image *img);

/*
 * Measures an archive: by its own header (whose word is not checked), or else
 * by walking its blocks' headers, one small read each.  0, also if it is cut
 * short or goes on after its end (not is_whole); or -1 recorded: ST_CORRUPT if
 * the header or a block's header is none.
 */
int probe_archive_open(struct image *img, struct probe_archive *a);

/*
 * "raw" or "qcow2" (constants), as the first bytes in an archive say; also "raw"
 * if they cannot be unpacked, which whoever reads it all will find.
 */
const char *probe_archive_format(struct image *img, const struct probe_archive *a);

/*
 * As probe_fd(), for what an archive holds: its first PROBE_ARCHIVE_HEAD bytes,
 * or those that are there, are unpacked into memory.  Also *format, as
 * probe_format() says; in a qcow2 nothing is looked for.  -1 also with ST_CORRUPT
 * if these bytes cannot be decoded.
 */
int probe_archive(
	struct image *img, const struct probe_archive *a, struct probe *p, const char **format);

#endif
