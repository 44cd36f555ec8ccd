/*
 * guest_pauser: see guest_pauser.h.
 *
 * Before the guest is paused, has_paused is set, so that it goes on even if QEMU does not answer.
 */
#include "lib/host/guest_pauser.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/deadline.h"
#include "lib/base/io.h"
#include "lib/host/guest.h"

#define AGAIN_MS 1000 /* between two tries to let the guest go on */

struct pauser {
	struct guest guest;
	bool has_paused;			      /* the guest ran, and is to go on */
	enum { NOT_KNOWN, MUST_RESUME, GOES_ON } now; /* what was seen of it last */
	uint64_t began_us;
};

static uint64_t pauser_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* Sends a, with what is known.  The helper may have ended. */
static void pauser_answer(const struct pauser *p, struct guest_answer *a)
{
	a->is_paused = p->has_paused;
	a->is_lost = guest_is_lost(&p->guest);
	if (a->is_last && p->has_paused)
		a->paused_us = pauser_now_us() - p->began_us;
	send(GUEST_SOCKET, a, sizeof(*a), MSG_NOSIGNAL);
}

/* Pauses the guest if it runs.  0, or -1 recorded. */
static int pauser_pause(struct pauser *p)
{
	enum guest_state state;

	if (guest_state(&p->guest, &state) < 0)
		return -1;
	if (state != GUEST_RUNNING)
		return 0;
	guest_has_resumed(&p->guest); /* what was before does not count */
	p->has_paused = true;
	p->began_us = pauser_now_us();
	if (guest_stop(&p->guest) < 0 || guest_state(&p->guest, &state) < 0)
		return -1;
	if (state == GUEST_RUNNING)
		return err_set(ST_FAILED, "the guest runs although it was paused");
	return 0;
}

/* Waits until the helper wants the guest to go on, or has ended.  0, or -1 recorded. */
static int pauser_wait(void)
{
	struct pollfd p = { .fd = GUEST_SOCKET, .events = POLLIN };
	struct deadline limit;
	int wait, r;

	deadline_set(&limit, GUEST_PAUSED_MAX_S * 1000);
	while ((wait = deadline_wait(&limit)) > 0) {
		r = poll(&p, 1, wait);
		if (r > 0 || (r < 0 && errno != EINTR))
			return 0;
	}
	return err_set(
		ST_FAILED, "the guest was paused for %d s, and had to go on", GUEST_PAUSED_MAX_S);
}

/*
 * Sets p->now by the state.  If that cannot be found out, the guest may be paused; but not one that
 * is migrated meanwhile: it would run on two hosts.  0, or -1 recorded.
 */
static int pauser_look(struct pauser *p, enum guest_state *state)
{
	if (guest_state(&p->guest, state) == 0) {
		p->now = *state == GUEST_PAUSED ? MUST_RESUME : GOES_ON;
		return 0;
	}
	p->now = err_status() == ST_BUSY || err_status() == ST_ABSENT ? GOES_ON : MUST_RESUME;
	return -1;
}

/* Whether the guest, which was not to run, did not run.  0, or -1 recorded. */
static int pauser_check(struct pauser *p)
{
	enum guest_state state;

	if (pauser_look(p, &state) < 0)
		return -1;
	if (state != GUEST_RUNNING && !guest_has_resumed(&p->guest))
		return 0;
	p->now = GOES_ON; /* if it is paused again, somebody else has done that */
	return err_set(ST_FAILED, "another program let the guest go on meanwhile");
}

/* Lets the guest go on if it still has to.  0, or -1 recorded. */
static int pauser_resume(struct pauser *p)
{
	enum guest_state state;
	int r = 0;

	if (p->now == NOT_KNOWN)
		pauser_look(p, &state);
	if (p->now == MUST_RESUME)
		r = guest_continue(&p->guest);
	p->now = NOT_KNOWN;
	if (r == 0)
		err_clear();
	return r;
}

/* Tries again after pauser_resume() has failed. */
static void pauser_insist(struct pauser *p)
{
	int64_t until = io_now_ms() + GUEST_RESUME_S * 1000; /* no deadline: a try takes too long */

	while (!guest_is_lost(&p->guest) && io_now_ms() < until) {
		poll(NULL, 0, AGAIN_MS);
		if (pauser_resume(p) == 0)
			return;
	}
}

/* The end of both ways: if the guest was paused, it goes on.  Sends the recorded error. */
static int pauser_end(struct pauser *p)
{
	struct guest_answer a;
	int r = 0;

	memset(&a, 0, sizeof(a));
	a.is_last = true;
	err_take(&a.error);
	if (p->has_paused)
		r = pauser_resume(p);
	err_take(&a.stays);
	pauser_answer(p, &a);
	if (r < 0)
		pauser_insist(p);
	guest_close(&p->guest);
	return a.error.status == ST_OK && r == 0 ? 0 : -1;
}

static int pauser_hold(struct pauser *p)
{
	struct guest_answer a;
	int r = pauser_pause(p);

	memset(&a, 0, sizeof(a));
	err_take(&a.error);
	pauser_answer(p, &a);
	if (r == 0 && pauser_wait() == 0)
		pauser_check(p);
	else if (r < 0)
		err_put(&a.error);
	return pauser_end(p);
}

/* Lets a guest go on that another pauser has paused. */
static int pauser_release(struct pauser *p)
{
	p->has_paused = true;
	return pauser_end(p);
}

int guest_pauser_run(char **arg)
{
	static const int ignored[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGPIPE };
	struct pauser p;
	size_t i;
	int r = 0;

	for (i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		signal(ignored[i], SIG_IGN);
	memset(&p, 0, sizeof(p));
	if (!arg[0])
		return ST_USAGE;
	p.guest.domain = arg[1];
	if (!arg[1]) {
		io_set_cloexec(GUEST_MONITOR);
		r = guest_open(&p.guest, GUEST_MONITOR);
	}
	if (r < 0)
		r = pauser_end(&p);
	else
		r = strcmp(arg[0], "pause") == 0 ? pauser_hold(&p) : pauser_release(&p);
	return r < 0 ? ST_FAILED : ST_OK;
}
