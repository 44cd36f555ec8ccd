/*
 * ssh_loop: what the pump's thread does.
 *
 * It polls the network, the lanes' sockets and an eventfd by which other
 * threads say that there is a request.  A request lives on the stack of the
 * thread that waits for its answer, and gets one whatever happens: the command
 * runs, it failed, time is up, cancelled, connection lost, pump stopped.
 */
#ifndef IMG_SSH_LOOP_H
#define IMG_SSH_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/ssh/ssh_connect.h"
#include "lib/ssh/ssh_lane.h"

#define SSH_LOOP_LANES 8
#define SSH_LOOP_WHY_MAX 512

struct ssh_loop_request {
	const char *command;
	int sock; /* the lane's end; the loop's from the call on */
	enum { SSH_LOOP_ASKED, SSH_LOOP_TAKEN, SSH_LOOP_RUNS, SSH_LOOP_FAILED } state;
	char why[SSH_LOOP_WHY_MAX]; /* it failed */
};

struct ssh_loop {
	struct ssh_link *l;
	ssh_event event; /* holds the session and nothing else */
	int wake;

	/* the thread's own */
	struct ssh_lane lane[SSH_LOOP_LANES];
	struct ssh_loop_request *waiting[SSH_LOOP_LANES]; /* for lane[i] to start */
	int64_t deadline[SSH_LOOP_LANES];		  /* of that */
	int64_t stop_at;				  /* 0: not stopping */
	bool is_cancelled;

	struct ssh_lane_report report; /* its lock is for all that follows */
	struct ssh_loop_request *request[SSH_LOOP_LANES];
	int commands; /* requests and lanes in use */
	bool is_stopping, has_finished, is_lost;
	char why[SSH_LOOP_WHY_MAX]; /* constant once is_lost */
};

/* Readies p, which is zeroed, for l.  0, or an errno; ssh_loop_fini() either way. */
int ssh_loop_init(struct ssh_loop *p, struct ssh_link *l);
void ssh_loop_fini(struct ssh_loop *p);

/* The thread: runs until is_stopping.  p is a struct ssh_loop *. */
void *ssh_loop_run(void *p);

/* After a change under lock that the thread is to see. */
void ssh_loop_wake(struct ssh_loop *p);

#endif
