/*
 * watching: one disk of the operation watch, from one round to the next.
 *
 * In each round it is measured, and extended or reported if that is due (lib/store/watch_rule.h).
 * What happens is told by events, a record each:
 *
 *	armed		it is watched, and not near its end.  With a guest: QEMU tells when it is
 *	enough		--once: it is not near its end
 *	near		it is near its end, and is not to be extended
 *	extended	it was extended; with dry_run: it would be
 *	alarm		it is near its end, and somebody has to act: why, message
 *	lost		it cannot be measured: message.  It is tried again; then comes armed
 *	unarmed		QEMU does not tell when it is near its end: message.  It is measured at
 *			short intervals, until armed comes
 *	resumed		the guest was paused because this disk was full, and goes on
 *	failed		the same at the start, and with --once: it is not watched
 *
 *	event, disk (its number among the request's paths, from 0), path, time (seconds since
 *	1970, ".", nine digits); capacity, allocation, physical, threshold (near is an allocation
 *	above it), max (0: not known), free (in the group or filesystem), all in bytes and if known;
 *	previous (extended: its size before); is_file, is_dirty; why (watch_rule_word(),
 *	or "failed"); message; status (what --once makes of it); with a guest is_armed
 */
#ifndef IMG_WATCHING_H
#define IMG_WATCHING_H

#include "lib/base/policy.h"
#include "lib/op/watching_guest.h"
#include "lib/store/growth.h"
#include "lib/store/watch_lock.h"
#include "lib/store/watched.h"

#define WATCHING_POLL_MS 2000	 /* between two rounds, */
#define WATCHING_SLOW_MS 10000	 /* the same, while QEMU tells when a disk is near its end; */
#define WATCHING_FIRST_MS 1000	 /* at first it may not do so yet */
#define WATCHING_POLL_MIN_MS 100 /* or less, if a disk fills up fast */
#define WATCHING_AGAIN_MS 10000	 /* before it is tried again to extend a disk after an alarm */
#define WATCHING_GROUP_MS 60000	 /* to wait for another watcher that extends in the same group */

struct session;

struct watching_want {
	struct watch_rule rule; /* max: 0 is the default */
	bool once, dry_run;
	struct watching_guest *guest; /* borrowed; or NULL */
};

struct watching {
	uint64_t number;
	struct watched disk;
	struct watch_rule rule;
	bool once, dry_run;
	struct watched_numbers now;
	struct watch_lock lock;
	struct growth_rate rate;
	char group[BACKEND_GROUP_MAX]; /* "": it is in none */
	uint64_t free;		       /* in the group, when LVM was asked; UINT64_MAX: not known */
	bool was_told_of_dirt, knows_group;
	bool is_doubtful; /* in the last round it looked damaged, which is not told yet */
	struct watching_guest *guest; /* that writes it; NULL: it is only measured */
	bool is_armed;		      /* QEMU tells when it is written beyond its threshold */
	bool needs_arm; /* it was extended, and its new threshold could not be set yet */
	bool has_grown; /* it got space since the guest was let go on */
	bool was_full;	/* the guest was paused for it, when that was asked last */
	bool is_urgent; /* it was extended, and has to be so again */
	enum {
		WATCHING_NEW,
		WATCHING_ARMED,
		WATCHING_UNARMED,
		WATCHING_NEAR,
		WATCHING_ALARM,
		WATCHING_LOST
	} state;
	char reason[WATCHING_REASON_MAX]; /* of the alarm or loss that was told last */
	int64_t not_before_ms;		  /* it is not tried to extend it before */
};

/* path and policy are borrowed. */
void watching_init(struct watching *w, uint64_t number, const char *path,
	const struct policy *policy, const struct watching_want *want);

/*
 * One round.  0: it was measured; 1: it was not, which was told.  -1 recorded: the client is lost.
 * Blocks as LVM does if it is extended.
 */
int watching_round(struct watching *w, struct session *s);

/* Tells that the guest goes on, if it was paused for this disk.  0, or -1 recorded: as above. */
int watching_tell_resumed(struct watching *w, struct session *s);

/* In how many milliseconds it should be measured again. */
int watching_pause(const struct watching *w);

void watching_fini(struct watching *w); /* keeps the recorded error */

#endif
