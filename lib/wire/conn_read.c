/*
 * conn_read: the heartbeat thread, which is also the only reader.
 *
 * It fills one frame at a time, directly into the block that the flow will use,
 * and puts it into the inbox.  While the inbox is full it does not read, so the
 * channel slows the peer down.  It then still notices a hang-up and sends BEATs,
 * but it does not count silence, because it is this side that does not read.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "lib/base/deadline.h"
#include "lib/base/io.h"
#include "lib/wire/conn_state.h"

#define TICK_MS 500

struct reader {
	struct conn *c;
	uint8_t head[WIRE_HEADER + WIRE_DATA_HEADER];
	uint8_t *at; /* where the next byte goes */
	size_t need; /* bytes that are missing of this part */
	enum { HEAD, RANGE, BODY } part;
	struct wire_header h;
	struct frame *frame; /* being filled, or complete and waiting for the inbox */
	bool complete;
	bool cancel_seen;
	uint32_t pause_s;	 /* a PAUSE that is to be answered, or 0 */
	struct deadline silence; /* until the peer is given up */
	struct deadline limit;	 /* of conn_limit() */
	int limit_ms;		 /* what limit was set to */
};

/* The peer gave a sign of life, and may be silent for so much longer than usual. */
static void hear(struct reader *r, uint32_t pause_s)
{
	deadline_set(
		&r->silence, r->c->silence_ms > 0 ? r->c->silence_ms + (int64_t)pause_s * 1000 : 0);
}

void conn_frame_free(struct frame *f)
{
	if (!f)
		return;
	block_free(f->block);
	free(f->payload);
	free(f);
}

/* Frames are reused, so that a stream does not allocate a block for each. */
void conn_release(struct conn *c, struct frame *f)
{
	if (!f)
		return;
	free(f->payload);
	f->payload = NULL;
	pthread_mutex_lock(&c->lock);
	f->next = c->spare;
	c->spare = f;
	pthread_mutex_unlock(&c->lock);
}

static struct frame *frame_get(struct conn *c, const struct wire_header *h)
{
	struct frame *f, **at;
	bool wants_block = h->type == WIRE_DATA || h->type == WIRE_HOLE;

	pthread_mutex_lock(&c->lock);
	for (at = &c->spare; *at && wants_block && !(*at)->block; at = &(*at)->next)
		;
	f = *at;
	if (f)
		*at = f->next;
	pthread_mutex_unlock(&c->lock);
	if (!f)
		f = calloc(1, sizeof(*f));
	if (!f) {
		err_set(ST_FAILED, "out of memory");
		return NULL;
	}
	f->type = h->type;
	f->len = h->len;
	if (wants_block && !f->block && !(f->block = block_new()))
		goto fail;
	if (!wants_block && !(f->payload = malloc((size_t)h->len + 1))) {
		err_set(ST_FAILED, "out of memory");
		goto fail;
	}
	return f;
fail:
	conn_frame_free(f);
	return NULL;
}

static void expect_head(struct reader *r)
{
	r->part = HEAD;
	r->at = r->head;
	r->need = WIRE_HEADER;
	r->complete = false;
}

/* The helper answers a PAUSE; the client gets the answer. */
static void handle_pause(struct reader *r, const struct frame *f)
{
	struct conn *c = r->c;
	uint32_t seconds = get_be32(f->payload);

	if (c->side == WIRE_HELPER) {
		r->pause_s = seconds < WIRE_PAUSE_MAX_S ? seconds : WIRE_PAUSE_MAX_S;
		hear(r, r->pause_s);
		return;
	}
	pthread_mutex_lock(&c->lock);
	c->pause_answered = true;
	pthread_cond_broadcast(&c->done);
	pthread_mutex_unlock(&c->lock);
}

