/*
 * growth: decides when storage that fills up is to be extended, and by how much.
 *
 * It only computes; the caller measures and extends.  It serves for a
 * snapshot's copy-on-write space as for a volume below a qcow2 layer.
 */
#ifndef IMG_GROWTH_H
#define IMG_GROWTH_H

#include <stdbool.h>
#include <stdint.h>

/* How fast it fills. */
struct growth_rate {
	uint64_t used; /* bytes, at the last measurement */
	int64_t at_ms; /* when that was; 0: never */
	double rate;   /* bytes per millisecond between the last two; never negative */
};

/* Adds a measurement: `used` bytes are used at now_ms (io_now_ms()). */
void growth_rate_update(struct growth_rate *r, uint64_t used, int64_t now_ms);

/* What is watched, in bytes. */
struct growth_state {
	uint64_t size; /* its size now */
	uint64_t used; /* of that, up to the last byte in use */
	uint64_t free; /* free space in its group */
	double rate;   /* bytes per millisecond */
};

struct growth_rule {
	uint64_t reserve;   /* extend when fewer bytes than this are unused, */
	int64_t ahead_ms;   /* or when it will be full within this time */
	uint64_t step;	    /* extend by this, or by less if there is less */
	uint64_t max;	    /* never beyond this size; 0: no limit */
	uint64_t keep_free; /* leave this much free in the group */
};

enum growth_verdict {
	GROWTH_ENOUGH,	/* not due yet */
	GROWTH_EXTEND,	/* due: extend it by `by` bytes */
	GROWTH_AT_MAX,	/* due, but it has its maximum size */
	GROWTH_NO_SPACE /* due, but the group has no free space for it */
};

struct growth_decision {
	enum growth_verdict verdict;
	uint64_t by; /* bytes; 0 unless the verdict is GROWTH_EXTEND */
};

/* Whether it is due to be extended, by the reserve or by the rate. */
bool growth_is_due(const struct growth_state *s, const struct growth_rule *rule);

struct growth_decision growth_decide(const struct growth_state *s, const struct growth_rule *rule);

#endif
