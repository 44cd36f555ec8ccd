/*
 * content: what an image's first bytes say of it: an lzop archive, a qcow2 layer,
 * or anything else, which is raw.
 *
 * Nothing that is found here is trusted beyond being shown: a guest can write
 * it all.
 */
#ifndef IMG_CONTENT_H
#define IMG_CONTENT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/format/archive.h"
#include "lib/format/qcow2.h"

struct content {
	bool is_archive;
	struct archive archive; /* if is_archive */
	const char *format;	/* "raw" or "qcow2", a constant; of what an archive holds, too */
	struct qcow2 qcow2;	/* if format is "qcow2" and it is no archive */
};

/*
 * Reads and parses the headers at the beginning of fd, which is len bytes long.
 * 0, or -1 recorded: a read error, or ST_CORRUPT if fd is shorter or a header
 * cannot be parsed.
 */
int content_read(struct content *c, int fd, uint64_t len);

/*
 * The same of the first n bytes, QCOW2_HEADER_MAX of them if there are as many, of
 * what is known to be no archive.
 */
int content_parse(struct content *c, const void *head, size_t n);

/* "raw" or "qcow2", as the first n bytes of something say; 4 are enough. */
const char *content_format_of(const void *head, size_t n);

#endif