/* Handles a frame that bypasses the inbox.  Returns whether f was one. */
static bool handle_at_once(struct reader *r, struct frame *f)
{
	struct conn *c = r->c;
	struct wire_progress p;
	struct err e;

	switch (f->type) {
	case WIRE_BEAT:
		return true;
	case WIRE_PAUSE:
		handle_pause(r, f);
		return true;
	case WIRE_MESSAGE:
		f->payload[f->len] = '\0';
		if (c->hooks.message)
			c->hooks.message(c->hooks.arg, f->payload[0], (char *)f->payload + 1);
		return true;
	case WIRE_PROGRESS:
		wire_progress_parse(&p, f->payload, f->len);
		if (c->hooks.progress)
			c->hooks.progress(c->hooks.arg, &p);
		return true;
	case WIRE_ERROR:
		wire_error_parse(&e, f->payload, f->len);
		conn_fail(c, CONN_PEER_ERROR, &e);
		return true;
	default:
		return false;
	}
}

/* A part has all its bytes: continues with the next.  0, or -1 with an error recorded. */
static int end_part(struct reader *r)
{
	struct block *b;

	switch (r->part) {
	case HEAD:
		if (wire_header_parse(&r->h, r->head,
			    r->c->side == WIRE_CLIENT ? WIRE_HELPER : WIRE_CLIENT) < 0)
			return -1;
		if (!(r->frame = frame_get(r->c, &r->h)))
			return -1;
		if (r->h.type == WIRE_DATA || r->h.type == WIRE_HOLE) {
			r->part = RANGE;
			r->at = r->head + WIRE_HEADER;
			r->need = r->h.type == WIRE_DATA ? WIRE_DATA_HEADER : WIRE_HOLE_SIZE;
			return 0;
		}
		r->part = BODY;
		r->at = r->frame->payload;
		r->need = r->h.len;
		break;
	case RANGE:
		b = r->frame->block;
		r->part = BODY;
		r->need = 0;
		if (r->h.type == WIRE_HOLE) {
			if (wire_hole_parse(b, r->head + WIRE_HEADER) < 0)
				return -1;
			break;
		}
		if (wire_data_parse(b, r->head + WIRE_HEADER, r->h.len) < 0)
			return -1;
		r->at = b->coded_len == b->len ? b->raw : b->enc;
		r->need = b->coded_len;
		break;
	case BODY:
		break;
	}
	if (r->need)
		return 0;
	if (handle_at_once(r, r->frame)) {
		conn_release(r->c, r->frame);
		r->frame = NULL;
		expect_head(r);
	} else {
		r->complete = true;
	}
	return 0;
}

/* 1: bytes were read; 0: there are none; -1: the connection has ended, and failed with that. */
static int read_some(struct reader *r)
{
	struct err e = { ST_OK, 0, "" };
	ssize_t n = read(r->c->in, r->at, r->need);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n < 0) {
		err_sys("the connection is lost");
		err_take(&e);
		e.status = ST_PEER;
	} else if (n == 0) {
		if (r->part != HEAD || r->need != WIRE_HEADER)
			e = (struct err){ ST_PEER, 0,
				"the connection ended in the middle of a message" };
	} else {
		hear(r, 0);
		atomic_fetch_add(&r->c->bytes, (uint64_t)n);
		r->at += n;
		r->need -= (size_t)n;
		if (r->need || end_part(r) == 0)
			return 1;
		err_take(&e);
	}
	conn_fail(r->c, CONN_LOST, &e);
	return -1;
}

static void check_cancel(struct reader *r)
{
	struct err e = { ST_FAILED, EINTR, "interrupted" };

	if (r->cancel_seen || !cancel_is_set())
		return;
	r->cancel_seen = true;
	conn_fail(r->c, CONN_CANCELLED, &e);
}

/* Waits for bytes, the end, or the time of the next BEAT.  -1: the connection is to end. */
static int wait_for_bytes(struct reader *r)
{
	struct pollfd p[3] = { { r->c->in, POLLIN, 0 }, { r->c->quit, POLLIN, 0 },
		{ cancel_fd(), POLLIN, 0 } };

	int tick = r->c->beat_ms < TICK_MS ? r->c->beat_ms : TICK_MS;

	if (poll(p, r->cancel_seen ? 2 : 3, tick) < 0 && errno != EINTR)
		return -1;
	return p[1].revents ? -1 : 0;
}

