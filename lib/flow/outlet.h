/*
 * outlet: a buffered, sequential writer to a target or to a descriptor, which
 * may be a pipe.  Writing to a pipe blocks until there is space; a cancel
 * (lib/base/cancel.h) makes it fail with ST_FAILED "interrupted".
 */
#ifndef IMG_OUTLET_H
#define IMG_OUTLET_H

#include <stddef.h>
#include <stdint.h>

#include "lib/store/target.h"

#define OUTLET_BUFFER (256u << 10)

struct outlet {
	struct target *target; /* or NULL: then the output is fd */
	int fd;
	size_t piece; /* bytes of one write(2) to fd */
	uint8_t *buffer;
	size_t len;
	uint64_t off; /* of the first byte in buffer, in the output */
};

/* Borrows target or, if that is NULL, fd.  0, or -1 recorded. */
int outlet_init(struct outlet *o, struct target *target, int fd);
void outlet_fini(struct outlet *o); /* drops what was not flushed */

/*
 * Write n bytes, n zeros, or what is in the buffer.  0, or -1 recorded (ST_FAILED
 * with EPIPE if the reader of a pipe is gone).
 */
int outlet_write(struct outlet *o, const void *p, size_t n);
int outlet_zeros(struct outlet *o, uint64_t n);
int outlet_flush(struct outlet *o);

#endif
