/*
 * guest_pauser: the process that pauses a guest, and lets it go on whatever happens to the helper.
 *
 * The helper starts its own program file again, in a session of its own, as
 *
 *	img-helper --guest pause [DOMAIN]	pauses it, and lets it go on when it is told
 *	img-helper --guest resume [DOMAIN]	lets it go on, after a pauser was killed
 *
 * with a socket (SOCK_SEQPACKET) to the helper as descriptor 0.  Without DOMAIN, descriptor 3 is a
 * connection to QEMU's monitor (qmp_connect()).  Signals that ask a process to end are ignored.
 *
 *	pauser -> helper	struct guest_answer, after the guest was paused, or could not be
 *	helper -> pauser	nothing; the guest is to go on as soon as the helper ends this
 *				direction, which the kernel does for it when it is killed
 *	pauser -> helper	struct guest_answer, the last one, after it went on
 *
 * The first answer is missing with "resume".  The last one follows an error at once.  A guest that
 * did not run before is neither paused nor resumed.  If QEMU does not let the guest go on, the last
 * answer says so, and the pauser still tries for GUEST_RESUME_S.
 */
#ifndef IMG_GUEST_PAUSER_H
#define IMG_GUEST_PAUSER_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/err.h"

#define GUEST_PAUSED_MAX_S 120 /* a guest that was paused goes on after this time */
#define GUEST_RESUME_S 600
#define GUEST_SOCKET 0	/* the descriptor of the helper's socket */
#define GUEST_MONITOR 3 /* that of the connection to QEMU */

/* Both processes run one program file, so they have one layout. */
struct guest_answer {
	struct err error;   /* ST_OK: it is done, and the guest stood still all the time */
	struct err stays;   /* the last one: why the guest does not go on; ST_OK: it does */
	bool is_last;	    /* the pauser ends, or no longer listens */
	bool is_paused;	    /* the guest ran, and was paused */
	bool is_lost;	    /* QEMU has closed the connection, or does not speak QMP */
	uint64_t paused_us; /* the last one: so long was it paused; 0: it was not */
};

/* The main() of the process; arg is the command line after "--guest".  Returns its status. */
int guest_pauser_run(char **arg);

#endif
