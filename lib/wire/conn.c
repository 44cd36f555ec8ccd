/*
 * conn: the state of a connection, and its sending half.
 *
 * conn_read.c is the thread that receives.  Both use the struct of conn_state.h:
 * lock guards `end` and `error`, send_lock guards the out descriptor, and the
 * inbox is a queue.  After a part of a frame the stream is useless, so `broken`
 * stops every later send.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "lib/base/io.h"
#include "lib/wire/conn_state.h"

#define SEND_ERROR_MS 2000 /* how long to wait until the peer takes our ERROR */

struct conn *conn_new(
	int in, int out, enum wire_side side, const struct conn_hooks *hooks, int silence_ms)
{
	struct conn *c = calloc(1, sizeof(*c));
	pthread_condattr_t monotonic;

	if (!c) {
		close(in);
		if (out != in)
			close(out);
		err_set(ST_FAILED, "out of memory");
		return NULL;
	}
	c->in = in;
	c->out = out;
	c->side = side;
	if (hooks)
		c->hooks = *hooks;
	c->silence_ms = silence_ms ? silence_ms : WIRE_SILENCE_MS;
	c->beat_ms = WIRE_BEAT_MS;
	if (c->silence_ms > 0 && c->silence_ms / 4 < WIRE_BEAT_MS)
		c->beat_ms = c->silence_ms / 4;
	c->wake = c->quit = -1;
	pthread_mutex_init(&c->lock, NULL);
	pthread_mutex_init(&c->turn, NULL);
	pthread_mutex_init(&c->send_lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&c->done, &monotonic);
	pthread_condattr_destroy(&monotonic);
	atomic_store(&c->sent_at, io_now_ms());
	if (queue_init(&c->inbox, CONN_INBOX) < 0)
		goto fail;
	c->wake = eventfd(0, EFD_CLOEXEC);
	c->quit = eventfd(0, EFD_CLOEXEC);
	if (c->wake < 0 || c->quit < 0 || io_set_nonblock(in, 1) < 0 ||
		io_set_nonblock(out, 1) < 0) {
		err_sys("cannot set up the connection");
		goto fail;
	}
	io_widen_pipe(in); /* sshd gives us pipes */
	io_widen_pipe(out);
	if (conn_read_start(c) < 0)
		goto fail;
	return c;
fail:
	conn_close(c);
	return NULL;
}

/* Ends the thread, and frees c, but not its descriptors. */
static void conn_free(struct conn *c)
{
	struct frame *f;
	uint64_t one = 1;

	if (c->started) {
		atomic_store(&c->closing, true);
		if (write(c->quit, &one, sizeof(one)) < 0)
			abort(); /* an eventfd that holds less than its maximum cannot fail */
		queue_stop(&c->inbox);
		pthread_join(c->thread, NULL);
	}
	while (c->inbox.cap && (f = queue_try_get(&c->inbox)))
		conn_frame_free(f);
	while ((f = c->spare)) {
		c->spare = f->next;
		conn_frame_free(f);
	}
	queue_fini(&c->inbox);
	if (c->wake >= 0)
		close(c->wake);
	if (c->quit >= 0)
		close(c->quit);
	pthread_cond_destroy(&c->done);
	pthread_mutex_destroy(&c->lock);
	pthread_mutex_destroy(&c->send_lock);
	pthread_mutex_destroy(&c->turn);
	free(c);
}

void conn_close(struct conn *c)
{
	int in, out;

	if (!c)
		return;
	in = c->in;
	out = c->out;
	conn_free(c);
	close(in);
	if (out != in && out >= 0)
		close(out);
}

void conn_detach(struct conn *c, int *in, int *out)
{
	*in = c->in;
	*out = c->out;
	conn_free(c);
}

