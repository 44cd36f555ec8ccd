/*
 * outlet: a buffered, sequential writer to a target or to a descriptor that
 * may be a pipe.  Waiting for a pipe ends when cancel_is_set().
 */
#ifndef IMG_OUTLET_H
#define IMG_OUTLET_H

#include <stddef.h>
#include <stdint.h>

#include "lib/store/target.h"

#define OUTLET_BUFFER (256u << 10)

struct outlet {
	struct target *target; /* or NULL: */
	int fd;
	size_t piece; /* bytes of one write(2) to fd */
	uint8_t *buffer;
	size_t len;
	uint64_t off; /* of the buffer's first byte */
};

/* Borrows target or fd.  0 or -1 recorded. */
int outlet_init(struct outlet *o, struct target *target, int fd);
void outlet_fini(struct outlet *o); /* what was not flushed is dropped */

/* 0 or -1 recorded; ST_FAILED with EPIPE when the reader is gone. */
int outlet_write(struct outlet *o, const void *p, size_t n);
int outlet_zeros(struct outlet *o, uint64_t n);
int outlet_flush(struct outlet *o);

#endif
