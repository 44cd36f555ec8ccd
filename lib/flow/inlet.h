/*
 * inlet: a buffered, sequential reader of a descriptor that may be a pipe.
 *
 * Waiting for a pipe ends when cancel_is_set() or inlet_stop() is called.
 */
#ifndef IMG_INLET_H
#define IMG_INLET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define INLET_BUFFER (LZOP_HEADER_MAX + 4096)

#include "lib/block/lzop.h"

struct inlet {
	int fd;
	int stop; /* eventfd */
	uint8_t *buffer;
	size_t at, len; /* what of it is still to be taken */
	bool ended;
};

/* Starts with head_len bytes that were read before.  Borrows fd.  0 or -1 recorded. */
int inlet_init(struct inlet *in, int fd, const void *head, size_t head_len);
void inlet_fini(struct inlet *in); /* accepts a zeroed one */

/*
 * Up to n bytes to look at, fewer only at the end of input; n is at most
 * INLET_BUFFER.  Their number, or -1 recorded.
 */
ssize_t inlet_peek(struct inlet *in, size_t n, const uint8_t **out);
void inlet_skip(struct inlet *in, size_t n); /* n were peeked */

/* Reads n bytes, fewer only at the end.  Their number, or -1 recorded. */
ssize_t inlet_read(struct inlet *in, void *p, size_t n);

/* Wakes a reader that waits; from any thread. */
void inlet_stop(struct inlet *in);

#endif