void conn_fail(struct conn *c, enum conn_end end, const struct err *e)
{
	uint64_t one = 1;
	bool first;

	pthread_mutex_lock(&c->lock);
	first = c->end == CONN_OPEN;
	if (first)
		c->error = *e;
	if (end > c->end)
		c->end = end;
	pthread_cond_broadcast(&c->done);
	pthread_mutex_unlock(&c->lock);
	if (write(c->wake, &one, sizeof(one)) < 0)
		abort();
	queue_end(&c->inbox);
	if (first && c->hooks.ended)
		c->hooks.ended(c->hooks.arg);
}

bool conn_failed(struct conn *c, struct err *e)
{
	bool failed;

	pthread_mutex_lock(&c->lock);
	failed = c->end != CONN_OPEN;
	if (failed && e)
		*e = c->error;
	pthread_mutex_unlock(&c->lock);
	return failed;
}

bool conn_is_lost(struct conn *c)
{
	bool lost;

	pthread_mutex_lock(&c->lock);
	lost = c->end == CONN_LOST;
	pthread_mutex_unlock(&c->lock);
	return lost;
}

/* Records why nothing more can be sent.  Returns -1. */
static int conn_give_up(struct conn *c)
{
	struct err e;

	/* A peer that only closed left no error, but now it is one. */
	if (!conn_failed(c, &e) || e.status == ST_OK)
		return err_set(ST_PEER, "the connection is closed");
	err_put(&e);
	return -1;
}

/* Waits until out takes bytes.  deadline 0: until the connection fails. */
static int wait_writable(struct conn *c, int64_t deadline)
{
	struct pollfd p[2] = { { c->out, POLLOUT, 0 }, { c->wake, POLLIN, 0 } };
	int64_t left = -1;

	for (;;) {
		if (deadline) {
			left = deadline - io_now_ms();
			if (left <= 0)
				return -1;
		}
		if (poll(p, deadline ? 1 : 2, (int)left) < 0) {
			if (errno == EINTR)
				continue;
			return -1;
		}
		if (!deadline && p[1].revents)
			return -1;
		if (p[0].revents)
			return 0;
	}
}

int conn_send_all(struct conn *c, struct iovec *iov, int count, int64_t deadline)
{
	bool begun = false;
	ssize_t n;

	while (count) {
		n = writev(c->out, iov, count);
		if (n < 0) {
			if (errno == EINTR)
				continue;
			if (errno == EAGAIN && wait_writable(c, deadline) == 0)
				continue;
			c->broken = c->broken || begun || errno != EAGAIN;
			return -1;
		}
		begun = true;
		atomic_fetch_add(&c->bytes, (uint64_t)n);
		while (count && (size_t)n >= iov->iov_len) {
			n -= (ssize_t)iov->iov_len;
			iov++;
			count--;
		}
		if (count) {
			iov->iov_base = (char *)iov->iov_base + n;
			iov->iov_len -= (size_t)n;
		}
	}
	atomic_store(&c->sent_at, io_now_ms());
	return 0;
}

static int send_frame(
	struct conn *c, enum wire_type type, struct iovec *iov, int count, int64_t deadline)
{
	uint8_t head[WIRE_HEADER];
	size_t len = 0;
	int i, r = -1;

	for (i = 1; i < count; i++)
		len += iov[i].iov_len;
	wire_header_put(head, type, (uint32_t)len);
	iov[0].iov_base = head;
	iov[0].iov_len = sizeof(head);
	pthread_mutex_lock(&c->turn);
	pthread_mutex_lock(&c->send_lock);
	pthread_mutex_unlock(&c->turn);
	if (!c->broken && c->out >= 0 && (deadline || !conn_failed(c, NULL)))
		r = conn_send_all(c, iov, count, deadline);
	pthread_mutex_unlock(&c->send_lock);
	if (r == 0)
		return 0;
	/* A peer that failed says why before it closes: its ERROR may be on the way. */
	if (!deadline)
		conn_settle(c);
	return conn_give_up(c);
}

int conn_send(struct conn *c, enum wire_type type, const void *payload, size_t len)
{
	struct iovec iov[2];

	iov[1].iov_base = (void *)(uintptr_t)payload;
	iov[1].iov_len = len;
	return send_frame(c, type, iov, 2, 0);
}

