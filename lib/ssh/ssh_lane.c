/*
 * Down: libssh calls on_data() with all it holds of a channel, and what the
 * socket does not take stays there; the channel's window then stops the peer.
 * libssh keeps that window at 1.28 MB, which is 25 MB/s over a round trip of
 * 50 ms, but makes it as large as a read asks for: widen() is that read.  Not
 * larger than the link needs, since OpenSSH is slow with much that waits.
 * Up: the socket is read only while the peer's window is open and libssh has
 * written out what it was given before.
 *
 * A socket of a pair whose both directions are shut down polls as hung up for
 * ever, be it by us or by the other end; a hang-up therefore means that the
 * other end is closed only as long as we have not shut down ours.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/ssh/ssh_lane.h"

int ssh_lane_report_init(struct ssh_lane_report *r)
{
	pthread_condattr_t attr;
	int rc;

	memset(r, 0, sizeof(*r));
	r->exit_status = -1;
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	rc = pthread_cond_init(&r->changed, &attr);
	pthread_condattr_destroy(&attr);
	return rc;
}

void ssh_lane_report_fini(struct ssh_lane_report *r)
{
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->changed);
}

static void keep_tail(struct ssh_lane_report *r, const char *p, size_t n)
{
	pthread_mutex_lock(&r->lock);
	for (; n > 0; n--)
		r->tail[r->tail_total++ % SSH_LANE_TAIL] = *p++;
	pthread_mutex_unlock(&r->lock);
}

/* Gives sock what it takes; the number of bytes. */
static size_t put(struct ssh_lane *n, const void *p, size_t len)
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
		keep_tail(n->report, data, len);
	if (is_stderr || n->is_gone || n->down_ended || n->sock < 0)
		return (int)len;
	if (n->is_behind)
		return 0;
	done = put(n, data, len);
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

static void release(struct ssh_lane *n)
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
	n->down = malloc(SSH_LANE_WINDOW); /* of which hardly anything is ever touched */
	n->channel = ssh_channel_new(session);
	if (!n->up || !n->down || !n->channel) {
		release(n);
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

/* The peer has answered; now it is asked for something else. */
static void note_answer(struct ssh_lane *n)
{
	int64_t now = io_now_ms(), took = now > n->asked_ms ? now - n->asked_ms : 1;

	if (n->round_ms == 0 || took < n->round_ms)
		n->round_ms = took;
	n->asked_ms = n->widened_ms = now;
}

/* 1: the command runs; 0: not yet; -1. */
static int begin(struct ssh_lane *n)
{
	int rc;

	if (n->asked_ms == 0)
		n->asked_ms = io_now_ms();
	if (n->state == SSH_LANE_OPENING) {
		rc = ssh_channel_open_session(n->channel);
		if (rc != SSH_OK)
			return rc == SSH_AGAIN ? 0 : -1;
		n->state = SSH_LANE_ASKING;
		note_answer(n);
	}
	rc = ssh_channel_request_exec(n->channel, n->command);
	if (rc != SSH_OK)
		return rc == SSH_AGAIN ? 0 : -1;
	n->state = SSH_LANE_OPEN;
	n->command = NULL;
	note_answer(n);
	return 1;
}

/* Reads sock as far as the peer's window allows. */
static void fill(struct ssh_lane *n)
{
	size_t room = ssh_channel_window_size(n->channel);
	ssize_t got;

	if (room > SSH_LANE_UP)
		room = SSH_LANE_UP;
	if (room == 0 || n->up_ended)
		return;
	got = recv(n->sock, n->up, room, MSG_DONTWAIT);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	n->up_ended = got <= 0;
	n->up_off = 0;
	n->up_len = got > 0 ? (size_t)got : 0;
}

static void move_up(struct ssh_lane *n, bool is_network_full)
{
	int w;

	if (n->up_len == 0 && !is_network_full)
		fill(n);
	if (n->up_len > 0 && !is_network_full) {
		w = ssh_channel_write(n->channel, n->up + n->up_off, (uint32_t)n->up_len);
		if (w < 0) { /* the peer takes no more; its close or our loss follows */
			n->up_len = 0;
			n->up_ended = n->up_told = true;
			return;
		}
		n->up_off += (size_t)w;
		n->up_len -= (size_t)w;
	}
	if (n->up_ended && n->up_len == 0 && !n->up_told) {
		ssh_channel_send_eof(n->channel);
		n->up_told = true;
	}
}

/*
 * Gives the peer room for twice what comes in a round trip, so that it can
 * become faster, if what came before has been passed on.
 */
static void widen(struct ssh_lane *n)
{
	int64_t now = io_now_ms(), took = now > n->widened_ms ? now - n->widened_ms : 1;
	uint64_t room = n->down_passed * 2 * (uint64_t)n->round_ms / (uint64_t)took;
	int got;

	if (n->is_behind || n->down_ended || n->down_passed < SSH_LANE_WIDEN)
		return;
	n->down_passed = 0;
	n->widened_ms = now;
	if (room > SSH_LANE_WINDOW)
		room = SSH_LANE_WINDOW;
	if (room < SSH_LANE_WIDEN)
		return;
	got = ssh_channel_read_timeout(n->channel, n->down, (uint32_t)room, 0, 0);
	if (got <= 0)
		return; /* what it may have failed with shows in the channel */
	n->is_behind = true;
	n->down_off = 0;
	n->down_len = (size_t)got;
}

static void move_down(struct ssh_lane *n)
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
			size_t done = put(n, n->down + n->down_off, n->down_len);

			n->down_off += done;
			n->down_len -= done;
			if (n->down_len > 0)
				return;
		}
	}
}

/* The channel's end becomes sock's, after the report says that a status may come. */
static void pass_end(struct ssh_lane *n)
{
	if (n->is_behind || n->down_ended || !ssh_channel_is_eof(n->channel))
		return;
	pthread_mutex_lock(&n->report->lock);
	n->report->ending++;
	pthread_mutex_unlock(&n->report->lock);
	n->down_ended = true;
	shutdown(n->sock, SHUT_WR);
}

/* Closes sock so that the other end reads all, and then an end and no error. */
static void close_sock(struct ssh_lane *n)
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
 * The peer closes its side when it has passed on all that we sent; to go away
 * before would lose what it has not.
 */
static void finish(struct ssh_lane *n)
{
	int rc = ssh_channel_close(n->channel);

	/* SSH_AGAIN may mean that the packet is not even queued yet */
	if (rc == SSH_ERROR || (rc == SSH_OK && n->is_closed_there))
		release(n);
}

int ssh_lane_step(struct ssh_lane *n, bool is_network_full)
{
	int rc = 0;

	if (n->state == SSH_LANE_OPENING || n->state == SSH_LANE_ASKING)
		rc = begin(n);
	if (n->state == SSH_LANE_OPEN) {
		widen(n);
		move_down(n);
		move_up(n, is_network_full);
		pass_end(n);
		if ((n->is_gone && n->up_told) ||
			(ssh_channel_is_closed(n->channel) && !n->is_behind))
			ssh_lane_drop(n);
	}
	if (n->state == SSH_LANE_CLOSING)
		finish(n);
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
	close_sock(n);
	if (never_opened)
		release(n);
	else
		n->state = SSH_LANE_CLOSING;
}

void ssh_lane_lose(struct ssh_lane *n)
{
	if (n->state == SSH_LANE_FREE)
		return;
	close_sock(n);
	release(n);
}
