/*
 * Down: libssh calls on_data() with all data that it has for the channel.  What the
 * socket does not take stays in libssh, and then the channel's window stops the
 * peer.  libssh 0.10 keeps that window at 1.28 MB, which limits a round trip of 50 ms to
 * 25 MB/s, but it enlarges the window to the size of a read.  lane_widen() makes
 * such a read.  The window is not made larger than the link needs, because OpenSSH
 * is slow if much data waits.  From 0.11 on the window is always 2 MiB.
 *
 * Up: the socket is read only while the peer's window is open and libssh has sent
 * what it was given before.
 *
 * poll() reports POLLHUP for a socket of a pair as soon as both directions are shut
 * down, by either end.  So it means that the other end is closed only if we have not
 * shut down our direction.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/ssh/ssh_lane.h"

/* Writes to sock what it takes without blocking.  The number of bytes; all if it is closed. */
static size_t lane_put(struct ssh_lane *n, const void *p, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t w = send(
			n->sock, (const char *)p + done, len - done, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0 && errno != EAGAIN)
			n->is_gone = true;
		if (w <= 0)
			break;
		done += (size_t)w;
	}
	atomic_fetch_add(&n->report->passed, done);
	return n->is_gone ? len : done;
}

static int on_data(ssh_session session, ssh_channel channel, void *data, uint32_t len,
	int is_stderr, void *arg)
{
	struct ssh_lane *n = arg;
	size_t done;

	(void)session;
	(void)channel;
	if (is_stderr)
		ssh_lane_report_keep(n->report, data, len);
	if (is_stderr || n->is_gone || n->down_ended || n->sock < 0)
		return (int)len;
	if (n->is_behind)
		return 0;
	done = lane_put(n, data, len);
	n->down_passed += done;
	n->is_behind = done < len;
	return (int)done;
}

static void on_close(ssh_session session, ssh_channel channel, void *arg)
{
	struct ssh_lane *n = arg;

	(void)session;
	(void)channel;
	n->is_closed_there = true;
}

static void on_exit_status(ssh_session session, ssh_channel channel, int status, void *arg)
{
	struct ssh_lane *n = arg;

	(void)session;
	(void)channel;
	n->exit_status = status;
}

static void lane_release(struct ssh_lane *n)
{
	if (n->channel) {
		ssh_remove_channel_callbacks(n->channel, &n->callbacks);
		ssh_channel_free(n->channel);
	}
	n->channel = NULL;
	free(n->up);
	free(n->down);
	n->up = n->down = NULL;
	n->state = SSH_LANE_FREE;
}

int ssh_lane_start(struct ssh_lane *n, ssh_session session, const char *command, int sock,
	struct ssh_lane_report *r)
{
	memset(n, 0, sizeof(*n));
	n->report = r;
	n->command = command;
	n->exit_status = -1;
	n->sock = -1;
	n->up = malloc(SSH_LANE_UP);
	n->down = malloc(SSH_LANE_WINDOW); /* hardly any page of it is ever touched */
	n->channel = ssh_channel_new(session);
	if (!n->up || !n->down || !n->channel) {
		lane_release(n);
		return -1;
	}
	n->callbacks.userdata = n;
	n->callbacks.channel_data_function = on_data;
	n->callbacks.channel_exit_status_function = on_exit_status;
	n->callbacks.channel_close_function = on_close;
	ssh_callbacks_init(&n->callbacks);
	ssh_set_channel_callbacks(n->channel, &n->callbacks);
	n->sock = sock;
	n->state = SSH_LANE_OPENING;
	return 0;
}

/* Measures the round trip: the peer has answered, and the next request follows. */
static void lane_measure(struct ssh_lane *n)
{
	int64_t now = io_now_ms(), took = now > n->asked_ms ? now - n->asked_ms : 1;

	if (n->round_ms == 0 || took < n->round_ms)
		n->round_ms = took;
	if (atomic_load(&n->report->round_ms) == 0 || took < atomic_load(&n->report->round_ms))
		atomic_store(&n->report->round_ms, took);
	n->asked_ms = n->widened_ms = now;
}

