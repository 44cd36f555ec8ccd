/*
 * inlet: a buffered, sequential reader of a descriptor, which may be a pipe.
 *
 * Reading blocks until there is input; a cancel (lib/base/cancel.h) and
 * inlet_stop() make it fail with ST_FAILED "interrupted".
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
	int stop; /* eventfd of inlet_stop() */
	uint8_t *buffer;
	size_t at, len; /* buffer[at..len) is still to be read */
	bool ended;
};

/*
 * Borrows fd.  head are head_len bytes that were read from it before; they come
 * first.  0, or -1 recorded.
 */
int inlet_init(struct inlet *in, int fd, const void *head, size_t head_len);
void inlet_fini(struct inlet *in); /* accepts a zeroed one */

/*
 * Points *out at the next n bytes without consuming them; n is at most
 * INLET_BUFFER.  They stay valid until the next call.  Returns their number,
 * which is less than n only at the end of the input, or -1 recorded.
 */
ssize_t inlet_peek(struct inlet *in, size_t n, const uint8_t **out);

/* Consumes n bytes, which must have been returned by inlet_peek(). */
void inlet_skip(struct inlet *in, size_t n);

/* Reads n bytes, fewer only at the end of the input.  Their number, or -1 recorded. */
ssize_t inlet_read(struct inlet *in, void *p, size_t n);

/* Makes a reader that is waiting fail.  From any thread. */
void inlet_stop(struct inlet *in);

#endif
