/*
 * greeting: the first frame of a helper.
 */
#ifndef IMG_GREETING_H
#define IMG_GREETING_H

#include <stdint.h>

#include "lib/wire/conn.h"

#define GREETING_VERSION_MAX 64

struct greeting {
	char version[GREETING_VERSION_MAX]; /* of the helper, escaped (text.h) */
	uint64_t lanes;			    /* that it takes, the control lane included */
};

/* What a helper has for it, in milliseconds; timeout_s is --timeout, or 0. */
int greeting_limit_ms(int timeout_s);

/*
 * Receives it.  0, or -1 with ST_PEER recorded: another protocol, for instance.  Blocks for
 * limit_ms at most.
 */
int greeting_receive(struct conn *c, int limit_ms, struct greeting *out);

#endif
