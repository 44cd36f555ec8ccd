/*
 * ssh_lane: one command's channel, and the socket that stands for it.
 *
 * All but the report belongs to the pump's thread.
 */
#ifndef IMG_SSH_LANE_H
#define IMG_SSH_LANE_H

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SSH_LANE_UP (256u << 10)   /* bytes taken from the socket at once */
#define SSH_LANE_DOWN (32u << 10)  /* bytes taken from libssh at once: faster than more */
#define SSH_LANE_WINDOW (8u << 20) /* bytes that the peer may send ahead, at most */
#define SSH_LANE_WIDEN (1u << 20)  /* bytes after which that is thought over */
#define SSH_LANE_TAIL 4096	   /* bytes kept of standard error */

/* What the lanes of one connection tell other threads; all under lock. */
struct ssh_lane_report {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int ending;	 /* lanes whose output has ended and whose status may still come */
	int exit_status; /* of the last command that ended, or -1 */
	uint64_t tail_total;
	char tail[SSH_LANE_TAIL]; /* byte n of standard error is at n % SSH_LANE_TAIL */
};

struct ssh_lane {
	enum {
		SSH_LANE_FREE,
		SSH_LANE_OPENING, /* the channel */
		SSH_LANE_ASKING,  /* for the command */
		SSH_LANE_OPEN,
		SSH_LANE_CLOSING
	} state;
	ssh_channel channel;
	struct ssh_channel_callbacks_struct callbacks;
	struct ssh_lane_report *report;
	const char *command;  /* until it runs */
	int sock;	      /* -1 once closed */
	bool is_hung_up;      /* sock polls as hung up */
	bool is_gone;	      /* the other end of sock was closed */
	bool is_closed_there; /* the peer closed the channel */
	int exit_status;

	uint8_t *up; /* SSH_LANE_UP bytes, of which up_len from up_off on are to be sent */
	size_t up_off, up_len;
	bool up_ended, up_told; /* sock's end was read; the channel was told */

	uint8_t *down; /* SSH_LANE_WINDOW bytes, likewise for sock */
	size_t down_off, down_len;
	bool is_behind;	 /* libssh holds more, as sock was full */
	bool down_ended; /* sock was told of the channel's end */

	int64_t asked_ms;     /* when the peer was asked for something */
	int64_t round_ms;     /* the shortest time that an answer took, 1 at least */
	uint64_t down_passed; /* bytes passed on since widened_ms */
	int64_t widened_ms;
};

int ssh_lane_report_init(struct ssh_lane_report *r); /* 0, or an errno */
void ssh_lane_report_fini(struct ssh_lane_report *r);

/* Begins with command on session; sock becomes its own.  0, or -1 without memory. */
int ssh_lane_start(struct ssh_lane *n, ssh_session session, const char *command, int sock,
	struct ssh_lane_report *r);

/*
 * Does what can be done without blocking.  1: the command has begun to run
 * just now; 0; -1: it could not be started, with libssh's error: then
 * ssh_lane_drop() is next.
 */
int ssh_lane_step(struct ssh_lane *n, bool is_network_full);

/* What to poll() sock for, and what came of it; -1: not at all. */
int ssh_lane_poll(const struct ssh_lane *n, bool is_network_full, short *events);
void ssh_lane_polled(struct ssh_lane *n, short revents);

/* Ends it from our side; more steps follow until it is SSH_LANE_FREE. */
void ssh_lane_drop(struct ssh_lane *n);

/* As above, at once: the connection is lost. */
void ssh_lane_lose(struct ssh_lane *n);

#endif
