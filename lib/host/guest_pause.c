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
	struct spawn spawn = { .argv = argv, .envp = environ, .keep = -1, .own_session = true };
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	const int from[SPAWN_SLOTS] = { theirs, null, null, monitor };

	if (null < 0)
		return err_sys("cannot open '/dev/null'");
	snprintf(spawn.path, sizeof(spawn.path), "%s", p->program ? p->program : SELF);
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

/* Records that the guest does not go on, if it does not, as a warning. */
static void pause_warn(const struct guest_pause *p, const struct err *why)
{
	if (why->status == ST_OK)
		return;
	err_put(why);
	pause_blame(p);
	log_warn("warning: the guest may still be paused: %s", err_text());
}

/* Lets the guest go on by another process, as the first one could not. */
static void pause_recover(struct guest_pause *p)
{
	struct guest_answer a;

	pause_leave(p, END_MS);
	if (!p->was_running)
		return;
	memset(&a, 0, sizeof(a));
	if (pause_start(p, "resume") < 0)
		err_take(&a.stays);
	else if (pause_hear(p, false, &a) != 1)
		a.stays = (struct err){ .status = ST_FAILED, .text = "the process was killed" };
	else if (a.error.status != ST_OK)
		a.stays = a.error;
	pause_leave(p, a.stays.status == ST_OK ? END_MS : 0);
	if (a.stays.status != ST_ABSENT) /* else QEMU has ended */
		pause_warn(p, &a.stays);
}

/* Hears until the last answer, which a may be already.  0, or -1 recorded. */
static int pause_finish(struct guest_pause *p, struct guest_answer a)
{
	int r = 1;

	while (r == 1 && !a.is_last)
		r = pause_hear(p, false, &a);
	p->paused_us = a.paused_us;
	if (r == 0 || (a.is_lost && a.is_paused)) {
		pause_recover(p);
	} else {
		pause_leave(p, a.stays.status == ST_OK ? END_MS : 0);
		pause_warn(p, &a.stays);
	}
	if (r == 0)
		a.error = (struct err){ .status = ST_FAILED,
			.text = "the process that pauses the guest was killed, or did not answer" };
	else if (a.error.status == ST_OK)
		a.error = a.stays;
	err_put(&a.error);
	return a.error.status == ST_OK ? 0 : pause_blame(p);
}

int guest_pause_begin(struct guest_pause *p)
{
	struct guest_answer a;
	struct err e;
	int r;

	if (!p->socket && !p->domain)
		return 0;
	if (pause_start(p, "pause") < 0) {
		pause_leave(p, 0);
		return pause_blame(p);
	}
	memset(&a, 0, sizeof(a));
	r = pause_hear(p, true, &a);
	if (r > 0 && a.error.status == ST_OK) {
		p->has_paused = a.is_paused;
		if (!a.is_paused)
			log_note("the guest did not run before, and is not resumed");
		return 0;
	}
	err_take(&e);
	if (r > 0)
		e = a.error;
	shutdown(p->channel, SHUT_WR); /* if the job is cancelled, the guest is to go on */
	if (pause_finish(p, a) == 0 || r < 0)
		err_put(&e);
	return -1;
}

int guest_pause_end(struct guest_pause *p)
{
	const struct guest_answer none = { .is_last = false };
	struct err before;
	int r;

	if (p->pid <= 0)
		return 0;
	err_take(&before);
	shutdown(p->channel, SHUT_WR);
	r = pause_finish(p, none);
	if (r == 0 && p->has_paused)
		pause_tell(p->paused_us);
	if (before.status == ST_OK)
		return r;
	if (r < 0)
		log_warn("warning: %s", err_text());
	err_put(&before);
	return r;
}
