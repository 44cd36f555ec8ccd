/*
 * content: what an image's first bytes say of it: an lzop archive, a qcow2 layer,
 * or anything else, which is raw.
 *
 * A guest can write all of that, so it is only shown, and otherwise not trusted.
 */
#ifndef IMG_CONTENT_H
#define IMG_CONTENT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/format/archive.h"
#include "lib/format/qcow2.h"

#define CONTENT_REASON_MAX 256

struct content {
	bool is_archive;
	struct archive archive; /* if is_archive */
	const char *format;	/* "raw" or "qcow2", a constant; also of the image in an archive */
	struct qcow2 qcow2;	/* if format is "qcow2" and it is not an archive */
	/*
	 * Why the header of what has the magic of an archive or of qcow2 cannot be parsed;
	 * it counts as raw then.  "" if it can, or has no such magic.
	 */
	char damaged[CONTENT_REASON_MAX];
};

/*
 * Reads and parses the headers at the beginning of fd, which is len bytes long.
 * 0, also if a header is damaged; or -1 recorded: a read error, or ST_CORRUPT if fd is
 * shorter, or if an archive is damaged behind its header.
 */
int content_read(struct content *c, int fd, uint64_t len);

/*
 * The same of the first n bytes (QCOW2_HEADER_MAX, or all if there are fewer) of an image
 * that is known not to be an archive.
 */
int content_parse(struct content *c, const void *head, size_t n);

/*
 * The same of the first n bytes of a stream: LZOP_HEADER_MAX, or all if there are fewer.  It may
 * be an archive, of whose image nothing is known then.
 */
int content_parse_stream(struct content *c, const void *head, size_t n);

/* "raw" or "qcow2", by the first n bytes of an image; 4 are enough. */
const char *content_format_of(const void *head, size_t n);

#endif
