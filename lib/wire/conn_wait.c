/*
 * conn_wait: what other threads than the heartbeat wait for: the end of the
 * connection, and the answer to a PAUSE; and what ends such a wait.
 *
 * From conn_suspend() to conn_resume() send_lock is held, because a BEAT that follows
 * the PAUSE would tell the peer that this process is running again.
 */
#include <errno.h>
#include <time.h>

#include "lib/base/deadline.h"
#include "lib/base/io.h"
#include "lib/wire/conn_state.h"

#define SETTLE_MS 1000

static struct timespec time_after(int ms)
{
	int64_t at = io_now_ms() + ms;

	return (struct timespec){ at / 1000, at % 1000 * 1000000 };
}

void conn_stop(struct conn *c)
{
	queue_stop(&c->inbox);
}

void conn_go_on(struct conn *c)
{
	queue_go_on(&c->inbox);
}

bool conn_drain(struct conn *c, int timeout_ms)
{
	struct deadline limit;
	struct timespec until;
	bool done;
	int wait;

	queue_stop(&c->inbox);
	pthread_mutex_lock(&c->lock);
	deadline_set(&limit, timeout_ms);
	while (!c->reading_done && (wait = deadline_wait(&limit)) > 0) {
		until = time_after(wait);
		pthread_cond_timedwait(&c->done, &c->lock, &until);
	}
	done = c->reading_done;
	pthread_mutex_unlock(&c->lock);
	return done;
}

void conn_settle(struct conn *c)
{
	struct timespec until = time_after(SETTLE_MS);

	pthread_mutex_lock(&c->lock);
	while (c->end == CONN_OPEN && !c->reading_done &&
		pthread_cond_timedwait(&c->done, &c->lock, &until) == 0)
		;
	pthread_mutex_unlock(&c->lock);
}

static bool lock_sending(struct conn *c)
{
	struct timespec until;
	bool locked;

	if (clock_gettime(CLOCK_REALTIME, &until) < 0)
		return false;
	until.tv_sec += CONN_SUSPEND_MS / 1000;
	if (pthread_mutex_timedlock(&c->turn, &until) != 0)
		return false;
	locked = pthread_mutex_timedlock(&c->send_lock, &until) == 0;
	pthread_mutex_unlock(&c->turn);
	return locked;
}

static void await_answer(struct conn *c)
{
	struct timespec until = time_after(CONN_SUSPEND_MS);

	pthread_mutex_lock(&c->lock);
	while (!c->pause_answered && c->end == CONN_OPEN && !c->reading_done &&
		pthread_cond_timedwait(&c->done, &c->lock, &until) == 0)
		;
	pthread_mutex_unlock(&c->lock);
}

void conn_suspend(struct conn *c)
{
	uint8_t frame[WIRE_HEADER + WIRE_PAUSE_SIZE];
	struct iovec iov = { frame, sizeof(frame) };

	c->suspended = lock_sending(c);
	if (!c->suspended)
		return;
	wire_header_put(frame, WIRE_PAUSE, WIRE_PAUSE_SIZE);
	put_be32(frame + WIRE_HEADER, WIRE_PAUSE_MAX_S);
	pthread_mutex_lock(&c->lock);
	c->pause_answered = false;
	pthread_mutex_unlock(&c->lock);
	if (!c->broken && c->out >= 0 &&
		conn_send_all(c, &iov, 1, io_now_ms() + CONN_SUSPEND_MS) == 0)
		await_answer(c);
}

void conn_resume(struct conn *c)
{
	if (c->suspended)
		pthread_mutex_unlock(&c->send_lock);
	c->suspended = false;
	conn_beat(c, 0);
}
