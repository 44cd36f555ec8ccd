/*
 * ssh_loop: the loop of the pump's thread.
 *
 * It polls the network, the sockets of the lanes and an eventfd through which other
 * threads announce a request.  A request is on the stack of the thread that waits for
 * its answer, so each one is answered: the command runs or has failed, the time-out
 * has passed, cancel is set, the connection was lost, or the pump was stopped.
 */
#ifndef IMG_SSH_LOOP_H
#define IMG_SSH_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/ssh/ssh_connect.h"
#include "lib/ssh/ssh_lane.h"

#define SSH_LOOP_LANES 9 /* of the 10 that sshd allows (MaxSessions) */
#define SSH_LOOP_WHY_MAX 512

struct ssh_loop_request {
	const char *command;
	int sock; /* the lane's end of the socket pair, owned by the loop */
	enum { SSH_LOOP_ASKED, SSH_LOOP_TAKEN, SSH_LOOP_RUNS, SSH_LOOP_FAILED } state;
	char why[SSH_LOOP_WHY_MAX]; /* why it failed */
};

struct ssh_loop {
	struct ssh_link *l;
	ssh_event event; /* contains only the session */
	int wake;	 /* the eventfd */

	/* used by the thread only */
	struct ssh_lane lane[SSH_LOOP_LANES];
	struct ssh_loop_request
		*waiting[SSH_LOOP_LANES]; /* the request for which lane[i] starts a command */
	struct deadline deadline[SSH_LOOP_LANES]; /* of waiting[i] */
	int64_t stop_at;			  /* time to stop by; 0: not stopping */
	bool is_cancelled;

	struct ssh_lane_report report; /* its lock also protects all that follows */
	struct ssh_loop_request *request[SSH_LOOP_LANES];
	int commands; /* requests and lanes in use */
	bool is_stopping, has_finished, is_lost;
	char why[SSH_LOOP_WHY_MAX]; /* why it is lost; constant then */
};

/* Initialises p, which is zeroed.  0, or an errno; ssh_loop_fini() must follow either way. */
int ssh_loop_init(struct ssh_loop *p, struct ssh_link *l);
void ssh_loop_fini(struct ssh_loop *p);

/* The thread's function: runs until is_stopping.  p is a struct ssh_loop *. */
void *ssh_loop_run(void *p);

/* Wakes the thread after a change that it must notice. */
void ssh_loop_wake(struct ssh_loop *p);

#endif
