/*
 * guest_pause: pauses a guest of this host for a moment.
 *
 *	guest_pause_check	before anything is done
 *	guest_pause_begin	the guest stands still
 *	guest_pause_end		it goes on
 *
 * The guest is paused by a process of its own (guest_pauser.h), which lets it go on when this
 * process is killed.  If that one is killed, this process lets the guest go on.  In no case is it
 * paused for longer than GUEST_PAUSED_MAX_S, unless QEMU does not answer.
 *
 * A guest that does not run, for instance since somebody has paused it, is left as it is, and must
 * not run until guest_pause_end().
 */
#ifndef IMG_GUEST_PAUSE_H
#define IMG_GUEST_PAUSE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/policy.h"

struct guest_pause {
	/* Set by the caller, and borrowed.  Without socket and domain, the functions do nothing. */
	const struct policy *policy;
	const char *socket;  /* of QEMU's monitor, as for qmp_open(), or NULL */
	const char *domain;  /* libvirt's guest; or NULL */
	uid_t owner;	     /* of the images; for qmp_open() */
	const char *program; /* whose main() runs guest_pauser_run(); NULL: that of this process */

	bool was_running; /* set by guest_pause_check() */
	pid_t pid;	  /* of the process; 0: there is none */
	int channel;	  /* the socket to it */

	bool has_paused;    /* guest_pause_begin() has paused it */
	uint64_t paused_us; /* set by guest_pause_end(): so many microseconds was it paused */
};

/*
 * Looks whether the guest can be asked, and runs.  0, or -1 recorded: as qmp_open() and
 * virsh_run(); ST_BUSY if it is being migrated, saved or restored.  Waits for a minute at most,
 * and ends when the job is cancelled.
 */
int guest_pause_check(struct guest_pause *p);

/*
 * Pauses the guest.  0, or -1 recorded; then it goes on.  Waits for GUEST_PAUSE_LIMIT_MS at most,
 * or twice as long if that fails.
 */
int guest_pause_begin(struct guest_pause *p);

/*
 * Lets the guest go on.  0; or -1 recorded: it did not stand still all the time, or does not go on.
 * Does nothing if it was not begun.  An error that was recorded before is kept, and that of this
 * function becomes a warning.  Waits for GUEST_PAUSE_LIMIT_MS at most, also when the job is
 * cancelled.
 */
int guest_pause_end(struct guest_pause *p);

#define GUEST_PAUSE_LIMIT_MS 100000 /* what the process has for an answer */

#endif
