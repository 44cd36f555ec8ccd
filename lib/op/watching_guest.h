/*
 * watching_guest: the guest whose disks the operation watch watches: it tells when a threshold is
 * passed (lib/host/guest_watch.h).
 *
 * The threshold of a disk that is near its end is not set, because each write behind it would be
 * told; what had to be told is known.  While QEMU cannot be asked, the disks are measured as often
 * as without it, and it is tried to connect again.
 */
#ifndef IMG_WATCHING_GUEST_H
#define IMG_WATCHING_GUEST_H

#include "lib/base/err.h"
#include "lib/host/guest_watch.h"

#define WATCHING_REASON_MAX 512

struct watching;

struct watching_guest {
	struct guest_watch watch;
	char reason[WATCHING_REASON_MAX]; /* why it cannot be asked, while it is not open */
	enum status status;		  /* of that */
	int64_t opened_ms, not_before_ms; /* when it was connected; it is tried again */
};

/* The first connection; the caller has set g->watch.  0, or -1 recorded.  Blocks for that. */
int watching_guest_open(struct watching_guest *g);

/* Connects again if that is due.  Whether it is open.  Blocks for that. */
bool watching_guest_reopen(struct watching_guest *g);

/* Takes what QEMU has told: whether the disks are to be looked at now. */
bool watching_guest_take(struct watching_guest *g);

/* Whether the watching goes well: QEMU answers, has ended, or has a block job or another client. */
bool watching_guest_is_well(const struct watching_guest *g);

/*
 * Sets the threshold of a disk that was measured, unless it is near its end, and adds to its
 * numbers what QEMU has written.  0; -1 recorded: it could not be set.
 */
int watching_guest_arm(struct watching *w);

/* Whether QEMU has told that a disk is written beyond its threshold, and nothing was done yet. */
bool watching_guest_has_fired(const struct watching *w);

/* For guest_watch_resume(): whether a disk has got space since the guest was let go on. */
bool watching_guest_has_space(const struct watching *w, const struct stat *st);

void watching_guest_close(struct watching_guest *g); /* accepts a closed one */

#endif
