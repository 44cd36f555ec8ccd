/*
 * ssh_lane: the channel of one command, and the socket that it is connected to.
 *
 * "Up" is from the socket to the peer, "down" from the peer to the socket.  Only the
 * pump's thread uses a lane; other threads read its report.
 */
#ifndef IMG_SSH_LANE_H
#define IMG_SSH_LANE_H

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ssh/ssh_lane_report.h"

#define SSH_LANE_UP (256u << 10)   /* bytes read from the socket at once */
#define SSH_LANE_DOWN (32u << 10)  /* bytes read from libssh at once; more is slower */
#define SSH_LANE_WINDOW (8u << 20) /* the largest window, in bytes */
#define SSH_LANE_WIDEN (1u << 20)  /* bytes after which the window is adapted */

struct ssh_lane {
	enum {
		SSH_LANE_FREE,
		SSH_LANE_OPENING, /* the channel is being opened */
		SSH_LANE_ASKING,  /* the command has been requested */
		SSH_LANE_OPEN,
		SSH_LANE_CLOSING
	} state;
	ssh_channel channel;
	struct ssh_channel_callbacks_struct callbacks;
	struct ssh_lane_report *report;
	const char *command;  /* NULL once it runs */
	int sock;	      /* -1 once closed */
	bool is_hung_up;      /* poll() has reported POLLHUP for sock */
	bool is_gone;	      /* the other end of sock is closed */
	bool is_closed_there; /* the peer has closed the channel */
	int exit_status;

	uint8_t *up; /* SSH_LANE_UP bytes; up_len bytes at up_off are still to be sent */
	size_t up_off, up_len;
	bool up_ended, up_eof_sent; /* end of file was read from sock; was sent to the peer */

	uint8_t *down; /* SSH_LANE_WINDOW bytes, the same for sock */
	size_t down_off, down_len;
	bool is_behind;	 /* sock was full, and data is waiting in down or in libssh */
	bool down_ended; /* sock was shut down for writing */

	int64_t asked_ms;     /* time of the last request to the peer */
	int64_t round_ms;     /* the shortest round trip measured, at least 1 */
	uint64_t down_passed; /* bytes written to sock since widened_ms */
	int64_t widened_ms;
};

/*
 * Begins to open a channel for command on session.  0, and the lane owns sock; or -1
 * without memory, not recorded.  command must stay valid until it runs.
 */
int ssh_lane_start(struct ssh_lane *n, ssh_session session, const char *command, int sock,
	struct ssh_lane_report *r);

/*
 * Does what can be done without blocking.  1: the command has just been started;
 * -1: it cannot be started, and the session has libssh's error: the caller then
 * calls ssh_lane_drop(); 0: anything else.  is_network_full: send nothing now.
 */
int ssh_lane_step(struct ssh_lane *n, bool is_network_full);

/*
 * The descriptor and events to poll() for, or -1 if none; ssh_lane_polled() takes the
 * result.
 */
int ssh_lane_poll(const struct ssh_lane *n, bool is_network_full, short *events);
void ssh_lane_polled(struct ssh_lane *n, short revents);

/* Begins to close the lane.  Steps must follow until it is SSH_LANE_FREE. */
void ssh_lane_drop(struct ssh_lane *n);

/* Closes the lane at once, after the loss of the connection. */
void ssh_lane_lose(struct ssh_lane *n);

#endif
