/*
 * sink: where the blocks of a flow go to; a file each.  Every constructor
 * returns NULL with an error recorded, and borrows what it writes to.
 */
#ifndef IMG_SINK_H
#define IMG_SINK_H

#include "lib/flow/flow.h"
#include "lib/store/target.h"
#include "lib/wire/conn.h"

/* sink_image.c: an image as it is, at its offsets. */
struct sink *sink_image(struct target *t);

/*
 * sink_archive.c: an lzop file, to a target (with length and digest in its
 * header) or, if that is NULL, to the descriptor (without).  name is what lzop
 * -N would restore.
 */
struct sink *sink_archive(struct target *t, int fd, const char *name);

/* sink_stream.c: raw bytes to a descriptor, holes as zeros. */
struct sink *sink_stream(int fd);

/* sink_wire.c: DATA, HOLE and END to a peer.  relay: in the form they came. */
struct sink *sink_wire(struct conn *c, bool relay);

/* sink_null.c: nowhere; for digests. */
struct sink *sink_null(void);

#endif
