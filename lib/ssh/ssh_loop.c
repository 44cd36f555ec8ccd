/*
 * libssh writes with blocking send() calls.  While the peer's window is open, they
 * take little time; if the link is dead, ssh_pump_stop() shuts the socket down.  The
 * event contains the session but not our descriptors, because libssh polls the event
 * inside many of its functions.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "lib/base/io.h"
#include "lib/base/text.h"
#include "lib/ssh/ssh_loop.h"

#define READS_MAX 64	  /* reads from the network, of 4 KiB each, before the lanes are served */
#define STOP_GRACE_MS 500 /* time to send the remaining data */

static void loop_lock(struct ssh_loop *p)
{
	pthread_mutex_lock(&p->report.lock);
}

static void loop_unlock(struct ssh_loop *p)
{
	pthread_mutex_unlock(&p->report.lock);
}

void ssh_loop_wake(struct ssh_loop *p)
{
	const uint64_t one = 1;

	io_write(p->wake, &one, sizeof(one));
}

/* Answers a request, which must not be used afterwards. */
static void answer_request(
	struct ssh_loop *p, struct ssh_loop_request *r, int state, const char *why)
{
	loop_lock(p);
	r->state = state;
	text_safe(why, r->why, sizeof(r->why));
	pthread_cond_broadcast(&p->report.changed);
	loop_unlock(p);
}

/* Answers the request that lane i works on, if any, with a failure. */
static void refuse_request(struct ssh_loop *p, int i, const char *why)
{
	struct ssh_loop_request *r = p->waiting[i];

	if (!r)
		return;
	p->waiting[i] = NULL;
	answer_request(p, r, SSH_LOOP_FAILED, why);
}

/* Decrements the number of commands, after a lane has become free. */
static void end_command(struct ssh_loop *p)
{
	loop_lock(p);
	p->commands--;
	pthread_cond_broadcast(&p->report.changed);
	loop_unlock(p);
}

/* Records why the connection was lost, and ends all lanes and requests. */
static void lose_connection(struct ssh_loop *p)
{
	const char *reason = ssh_get_error(p->l->session);
	int i;

	if (!reason || !*reason || strstr(reason, "disconnected"))
		reason = "connection closed by remote host";
	loop_lock(p);
	text_safe(reason, p->why, sizeof(p->why));
	p->is_lost = true;
	loop_unlock(p);
	for (i = 0; i < SSH_LOOP_LANES; i++) {
		refuse_request(p, i, p->why);
		if (p->lane[i].state != SSH_LANE_FREE) {
			ssh_lane_lose(&p->lane[i]);
			end_command(p);
		}
	}
}

static struct ssh_loop_request *next_request(struct ssh_loop *p)
{
	struct ssh_loop_request *r = NULL;
	int i;

	loop_lock(p);
	for (i = 0; i < SSH_LOOP_LANES && !r; i++)
		if (p->request[i]) {
			r = p->request[i];
			p->request[i] = NULL;
			r->state = SSH_LOOP_TAKEN;
		}
	loop_unlock(p);
	return r;
}

static void take_requests(struct ssh_loop *p)
{
	struct ssh_loop_request *r;
	int i;

	while ((r = next_request(p))) {
		for (i = 0; i < SSH_LOOP_LANES && p->lane[i].state != SSH_LANE_FREE; i++)
			;
		if (p->is_lost || i == SSH_LOOP_LANES || p->is_cancelled ||
			ssh_lane_start(
				&p->lane[i], p->l->session, r->command, r->sock, &p->report) < 0) {
			close(r->sock);
			end_command(p);
			answer_request(p, r, SSH_LOOP_FAILED,
				p->is_lost	  ? p->why
				: p->is_cancelled ? "interrupted"
						  : "out of memory");
			continue;
		}
		p->waiting[i] = r;
		deadline_set(&p->deadline[i], (int64_t)p->l->timeout_s * 1000);
	}
}

static void step_lane(struct ssh_loop *p, int i, bool is_network_full)
{
	struct ssh_lane *n = &p->lane[i];
	struct ssh_loop_request *r = p->waiting[i];
	int rc;

	if (n->state == SSH_LANE_FREE)
		return;
	rc = ssh_lane_step(n, is_network_full);
	if (rc > 0) {
		p->waiting[i] = NULL;
		answer_request(p, r, SSH_LOOP_RUNS, "");
	} else if (rc < 0) {
		refuse_request(p, i, ssh_get_error(p->l->session));
		ssh_lane_drop(n);
	} else if (r && (p->is_cancelled || deadline_wait(&p->deadline[i]) == 0)) {
		refuse_request(p, i, p->is_cancelled ? "interrupted" : "timed out");
		ssh_lane_drop(n);
	}
	if (n->state == SSH_LANE_FREE)
		end_command(p);
}

