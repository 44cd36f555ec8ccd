/*
 * guest_pause: the helper's side of guest_pauser.
 */
#include "lib/host/guest_pause.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "lib/base/child.h"
#include "lib/base/deadline.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/base/spawn.h"
#include "lib/host/guest.h"
#include "lib/host/guest_pauser.h"

#define SELF "/proc/self/exe"
#define END_MS 5000 /* what the process has to end after its last answer */

/* Puts the guest before the recorded error.  Returns -1. */
static int pause_blame(const struct guest_pause *p)
{
	return p->socket ? err_wrap("QMP socket '%s'", p->socket)
			 : err_wrap("guest '%s'", p->domain);
}

int guest_pause_check(struct guest_pause *p)
{
	struct guest g = { .domain = p->domain };
	enum guest_state state;
	int fd, r = 0;

	if (!p->socket && !p->domain)
		return 0;
	if (p->socket) {
		fd = qmp_connect(p->policy, p->socket, p->owner);
		r = fd < 0 ? -1 : guest_open(&g, fd);
	}
	if (r == 0)
		r = guest_state(&g, &state);
	guest_close(&g);
	if (r < 0)
		return pause_blame(p);
	p->was_running = state == GUEST_RUNNING;
	return 0;
}

/* The environment of the process is that of this one.  0, or -1 recorded. */
static int pause_spawn(struct guest_pause *p, const char *what, int theirs, int monitor)
{
	const char *argv[] = { "img-helper", "--guest", what, p->domain, NULL };
	struct spawn spawn = {
		.path = SELF, .argv = argv, .envp = environ, .keep = -1, .own_session = true
	};
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	const int from[SPAWN_SLOTS] = { theirs, null, null, monitor };

	if (null < 0)
		return err_sys("cannot open '/dev/null'");
	p->pid = spawn_start(&spawn, from);
	close(null);
	return p->pid < 0 ? -1 : 0;
}

/* Starts the process.  0, or -1 recorded. */
static int pause_start(struct guest_pause *p, const char *what)
{
	int pair[2] = { -1, -1 }, monitor = -1, r = -1;

	p->pid = -1;
	p->channel = -1;
	if (p->socket && (monitor = qmp_connect(p->policy, p->socket, p->owner)) < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		err_sys("cannot create a socket");
	else
		r = pause_spawn(p, what, pair[1], monitor);
	if (pair[1] >= 0)
		close(pair[1]);
	if (monitor >= 0)
		close(monitor); /* so that QEMU serves the next client when the process ends */
	p->channel = pair[0];
	return r;
}

/* Ends the connection; the process then ends by itself. */
static void pause_leave(struct guest_pause *p, int wait_ms)
{
	struct err e;
	int status;

	err_take(&e);
	if (p->channel >= 0)
		close(p->channel);
	p->channel = -1;
	if (p->pid > 0)
		child_wait(p->pid, wait_ms, &status);
	p->pid = 0;
	err_put(&e);
}

static void pause_tell(uint64_t us)
{
	if (us < 10000000)
		log_note("the guest was paused for %.*f ms", us < 10000, (double)us / 1000);
	else
		log_note("the guest was paused for %.1f s", (double)us / 1000000);
}

/*
 * Waits for the next answer.  1; 0: the process has ended, or does not answer, and is killed; -1
 * recorded: cancelled.
 */
static int pause_hear(struct guest_pause *p, bool until_cancelled, struct guest_answer *a)
{
	struct pollfd f[2] = { { .fd = p->channel, .events = POLLIN },
		{ .fd = until_cancelled ? cancel_fd() : -1, .events = POLLIN } };
	struct deadline limit;
	ssize_t n = -1;
	int wait;

	deadline_set(&limit, GUEST_PAUSE_LIMIT_MS);
	while (n < 0 && (wait = deadline_wait(&limit)) > 0) {
		if (poll(f, 2, wait) < 0)
			continue;
		if (f[1].revents)
			return err_set(ST_FAILED, "interrupted");
		if (f[0].revents)
			n = recv(p->channel, a, sizeof(*a), 0);
		if (f[0].revents && n < 0 && errno != EINTR)
			break;
	}
	if (n == (ssize_t)sizeof(*a))
		return 1;
	kill(p->pid, SIGKILL);
	return 0;
}

/* Lets the guest go on after the process was killed.  Records in any case that it was. */
static int pause_recover(struct guest_pause *p)
{
	struct guest_answer a;
	int r = 0;

	pause_leave(p, END_MS);
	if (p->was_running) {
		r = pause_start(p, "resume");
		if (r == 0 && pause_hear(p, false, &a) != 1)
			r = err_set(ST_FAILED, "the process that lets it go on was killed");
		else if (r == 0 && a.error.status != ST_OK) {
			err_put(&a.error);
			r = -1;
		}
		pause_leave(p, r == 0 ? END_MS : 0);
	}
	if (r < 0) {
		pause_blame(p);
		log_warn("warning: the guest may still be paused: %s", err_text());
	}
	err_set(ST_FAILED, "the process that pauses the guest was killed, or did not answer");
	return pause_blame(p);
}

/* Hears until the last answer.  0, or -1 recorded. */
static int pause_finish(struct guest_pause *p, struct guest_answer *a)
{
	int r;

	do {
		r = pause_hear(p, false, a);
		if (r == 0)
			return pause_recover(p);
	} while (!a->is_last);
	p->paused_us = a->paused_us;
	pause_leave(p, a->goes_on ? END_MS : 0);
	if (a->error.status == ST_OK)
		return 0;
	err_put(&a->error);
	pause_blame(p);
	if (!a->goes_on && a->is_paused)
		log_warn("warning: the guest may still be paused: %s", err_text());
	return -1;
}

/* After guest_pause_begin() has failed: lets the guest go on, and keeps the recorded error. */
static int pause_give_up(struct guest_pause *p)
{
	struct guest_answer a;
	struct err e;

	err_take(&e);
	pause_finish(p, &a);
	err_put(&e);
	return pause_blame(p);
}

int guest_pause_begin(struct guest_pause *p)
{
	struct guest_answer a;
	int r;

	if (!p->socket && !p->domain)
		return 0;
	if (pause_start(p, "pause") < 0) {
		pause_leave(p, 0);
		return pause_blame(p);
	}
	r = pause_hear(p, true, &a);
	if (r == 0)
		return pause_recover(p);
	if (r > 0 && a.error.status == ST_OK) {
		p->has_paused = a.is_paused;
		if (!a.is_paused)
			log_note("the guest did not run before, and is not resumed");
		return 0;
	}
	if (r > 0)
		err_put(&a.error);
	if (r > 0 && a.is_last) {
		pause_leave(p, END_MS);
		return pause_blame(p);
	}
	shutdown(p->channel, SHUT_WR); /* the guest is to go on */
	return pause_give_up(p);
}

int guest_pause_end(struct guest_pause *p)
{
	struct guest_answer a;
	struct err e;
	int r;

	if (p->pid <= 0)
		return 0;
	err_take(&e);
	shutdown(p->channel, SHUT_WR);
	r = pause_finish(p, &a);
	if (r == 0 && p->has_paused)
		pause_tell(p->paused_us);
	if (e.status == ST_OK)
		return r;
	if (r < 0)
		log_warn("warning: %s", err_text());
	err_put(&e);
	return r;
}
