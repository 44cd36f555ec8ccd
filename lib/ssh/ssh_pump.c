/*
 * The socket pair of a command is made here, in the caller's thread; the pump's
 * thread does the rest (ssh_loop.c).
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/ssh/ssh_loop.h"
#include "lib/ssh/ssh_pump.h"

#define STOP_MAX_MS 1000 /* until the socket is shut down */
#define SOCKET_BUFFER (1 << 20)
#define FREE_LANE_MS 1000 /* for a lane to become free after its socket was closed */
#define STATUS_MS 2000	  /* for an exit status to arrive after the output has ended */

struct ssh_pump {
	struct ssh_loop loop;
	pthread_t thread;
};

static void pump_lock(struct ssh_loop *p)
{
	pthread_mutex_lock(&p->report.lock);
}

static void pump_unlock(struct ssh_loop *p)
{
	pthread_mutex_unlock(&p->report.lock);
}

/* Waits for a change; false at the time until_ms.  Call with the lock held. */
static bool wait_until(struct ssh_loop *p, int64_t until_ms)
{
	struct timespec t = { until_ms / 1000, until_ms % 1000 * 1000000 };

	return pthread_cond_timedwait(&p->report.changed, &p->report.lock, &t) == 0;
}

struct ssh_pump *ssh_pump_start(struct ssh_link *l)
{
	struct ssh_pump *p = calloc(1, sizeof(*p));
	sigset_t all, old;
	int rc;

	if (!p) {
		err_set(ST_FAILED, "out of memory");
		return NULL;
	}
	rc = ssh_loop_init(&p->loop, l);
	if (rc == 0) {
		sigfillset(&all);
		pthread_sigmask(SIG_SETMASK, &all, &old);
		rc = pthread_create(&p->thread, NULL, ssh_loop_run, &p->loop);
		pthread_sigmask(SIG_SETMASK, &old, NULL);
	}
	if (rc == 0)
		return p;
	ssh_loop_fini(&p->loop);
	free(p);
	err_set(ST_FAILED, "cannot start a thread for the connection: %s", strerror(rc));
	return NULL;
}

/* Queues r and waits for its answer; false if too many commands run. */
static bool pump_request(struct ssh_pump *p, struct ssh_loop_request *r)
{
	int64_t until = io_now_ms() + FREE_LANE_MS;
	int i;

	pump_lock(&p->loop);
	while (p->loop.commands == SSH_LOOP_LANES && wait_until(&p->loop, until))
		;
	if (p->loop.commands == SSH_LOOP_LANES) {
		pump_unlock(&p->loop);
		close(r->sock);
		return false;
	}
	p->loop.commands++;
	for (i = 0; p->loop.request[i]; i++)
		;
	p->loop.request[i] = r;
	pump_unlock(&p->loop);
	ssh_loop_wake(&p->loop);
	pump_lock(&p->loop);
	while (r->state == SSH_LOOP_ASKED || r->state == SSH_LOOP_TAKEN)
		pthread_cond_wait(&p->loop.report.changed, &p->loop.report.lock);
	pump_unlock(&p->loop);
	return true;
}

int ssh_pump_exec(struct ssh_pump *p, const char *command)
{
	struct ssh_loop_request r = { .command = command };
	int pair[2], size = SOCKET_BUFFER, i;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(ST_PEER, "cannot run a command on %s: %s", p->loop.l->where,
			strerror(errno));
	for (i = 0; i < 2; i++)
		setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	r.sock = pair[1];
	if (!pump_request(p, &r)) {
		r.state = SSH_LOOP_FAILED;
		snprintf(r.why, sizeof(r.why), "%d commands are running already", SSH_LOOP_LANES);
	}
	if (r.state == SSH_LOOP_RUNS)
		return pair[0];
	close(pair[0]);
	return err_set(ST_PEER, "cannot run a command on %s: %s", p->loop.l->where, r.why);
}

int ssh_pump_exit_status(struct ssh_pump *p)
{
	int64_t until = io_now_ms() + STATUS_MS;
	int status;

	pump_lock(&p->loop);
	while (p->loop.report.ending > 0 && wait_until(&p->loop, until))
		;
	status = p->loop.report.exit_status;
	pump_unlock(&p->loop);
	return status;
}

const char *ssh_pump_lost_why(struct ssh_pump *p)
{
	const char *why;

	pump_lock(&p->loop);
	why = p->loop.is_lost ? p->loop.why : "";
	pump_unlock(&p->loop);
	return why;
}

uint64_t ssh_pump_bytes(struct ssh_pump *p)
{
	return atomic_load(&p->loop.report.passed);
}

int64_t ssh_pump_round_ms(struct ssh_pump *p)
{
	return atomic_load(&p->loop.report.round_ms);
}

char *ssh_pump_stderr(struct ssh_pump *p)
{
	char *text = malloc(SSH_LANE_TAIL + 1);
	uint64_t at, to;
	size_t n = 0;

	if (!text)
		return NULL;
	pump_lock(&p->loop);
	to = p->loop.report.tail_total;
	for (at = to > SSH_LANE_TAIL ? to - SSH_LANE_TAIL : 0; at < to; at++)
		if (p->loop.report.tail[at % SSH_LANE_TAIL])
			text[n++] = p->loop.report.tail[at % SSH_LANE_TAIL];
	pump_unlock(&p->loop);
	text[n] = '\0';
	return text;
}

void ssh_pump_stop(struct ssh_pump *p)
{
	int64_t until = io_now_ms() + STOP_MAX_MS;

	if (!p)
		return;
	pump_lock(&p->loop);
	p->loop.is_stopping = true;
	pump_unlock(&p->loop);
	ssh_loop_wake(&p->loop);
	pump_lock(&p->loop);
	while (!p->loop.has_finished && wait_until(&p->loop, until))
		;
	if (!p->loop.has_finished)
		shutdown(p->loop.l->fd, SHUT_RDWR); /* it blocks in a write to a dead link */
	pump_unlock(&p->loop);
	pthread_join(p->thread, NULL);
	ssh_loop_fini(&p->loop);
	free(p);
}