/* Opens the channel, then starts the command.  1: it runs; 0: not yet; -1: failed. */
static int lane_begin(struct ssh_lane *n)
{
	int rc;

	if (n->asked_ms == 0)
		n->asked_ms = io_now_ms();
	if (n->state == SSH_LANE_OPENING) {
		rc = ssh_channel_open_session(n->channel);
		if (rc != SSH_OK)
			return rc == SSH_AGAIN ? 0 : -1;
		n->state = SSH_LANE_ASKING;
		lane_measure(n);
	}
	rc = ssh_channel_request_exec(n->channel, n->command);
	if (rc != SSH_OK)
		return rc == SSH_AGAIN ? 0 : -1;
	n->state = SSH_LANE_OPEN;
	n->command = NULL;
	lane_measure(n);
	return 1;
}

/* Reads as much from sock as the peer's window allows. */
static void lane_fill(struct ssh_lane *n)
{
	size_t space = ssh_channel_window_size(n->channel);
	ssize_t got;

	if (space > SSH_LANE_UP)
		space = SSH_LANE_UP;
	if (space == 0 || n->up_ended)
		return;
	got = recv(n->sock, n->up, space, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	n->up_ended = got <= 0;
	n->up_off = 0;
	n->up_len = got > 0 ? (size_t)got : 0;
}

static void lane_move_up(struct ssh_lane *n, bool is_network_full)
{
	int w;

	if (n->up_len == 0 && !is_network_full)
		lane_fill(n);
	if (n->up_len > 0 && !is_network_full) {
		w = ssh_channel_write(n->channel, n->up + n->up_off, (uint32_t)n->up_len);
		if (w < 0) { /* the peer accepts no more data; a close or the loss follows */
			n->up_len = 0;
			n->up_ended = n->up_eof_sent = true;
			return;
		}
		n->up_off += (size_t)w;
		n->up_len -= (size_t)w;
		atomic_fetch_add(&n->report->passed, (uint64_t)w);
	}
	if (n->up_ended && n->up_len == 0 && !n->up_eof_sent) {
		ssh_channel_send_eof(n->channel);
		n->up_eof_sent = true;
	}
}

static bool is_window_fixed(void)
{
	return ssh_version(SSH_VERSION_INT(0, 11, 0)) != NULL;
}

/*
 * Enlarges the channel's window to twice the data that arrives in a round trip, so
 * that the peer can become faster.  Only if all earlier data has been passed on.
 */
static void lane_widen(struct ssh_lane *n)
{
	int64_t now = io_now_ms(), took = now > n->widened_ms ? now - n->widened_ms : 1;
	uint64_t space = n->down_passed * 2 * (uint64_t)n->round_ms / (uint64_t)took;
	int got;

	if (n->is_behind || n->down_ended || n->down_passed < SSH_LANE_WIDEN || is_window_fixed())
		return;
	n->down_passed = 0;
	n->widened_ms = now;
	if (space > SSH_LANE_WINDOW)
		space = SSH_LANE_WINDOW;
	if (space < SSH_LANE_WIDEN)
		return;
	got = ssh_channel_read_timeout(n->channel, n->down, (uint32_t)space, 0, 0);
	if (got <= 0)
		return; /* a failure shows in the state of the channel */
	n->is_behind = true;
	n->down_off = 0;
	n->down_len = (size_t)got;
}

static void lane_move_down(struct ssh_lane *n)
{
	int got;

	while (n->is_behind) {
		if (n->down_len == 0) {
			got = ssh_channel_read_nonblocking(n->channel, n->down, SSH_LANE_DOWN, 0);
			n->is_behind = got > 0;
			n->down_off = 0;
			n->down_len = got > 0 ? (size_t)got : 0;
		}
		if (n->down_len > 0) {
			size_t done = lane_put(n, n->down + n->down_off, n->down_len);

			n->down_off += done;
			n->down_len -= done;
			if (n->down_len > 0)
				return;
		}
	}
}

/* Passes the channel's end of file to sock; before that, the report counts the lane as ending. */
static void lane_pass_end(struct ssh_lane *n)
{
	if (n->is_behind || n->down_ended || !ssh_channel_is_eof(n->channel))
		return;
	pthread_mutex_lock(&n->report->lock);
	n->report->ending++;
	pthread_mutex_unlock(&n->report->lock);
	n->down_ended = true;
	shutdown(n->sock, SHUT_WR);
}

/* Closes sock so that the other end reads all data and then end of file, not an error. */
static void lane_close_sock(struct ssh_lane *n)
{
	char piece[4096];

	if (n->sock < 0)
		return;
	pthread_mutex_lock(&n->report->lock);
	if (n->down_ended)
		n->report->ending--;
	if (n->exit_status >= 0 || n->down_ended)
		n->report->exit_status = n->exit_status;
	pthread_cond_broadcast(&n->report->changed);
	pthread_mutex_unlock(&n->report->lock);
	shutdown(n->sock, SHUT_RDWR);
	while (recv(n->sock, piece, sizeof(piece), MSG_DONTWAIT) > 0)
		;
	close(n->sock);
	n->sock = -1;
}

/*
 * Waits for the peer to close its side, which it does after it has passed on all
 * that we sent.  Releasing the channel earlier would lose data.
 */
static void lane_finish(struct ssh_lane *n)
{
	int rc = ssh_channel_close(n->channel);

	/* SSH_AGAIN may mean that the packet is not yet queued */
	if (rc == SSH_ERROR || (rc == SSH_OK && n->is_closed_there))
		lane_release(n);
}

int ssh_lane_step(struct ssh_lane *n, bool is_network_full)
{
	int rc = 0;

	if (n->state == SSH_LANE_OPENING || n->state == SSH_LANE_ASKING)
		rc = lane_begin(n);
	if (n->state == SSH_LANE_OPEN) {
		lane_widen(n);
		lane_move_down(n);
		lane_move_up(n, is_network_full);
		/* The caller ends the lane then, once it has recorded why. */
		if (!ssh_is_connected(ssh_channel_get_session(n->channel)))
			return 0;
		lane_pass_end(n);
		if ((n->is_gone && n->up_eof_sent) ||
			(ssh_channel_is_closed(n->channel) && !n->is_behind))
			ssh_lane_drop(n);
	}
	if (n->state == SSH_LANE_CLOSING)
		lane_finish(n);
	return rc;
}

static bool wants_input(const struct ssh_lane *n, bool is_network_full)
{
	return !n->up_ended && n->up_len == 0 && !is_network_full &&
	       ssh_channel_window_size(n->channel) > 0;
}

int ssh_lane_poll(const struct ssh_lane *n, bool is_network_full, short *events)
{
	*events = 0;
	if (n->state != SSH_LANE_OPEN || (n->up_ended && n->down_ended))
		return -1;
	if (n->is_behind && !n->is_gone)
		*events |= POLLOUT;
	if (wants_input(n, is_network_full))
		*events |= POLLIN;
	return n->is_hung_up && !*events ? -1 : n->sock;
}

void ssh_lane_polled(struct ssh_lane *n, short revents)
{
	if (revents & POLLHUP)
		n->is_hung_up = true;
	if ((revents & POLLHUP) && !n->down_ended)
		n->is_gone = true;
}

void ssh_lane_drop(struct ssh_lane *n)
{
	bool never_opened = n->state == SSH_LANE_OPENING;

	if (n->state == SSH_LANE_FREE || n->state == SSH_LANE_CLOSING)
		return;
	lane_close_sock(n);
	if (never_opened)
		lane_release(n);
	else
		n->state = SSH_LANE_CLOSING;
}

void ssh_lane_lose(struct ssh_lane *n)
{
	if (n->state == SSH_LANE_FREE)
		return;
	lane_close_sock(n);
	lane_release(n);
}
