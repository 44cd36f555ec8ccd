/*
 * watch_rule: decides whether a watched disk is near its end, and what is done then.
 *
 * It only computes; the caller measures (watched.h), extends and tells.  The rules are those that
 * oVirt arrived at for qcow2 layers on volumes:
 *
 *	- The disk is near its end when fewer than `reserve` bytes are unused behind its last
 *	  cluster.
 *	- It is then extended by `chunk`, but not beyond `max`, and not into the last `min_free`
 *	  bytes of its group.
 *	- Nothing is computed from a capacity of 0: the header was read while it was rewritten, or
 *	  the image is damaged.
 *	- An image that says that it uses more than its next size would have is suspect: to extend
 *	  it would not help, and could fill the group.
 *
 * All amounts are bytes.  Nothing here blocks or allocates memory.
 */
#ifndef IMG_WATCH_RULE_H
#define IMG_WATCH_RULE_H

#include <stdbool.h>
#include <stdint.h>

#define WATCH_RULE_CHUNK (UINT64_C(5) << 29) /* 2.5 GiB: the default */

struct watch_rule {
	bool extends;	   /* the volume is to be extended */
	uint64_t chunk;	   /* by so much at once */
	uint64_t reserve;  /* it is near its end when less than this is unused */
	uint64_t max;	   /* never beyond this size; 0: watch_rule_max() of the capacity `start` */
	uint64_t min_free; /* leave this much free in the group */
	int64_t ahead_ms;  /* extend it also if it will be full within this time */
	uint64_t start;	   /* the largest capacity that it has had; 0: the present one */
};

/* What was measured of the disk. */
struct watch_state {
	uint64_t capacity; /* of the guest's disk */
	uint64_t used;	   /* of a volume: the watermark; of a file: what it takes on its storage */
	uint64_t size;	   /* of a volume: its size; of a file: used and the free space there */
	double rate;	   /* at which used grows, in bytes per millisecond (growth.h) */
};

/* What its storage can give; zeros: it cannot be extended. */
struct watch_space {
	uint64_t free; /* in its group */
	uint64_t unit; /* its size is a multiple of this */
};

enum watch_act {
	WATCH_ENOUGH, /* not near its end */
	WATCH_NEAR,   /* near its end, and it is not to be extended */
	WATCH_EXTEND, /* to be extended */
	WATCH_ALARM   /* near its end, and somebody has to do something */
};

enum watch_why {
	WATCH_FINE,	   /* no alarm */
	WATCH_NO_CAPACITY, /* its capacity is 0 */
	WATCH_SUSPECT,	   /* it uses more than its next size would have */
	WATCH_AT_MAX,	   /* it has its largest size */
	WATCH_NO_SPACE,	   /* its group has not enough free space */
	WATCH_FIXED	   /* its storage cannot be extended */
};

struct watch_decision {
	enum watch_act act;
	enum watch_why why; /* of an alarm */
	uint64_t to;	    /* the new size; 0 unless it is to be extended */
};

/* The default reserve: 80 % of chunk. */
uint64_t watch_rule_reserve(uint64_t chunk);

/* The default largest size: 110 % of the capacity.  0 of 0. */
uint64_t watch_rule_max(uint64_t capacity);

/* The amount of used bytes from which on it is near its end; 0: it always is. */
uint64_t watch_rule_threshold(const struct watch_state *s, const struct watch_rule *rule);

/* Whether fewer bytes than the reserve are unused. */
bool watch_rule_is_near(const struct watch_state *s, const struct watch_rule *rule);

/*
 * Whether something has to be done: it is near its end or, where it may be extended, will be full
 * within rule->ahead_ms.  Only then the caller needs to find out what watch_rule_decide() wants to
 * know of its storage.
 */
bool watch_rule_is_due(const struct watch_state *s, const struct watch_rule *rule);

struct watch_decision watch_rule_decide(const struct watch_state *s, const struct watch_rule *rule,
	const struct watch_space *space);

/* A word for each reason, as events have it: "max", "space", ...; "" for WATCH_FINE. */
const char *watch_rule_word(enum watch_why why);

#endif
