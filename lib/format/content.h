/*
 * content: what an image's first bytes say of it: an lzop archive, a qcow2 layer, a foreign
 * format (foreign.h), or anything else, which is raw.
 *
 * A guest can write all of that, so it is only shown, and otherwise not trusted.
 */
#ifndef IMG_CONTENT_H
#define IMG_CONTENT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/format/archive.h"
#include "lib/format/foreign.h"
#include "lib/format/qcow2.h"

#define CONTENT_REASON_MAX 256

struct content {
	bool is_archive;
	struct archive archive; /* if is_archive; bad_header: it was to be one, and is damaged */
	bool is_packed_disk;	/* it would be an archive if it were a file */
	/* "raw", "qcow2" or foreign's, a constant; of an archive: that of its image */
	const char *format;
	/* If format is "qcow2".  Of the image in an archive: zeros if its header is damaged. */
	struct qcow2 qcow2;
	/*
	 * Why the header of what has the magic of an archive or of qcow2 cannot be parsed;
	 * it counts as raw then.  "" if it can, or has no such magic.
	 */
	char damaged[CONTENT_REASON_MAX];
	struct foreign foreign; /* if its format is not NULL */
};

/*
 * Reads and parses the headers at the beginning of fd, which is len bytes long.  is_disk: it is a
 * volume or device, whose guest may write the beginning of an archive into it, and so never an
 * archive.  0, also if a header is damaged; or -1 recorded: a read error, cancel, or ST_CORRUPT if
 * fd is shorter, or if an archive is damaged behind its header.
 */
int content_read(struct content *c, int fd, uint64_t len, bool is_disk);

/*
 * The same of what may be an image that needs others.  1: it is; 0: it is an archive, or cannot be
 * parsed, so that QEMU cannot open it either; -1 with errno: it cannot be read.
 */
int content_look(struct content *c, int fd, uint64_t len);

/*
 * The same of the first n bytes (QCOW2_HEADER_MAX, or all if there are fewer) of an image
 * that is known not to be an archive.
 */
int content_parse(struct content *c, const void *head, size_t n);

/*
 * The same of the first n bytes of a stream: LZOP_HEADER_MAX, or all if there are fewer.  It may
 * be an archive, of whose image nothing is known until content_parse_archived() is called.
 */
int content_parse_stream(struct content *c, const void *head, size_t n);

/*
 * Sets format, qcow2 and foreign (see foreign_parse()) of an archive by the first n bytes of its
 * image: QCOW2_HEADER_MAX, or all if there are fewer.  0, or -1 recorded: no memory.
 */
int content_parse_archived(struct content *c, const void *head, size_t n);

/*
 * The names, as recorded, of the other files that hold data of the image, which its backing file
 * is not: the external data file of qcow2 ("" if the image does not name it), the extents of a
 * VMDK descriptor.  *at begins as 0.  NULL after the last.
 */
const char *content_next_file(const struct content *c, size_t *at);

/* The backing file of the image, as recorded; "" if there is none. */
const char *content_backing(const struct content *c);

/* The recorded format of the backing file; "" if it is not recorded. */
const char *content_backing_format(const struct content *c);

/* "raw" or "qcow2", by the first n bytes of an image; 4 are enough. */
const char *content_format_of(const void *head, size_t n);

#endif
