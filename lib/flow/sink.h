/*
 * sink: the kinds of sink of a flow; each has a file.  Every constructor
 * borrows what it writes to, and returns NULL with an error recorded.
 */
#ifndef IMG_SINK_H
#define IMG_SINK_H

#include "lib/flow/flow.h"
#include "lib/store/target.h"
#include "lib/wire/conn.h"

/* sink_image.c: writes the image to a target, each block at its offset. */
struct sink *sink_image(struct target *t);

/* What `lzop -d` gives to the file that it makes from an archive. */
struct archive_origin {
	const char *name; /* only with -N; not NULL */
	uint32_t mode;	  /* permissions */
	uint64_t mtime;	  /* seconds since 1970; 0: the current time */
};

/*
 * sink_archive.c: writes an lzop file to t, with length and digest in its header,
 * or, if t is NULL, to fd, without these.  The header records a copy of origin.
 */
struct sink *sink_archive(struct target *t, int fd, const struct archive_origin *origin);

/* sink_stream.c: writes raw bytes to a descriptor, holes as zeros. */
struct sink *sink_stream(int fd);

/* sink_wire.c: sends DATA, HOLE and END to a peer.  relay: blocks in the form they came. */
struct sink *sink_wire(const struct lanes *lanes, bool relay);

/* sink_null.c: drops all blocks; for computing a digest. */
struct sink *sink_null(void);

#endif