static bool network_is_full(const struct ssh_loop *p)
{
	return ssh_get_status(p->l->session) & SSH_WRITE_PENDING;
}

static void step_network(struct ssh_loop *p)
{
	int i, rc;

	for (i = 0; i < READS_MAX; i++) {
		rc = ssh_event_dopoll(p->event, 0);
		if (rc == SSH_ERROR || !ssh_is_connected(p->l->session)) {
			lose_connection(p);
			return;
		}
		if (rc == SSH_AGAIN)
			return;
	}
}

/* Whether a lane still sends data of a socket that has been closed. */
static bool is_closing(const struct ssh_loop *p)
{
	int i;

	for (i = 0; i < SSH_LOOP_LANES; i++)
		if (p->lane[i].state == SSH_LANE_CLOSING ||
			(p->lane[i].state == SSH_LANE_OPEN && p->lane[i].is_gone))
			return true;
	return false;
}

/* The time-out for poll() in milliseconds; -1: none. */
static int poll_timeout(const struct ssh_loop *p)
{
	int64_t left = p->stop_at ? p->stop_at - io_now_ms() : -1, other;
	int i;

	if (p->stop_at && (left < 0 || !is_closing(p)))
		return 0;
	for (i = 0; i < SSH_LOOP_LANES; i++) {
		other = p->waiting[i] ? deadline_left(&p->deadline[i]) : -1;
		if (other >= 0 && (left < 0 || other < left))
			left = other < DEADLINE_TICK_MS ? other : DEADLINE_TICK_MS;
	}
	return (int)left;
}

/* Whether to continue.  After a stop there is at least one more round, to notice closed sockets. */
static bool should_continue(struct ssh_loop *p)
{
	bool stop;

	loop_lock(p);
	stop = p->is_stopping;
	loop_unlock(p);
	if (!stop || p->stop_at)
		return !stop || (!p->is_lost && is_closing(p) && io_now_ms() < p->stop_at);
	p->stop_at = io_now_ms() + STOP_GRACE_MS;
	return true;
}

static void poll_all(struct ssh_loop *p)
{
	struct pollfd f[SSH_LOOP_LANES + 3];
	bool full = !p->is_lost && network_is_full(p);
	uint64_t count;
	int i;

	f[0] = (struct pollfd){ .fd = p->is_lost ? -1 : p->l->fd, .events = POLLIN };
	if (!p->is_lost && (ssh_get_poll_flags(p->l->session) & SSH_WRITE_PENDING))
		f[0].events |= POLLOUT;
	f[1] = (struct pollfd){ .fd = p->wake, .events = POLLIN };
	f[2] = (struct pollfd){ .fd = p->is_cancelled ? -1 : cancel_fd(), .events = POLLIN };
	for (i = 0; i < SSH_LOOP_LANES; i++)
		f[3 + i].fd = ssh_lane_poll(&p->lane[i], full, &f[3 + i].events);
	if (poll(f, SSH_LOOP_LANES + 3, poll_timeout(p)) < 0)
		return;
	if (f[1].revents && read(p->wake, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return;
	p->is_cancelled = p->is_cancelled || f[2].revents;
	for (i = 0; i < SSH_LOOP_LANES; i++)
		if (f[3 + i].fd >= 0)
			ssh_lane_polled(&p->lane[i], f[3 + i].revents);
	if (f[0].revents)
		step_network(p);
}

void *ssh_loop_run(void *arg)
{
	struct ssh_loop *p = arg;
	int i;

	while (should_continue(p)) {
		take_requests(p);
		for (i = 0; i < SSH_LOOP_LANES && !p->is_lost; i++)
			step_lane(p, i, network_is_full(p));
		if (!p->is_lost && !ssh_is_connected(p->l->session))
			lose_connection(p);
		poll_all(p);
	}
	take_requests(p); /* requests that have just arrived are refused below */
	for (i = 0; i < SSH_LOOP_LANES; i++) {
		refuse_request(p, i, "the connection is being closed");
		ssh_lane_lose(&p->lane[i]);
	}
	loop_lock(p);
	p->has_finished = true;
	pthread_cond_broadcast(&p->report.changed);
	loop_unlock(p);
	return NULL;
}

int ssh_loop_init(struct ssh_loop *p, struct ssh_link *l)
{
	int rc = ssh_lane_report_init(&p->report);

	p->l = l;
	p->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->wake < 0)
		return errno;
	p->event = ssh_event_new();
	if (rc != 0 || !p->event || ssh_event_add_session(p->event, l->session) != SSH_OK)
		return ENOMEM;
	return 0;
}

void ssh_loop_fini(struct ssh_loop *p)
{
	if (p->event) {
		ssh_event_remove_session(p->event, p->l->session);
		ssh_event_free(p->event);
	}
	if (p->wake >= 0)
		close(p->wake);
	ssh_lane_report_fini(&p->report);
}
