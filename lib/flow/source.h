/*
 * source: where the blocks of a flow come from; a file each.  Every
 * constructor returns NULL with an error recorded, and borrows what it reads.
 */
#ifndef IMG_SOURCE_H
#define IMG_SOURCE_H

#include "lib/flow/flow.h"
#include "lib/store/image.h"
#include "lib/wire/conn.h"

/* source_image.c: the data extents of an image, as it lies there. */
struct source *source_image(struct image *img);

/*
 * source_stream.c: the raw bytes of a descriptor up to its end.  head are
 * bytes already read from it (at most STREAM_HEAD_MAX).
 */
#define STREAM_HEAD_MAX 512
struct source *source_stream(int fd, const void *head, size_t head_len);

/*
 * source_archive.c: what an lzop archive holds.  Reads fd sequentially from
 * where it is, after the bytes in head.  len is the image's length if it was
 * found by other means, else FLOW_LEN_UNKNOWN.  Blocks that are not laid out
 * as ours are put together again.
 */
struct source *source_archive(int fd, const void *head, size_t head_len, uint64_t len);

/*
 * Before the flow: "raw" or "qcow2" (constants), as the first bytes in the
 * archive say, for which its first block is read.  0 or -1 recorded.
 */
int source_archive_format(struct source *s, const char **format);

/* source_wire.c: DATA, HOLE and END of a peer.  len as the peer announced it. */
struct source *source_wire(struct conn *c, uint64_t len);

#endif
