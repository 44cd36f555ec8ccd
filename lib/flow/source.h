/*
 * source: the kinds of source of a flow; each has a file.  Every constructor
 * borrows what it reads, and returns NULL with an error recorded.
 */
#ifndef IMG_SOURCE_H
#define IMG_SOURCE_H

#include "lib/flow/flow.h"
#include "lib/store/image.h"
#include "lib/wire/conn.h"

/* source_image.c: reads the data extents of an image, in its own format. */
struct source *source_image(struct image *img);

/*
 * source_stream.c: reads raw bytes from fd until its end.  head are head_len bytes
 * that were read from fd before (at most STREAM_HEAD_MAX).
 */
#define STREAM_HEAD_MAX LZOP_HEADER_MAX
struct source *source_stream(int fd, const void *head, size_t head_len, uint64_t len);

/*
 * source_archive.c: reads the image in an lzop archive, sequentially: first the
 * bytes in head, then fd from its current position.  len is the length of the image
 * if the caller knows it, else FLOW_LEN_UNKNOWN; another length in the header of the
 * archive is ST_CORRUPT.  The blocks may have any lengths.
 */
struct source *source_archive(int fd, const void *head, size_t head_len, uint64_t len);

/*
 * Before the flow: the first block of a source_archive(), decoded, and full where the image is long
 * enough, or of a source_wire(); it stays its own.  1; 0: there is none; -1 recorded.  Block.
 */
int source_archive_peek(struct source *s, struct block **first);
int source_wire_peek(struct source *s, struct block **first);

/* source_wire.c: receives DATA, HOLE and END from a peer.  len as the peer announced it. */
struct source *source_wire(const struct lanes *lanes, uint64_t len);

#endif
