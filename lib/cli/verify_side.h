/*
 * verify_side: one image of img-verify, and the helper on its host that reads it.
 *
 *	verify_side_parse(&s, text)
 *	verify_side_open(&s, c, shown)
 *	verify_side_ask_format(&s)	verify_side_get_format(&s)	of a pair
 *	verify_side_ask_digest(&s, ...)	verify_side_get_digest(&s)
 *	verify_side_fini(&s)
 *
 * A request only sends, and its answer is waited for by the function beside it, so that two hosts
 * work at the same time.
 */
#ifndef IMG_VERIFY_SIDE_H
#define IMG_VERIFY_SIDE_H

#include "lib/base/kv.h"
#include "lib/base/location.h"
#include "lib/block/digest.h"
#include "lib/cli/cli.h"
#include "lib/peer/peer.h"

/* What the user wants of an image. */
struct verify_want {
	bool live;    /* read it even if it is in use */
	bool as_is;   /* the bytes as they are */
	bool flatten; /* of a qcow2 image, what the guest sees */
};

/* The caller's storage, which begins as zeros. */
struct verify_side {
	struct location loc;
	struct peer *peer;
	bool shown;	 /* its progress is shown */
	struct kv found; /* the answer of verify_side_get_format() */
	struct kv reply; /* the answer of verify_side_get_digest(), and from it: */
	struct hash content;
	uint64_t capacity;
};

int verify_side_parse(struct verify_side *s, const char *text); /* 0, or -1 recorded */

/* Starts the helper there.  Blocks.  0, or -1 recorded. */
int verify_side_open(struct verify_side *s, const struct cli *c, bool shown);

/* What the image is, without reading it: format and compression, absent if it is damaged. */
int verify_side_ask_format(struct verify_side *s);
int verify_side_get_format(struct verify_side *s);

/* Reads all of the image, and computes its digest.  A warning names files that are not read. */
int verify_side_ask_digest(struct verify_side *s, const struct verify_want *w);
int verify_side_get_digest(struct verify_side *s);

void verify_side_fini(struct verify_side *s); /* accepts zeros; keeps the recorded error */

#endif