int conn_send_block(struct conn *c, const struct block *b)
{
	uint8_t head[WIRE_DATA_HEADER];
	struct iovec iov[3];

	iov[1].iov_base = head;
	if (b->kind == BLOCK_HOLE) {
		wire_hole_put(head, b);
		iov[1].iov_len = WIRE_HOLE_SIZE;
		return send_frame(c, WIRE_HOLE, iov, 2, 0);
	}
	wire_data_put(head, b);
	iov[1].iov_len = WIRE_DATA_HEADER;
	iov[2].iov_base = (void *)(uintptr_t)block_coded(b);
	iov[2].iov_len = b->coded_len;
	return send_frame(c, WIRE_DATA, iov, 3, 0);
}

static int send_err(struct conn *c, enum wire_type type, const struct err *e, int64_t deadline)
{
	struct buf b = BUF_INIT;
	struct iovec iov[2];
	int r;

	wire_error_put(&b, e);
	r = buf_failed(&b);
	iov[1].iov_base = b.data;
	iov[1].iov_len = b.len;
	if (r == 0)
		r = send_frame(c, type, iov, 2, deadline);
	buf_fini(&b);
	return r;
}

int conn_send_failed(struct conn *c, const struct err *e)
{
	return send_err(c, WIRE_FAILED, e, 0);
}

int conn_send_error(struct conn *c, const struct err *e)
{
	return send_err(c, WIRE_ERROR, e, io_now_ms() + SEND_ERROR_MS);
}

bool conn_beat(struct conn *c, uint32_t pause_s)
{
	uint8_t frame[WIRE_HEADER + WIRE_PAUSE_SIZE];
	struct iovec iov = { frame, WIRE_HEADER };
	struct pollfd p = { c->out, POLLOUT, 0 };
	bool sent = false;

	/* A thread that holds the lock is sending; a peer reads a full pipe before it
	 * counts silence.  Each is a sign of life by itself. */
	if (pthread_mutex_trylock(&c->send_lock) != 0)
		return false;
	wire_header_put(frame, WIRE_BEAT, 0);
	if (pause_s) {
		wire_header_put(frame, WIRE_PAUSE, WIRE_PAUSE_SIZE);
		put_be32(frame + WIRE_HEADER, pause_s);
		iov.iov_len = sizeof(frame);
	}
	if (!c->broken && c->out >= 0 && poll(&p, 1, 0) == 1 && p.revents == POLLOUT)
		sent = conn_send_all(c, &iov, 1, io_now_ms() + 1) == 0;
	pthread_mutex_unlock(&c->send_lock);
	return sent;
}

int conn_recv(struct conn *c, struct frame **out)
{
	void *item;
	struct err e;

	*out = NULL;
	switch (queue_get(&c->inbox, &item)) {
	case 1:
		*out = item;
		return 1;
	case 0:
		if (!conn_failed(c, &e) || (e.status == ST_OK))
			return 0;
		err_put(&e);
		return -1;
	default:
		return err_set(ST_FAILED, "stopped");
	}
}

int conn_expect(struct conn *c, enum wire_type type, struct frame **out)
{
	struct frame *f;
	int r = conn_recv(c, &f);

	if (r < 0)
		return -1;
	if (r == 0)
		return err_set(ST_PEER, "the helper ended before it sent %s", wire_name(type));
	if (f->type != type) {
		err_set(ST_PEER, "protocol error: %s where %s is due", wire_name(f->type),
			wire_name(type));
		conn_release(c, f);
		return -1;
	}
	*out = f;
	return 0;
}

void conn_finish(struct conn *c)
{
	pthread_mutex_lock(&c->send_lock);
	c->broken = true;
	if (shutdown(c->out, SHUT_WR) < 0 && c->out != c->in && c->out >= 0) {
		close(c->out);
		c->out = -1;
	}
	pthread_mutex_unlock(&c->send_lock);
}

uint64_t conn_bytes(struct conn *c)
{
	return atomic_load(&c->bytes);
}
