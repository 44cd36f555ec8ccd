/*
 * growth: when storage that fills up is to be extended, and by how much.
 *
 * Only numbers go in and come out; looking and extending are the caller's.  A
 * snapshot's copy-on-write space is watched with it, and so is a volume below
 * a qcow2 layer.
 */
#ifndef IMG_GROWTH_H
#define IMG_GROWTH_H

#include <stdbool.h>
#include <stdint.h>

/* How fast it fills. */
struct growth_rate {
	uint64_t used; /* bytes, when it was looked at last */
	int64_t at_ms; /* the time then; 0: never */
	double rate;   /* bytes per millisecond since the time before; never negative */
};

/* Takes in that `used` bytes are used at now_ms (io_now_ms()). */
void growth_rate_update(struct growth_rate *r, uint64_t used, int64_t now_ms);

/* What is watched, in bytes. */
struct growth_state {
	uint64_t size; /* that it has */
	uint64_t used; /* of that, up to the last byte in use */
	uint64_t free; /* that it can get from its group */
	double rate;   /* bytes per millisecond */
};

struct growth_rule {
	uint64_t reserve;   /* extend when fewer bytes than this are unused, */
	int64_t ahead_ms;   /* or when it will be full within this time */
	uint64_t step;	    /* extend by this, or by what there is */
	uint64_t max;	    /* never beyond this size; 0: no limit */
	uint64_t keep_free; /* what the group has to keep */
};

enum growth_verdict {
	GROWTH_ENOUGH,	/* nothing is to be done yet */
	GROWTH_EXTEND,	/* extend it by `by` bytes */
	GROWTH_AT_MAX,	/* it is due, and has its greatest size */
	GROWTH_NO_SPACE /* it is due, and the group has nothing to give */
};

struct growth_decision {
	enum growth_verdict verdict;
	uint64_t by; /* bytes; 0 unless the verdict is GROWTH_EXTEND */
};

/* Whether it is due by the reserve or by the rate. */
bool growth_is_due(const struct growth_state *s, const struct growth_rule *rule);

struct growth_decision growth_decide(const struct growth_state *s, const struct growth_rule *rule);

#endif