/* Whether somebody must know at once that the peer is gone, before its last frames are read. */
static bool must_tell_of_end(const struct conn *c)
{
	return c->side == WIRE_HELPER && c->hooks.ended;
}

/*
 * Puts the frame into the inbox, and waits while that is full.  1: done; 0: not
 * yet; -1: the connection has ended.  If a client hung up, nothing that is still
 * unread matters; a helper, and the sender of a data lane, may have ended in order.
 */
static int hand_over(struct reader *r)
{
	struct pollfd p[2] = { { r->c->in, POLLRDHUP, 0 }, { r->c->quit, POLLIN, 0 } };
	struct err e = { ST_PEER, 0, "the connection was cut" };
	int tick = r->c->beat_ms < TICK_MS ? r->c->beat_ms : TICK_MS;
	int put = queue_put(&r->c->inbox, r->frame, tick);

	if (put == 0) {
		hear(r, 0);
		if (poll(p, 2, 0) > 0 && must_tell_of_end(r->c) &&
			(p[0].revents & (POLLRDHUP | POLLHUP | POLLERR))) {
			conn_fail(r->c, CONN_LOST, &e);
			return -1;
		}
		return p[1].revents ? -1 : 0;
	}
	if (put < 0) /* nobody receives any more, but an ERROR may still come */
		conn_release(r->c, r->frame);
	r->frame = NULL;
	expect_head(r);
	return 1;
}

/* 0, or -1: the time of conn_limit() has passed, and the connection failed with that. */
static int check_limit(struct reader *r)
{
	struct conn *c = r->c;
	const char *what;
	struct err e;
	int ms;

	pthread_mutex_lock(&c->lock);
	ms = c->limit_ms;
	what = c->limit_what;
	pthread_mutex_unlock(&c->lock);
	if (ms != r->limit_ms)
		deadline_set(&r->limit, ms);
	r->limit_ms = ms;
	if (!ms || deadline_wait(&r->limit) != 0)
		return 0;
	err_set(ST_PEER, "%s for %d s", what, ms / 1000);
	err_take(&e);
	conn_fail(c, CONN_LOST, &e);
	return -1;
}

/* One round of the thread; -1 when it is to end. */
static int read_round(struct reader *r)
{
	struct conn *c = r->c;
	int64_t now = io_now_ms();
	struct err e;
	int did;

	check_cancel(r);
	if (r->pause_s && conn_beat(c, r->pause_s))
		r->pause_s = 0;
	if (now - atomic_load(&c->sent_at) >= c->beat_ms) {
		conn_beat(c, 0);
		atomic_store(&c->sent_at, now);
	}
	if (check_limit(r) < 0)
		return -1;
	if (r->complete)
		return hand_over(r) < 0 ? -1 : 0;
	did = read_some(r);
	if (did != 0)
		return did < 0 ? -1 : 0;
	/* Checked only after a read: what came while this process was stopped counts. */
	if (deadline_wait(&r->silence) == 0) {
		err_set(ST_PEER, "the connection is lost: no sign of life for %d s",
			c->silence_ms / 1000);
		err_take(&e);
		conn_fail(c, CONN_LOST, &e);
		return -1;
	}
	return wait_for_bytes(r);
}

static void *heartbeat(void *arg)
{
	struct conn *c = arg;
	struct reader r = { .c = c };
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	hear(&r, 0);
	expect_head(&r);
	while (!atomic_load(&c->closing) && read_round(&r) == 0)
		;
	conn_frame_free(r.frame);
	queue_end(&c->inbox);
	pthread_mutex_lock(&c->lock);
	c->reading_done = true;
	pthread_cond_broadcast(&c->done);
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

int conn_read_start(struct conn *c)
{
	errno = pthread_create(&c->thread, NULL, heartbeat, c);
	if (errno)
		return err_sys("cannot start a thread");
	c->started = true;
	return 0;
}

void conn_limit(struct conn *c, int ms, const char *what)
{
	pthread_mutex_lock(&c->lock);
	c->limit_ms = ms;
	c->limit_what = what;
	pthread_mutex_unlock(&c->lock);
}
