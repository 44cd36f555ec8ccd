/*
 * peer: a started helper with its connection, and how a request is sent and answered.
 */
#include "lib/peer/peer.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/peer/bootstrap.h"
#include "lib/peer/greeting.h"
#include "lib/peer/lane_start.h"
#include "lib/peer/start.h"
#include "lib/peer/suspend.h"

#define RETRY_PAUSE_MAX_S 30

struct peer {
	struct started started;
	struct conn *conn;
	char *name; /* of its host, for messages; NULL: this host */
	struct peer_options opt;
	uint64_t lanes; /* that the helper takes, the control lane included */
	bool is_asked;	/* an answer is due */
	struct {
		uint64_t bytes, records; /* that may still come */
	} left;
	_Atomic(struct peer *) wakes;
	pthread_mutex_t lock; /* of opt.progress and opt.arg */
};

int peer_options_check(const struct peer_options *opt)
{
	struct bootstrap_way way = { .path = opt->helper };
	char *config = NULL;
	int r;

	if (opt->rsh && start_rsh_check(opt->rsh) < 0)
		return -1;
	if ((opt->sudo & PEER_SUDO_HERE) && start_config(&config, opt) < 0)
		return -1;
	way.config = config;
	r = bootstrap_check(&way);
	free(config);
	return r;
}

static void on_message(void *arg, int level, const char *text)
{
	const struct peer *p = arg;
	enum log_level l = level >= LOG_LEVEL_WARN && level <= LOG_LEVEL_DEBUG
				   ? (enum log_level)level
				   : LOG_LEVEL_WARN;

	log_of_host(l, p->name, text);
}

static void on_progress(void *arg, const struct wire_progress *progress)
{
	struct peer *p = arg;

	pthread_mutex_lock(&p->lock);
	if (p->opt.progress)
		p->opt.progress(p->opt.arg, progress);
	pthread_mutex_unlock(&p->lock);
}

void peer_set_progress(
	struct peer *p, void (*progress)(void *arg, const struct wire_progress *p), void *arg)
{
	pthread_mutex_lock(&p->lock);
	p->opt.progress = progress;
	p->opt.arg = arg;
	pthread_mutex_unlock(&p->lock);
}

static void on_ended(void *arg)
{
	struct peer *other = atomic_load(&((struct peer *)arg)->wakes);

	if (other)
		conn_stop(other->conn);
}

void peer_wakes(struct peer *p, struct peer *other)
{
	atomic_store(&p->wakes, other);
	if (other && conn_failed(p->conn, NULL))
		conn_stop(other->conn);
}

static int peer_read_greeting(struct peer *p)
{
	int limit_ms = greeting_limit_ms(p->opt.ssh.timeout_s);
	struct greeting g;

	if (greeting_receive(p->conn, limit_ms, &g) < 0)
		return -1;
	log_debug("helper %s on %s", g.version, p->name ? p->name : "this host");
	p->lanes = g.lanes;
	return 0;
}

/* Ends what was started; keeps the recorded error. */
static void peer_end_start(struct peer *p, int timeout_ms, bool may_stay)
{
	struct err e;

	err_take(&e);
	if (p->started.fd >= 0)
		close(p->started.fd);
	p->started.fd = -1;
	start_end(&p->started, timeout_ms, may_stay);
	err_put(&e);
}

/* Starts the helper, once.  0 or -1 recorded. */
static int peer_start(struct peer *p, const struct location *loc)
{
	bool shell = loc->host || (!loc->is_stdio && (p->opt.sudo & PEER_SUDO_HERE));

	p->started = (struct started)STARTED_INIT;
	if ((shell ? start_shell(&p->started, loc, &p->opt) : start_local(&p->started, &p->opt)) ==
		0)
		return 0;
	peer_end_start(p, PEER_LOST_MS, false);
	return -1;
}

/* Waits before the next try; false if the process was cancelled. */
static bool wait_to_retry(int seconds)
{
	struct pollfd f = { cancel_fd(), POLLIN, 0 };
	int64_t until = io_now_ms() + (int64_t)seconds * 1000;
	int64_t left;

	while (!cancel_is_set() && (left = until - io_now_ms()) > 0)
		poll(&f, 1, (int)left);
	return !cancel_is_set();
}

static int peer_start_retrying(struct peer *p, const struct location *loc)
{
	int try, pause = 1;

	for (try = 1; peer_start(p, loc) < 0; try++) {
		if (try > p->opt.retries || !p->started.may_retry || err_status() != ST_PEER ||
			cancel_is_set())
			return -1;
		log_note("%s: %s; trying again in %d s (%d of %d)", p->name, err_text(), pause, try,
			p->opt.retries);
		if (!wait_to_retry(pause))
			return err_set(ST_PEER, "interrupted");
		pause = pause * 2 < RETRY_PAUSE_MAX_S ? pause * 2 : RETRY_PAUSE_MAX_S;
	}
	return 0;
}

/* On this host silence says nothing: end of file tells reliably that the helper is gone. */
static int peer_silence_ms(const struct peer *p)
{
	int ms = p->opt.ssh.timeout_s * 1000;

	if (!p->name)
		return CONN_NO_SILENCE;
	/* A healthy helper may say nothing for the time between two beats. */
	return ms && ms < 2 * WIRE_BEAT_MS ? 2 * WIRE_BEAT_MS : ms;
}

struct peer *peer_open(const struct location *loc, const struct peer_options *opt)
{
	struct peer *p = calloc(1, sizeof(*p));
	struct conn_hooks hooks = { on_message, on_progress, on_ended, p };
	int fd;

	if (!p) {
		err_set(ST_FAILED, "out of memory");
		return NULL;
	}
	p->opt = *opt;
	pthread_mutex_init(&p->lock, NULL);
	p->started = (struct started)STARTED_INIT;
	if (loc->host && !(p->name = strdup(loc->host))) {
		err_set(ST_FAILED, "out of memory");
		goto fail;
	}
	if (peer_start_retrying(p, loc) < 0)
		goto fail;
	fd = p->started.fd;
	p->started.fd = -1;
	p->conn = conn_new(fd, fd, WIRE_CLIENT, &hooks, peer_silence_ms(p));
	if (!p->conn || peer_read_greeting(p) < 0)
		goto fail;
	if (p->name && suspend_watch(p->conn) < 0)
		goto fail;
	return p;
fail:
	peer_close(p);
	return NULL;
}

struct conn *peer_conn(struct peer *p)
{
	return p->conn;
}

struct conn *peer_lane_open(struct peer *p, const struct location *loc)
{
	return lane_open(p->started.ssh, loc, &p->opt);
}

int peer_lane_start(
	struct peer *p, struct conn *lane, const uint8_t token[WIRE_TOKEN_SIZE], unsigned number)
{
	return lane_start(lane, &p->opt, token, number);
}

unsigned peer_lanes(struct peer *p)
{
	return p->started.ssh ? lane_number(ssh_round_ms(p->started.ssh)) : 0;
}

unsigned peer_lanes_max(const struct peer *p)
{
	const uint64_t most = p->lanes > 0 ? p->lanes - 1 : 0; /* one is the control lane */

	return most < WIRE_LANES_MAX ? (unsigned)most : WIRE_LANES_MAX;
}

uint64_t peer_bytes(struct peer *p)
{
	return p->started.ssh ? ssh_bytes(p->started.ssh) : conn_bytes(p->conn);
}

const char *peer_lost_why(struct peer *p)
{
	return p->started.ssh ? ssh_lost_why(p->started.ssh) : "";
}

bool peer_is_ready(const struct peer *p)
{
	return !p->is_asked && !conn_failed(p->conn, NULL);
}

static int peer_send_request(struct peer *p, const char *op, const struct buf *args)
{
	struct buf b = BUF_INIT;
	int r;

	kv_add(&b, "op", op);
	if (args)
		buf_add(&b, args->data, args->len);
	r = args && args->failed ? buf_failed(args) : buf_failed(&b);
	if (r == 0) {
		p->is_asked = true;
		r = conn_send(p->conn, WIRE_REQUEST, b.data, b.len);
	}
	buf_fini(&b);
	return r;
}

int peer_request(struct peer *p, const char *op, const struct buf *args)
{
	p->left.bytes = PEER_REPLY_MAX;
	p->left.records = PEER_RECORDS_MAX;
	return peer_send_request(p, op, args);
}

int peer_request_list(struct peer *p, const char *op, const struct buf *args)
{
	p->left.bytes = UINT64_MAX;
	p->left.records = PEER_LIST_MAX;
	return peer_send_request(p, op, args);
}

int peer_request_endless(struct peer *p, const char *op, const struct buf *args)
{
	p->left.bytes = UINT64_MAX;
	p->left.records = UINT64_MAX;
	return peer_send_request(p, op, args);
}

/* Counts a RECORD or OK.  0, or -1 recorded: it is more than may come. */
static int peer_count(struct peer *p, const struct frame *f)
{
	if (f->len > p->left.bytes || (f->type == WIRE_RECORD && p->left.records == 0))
		return err_set(ST_PEER, "protocol error: the answer is too long");
	p->left.bytes -= f->len;
	p->left.records -= f->type == WIRE_RECORD;
	return 0;
}

/* Records that the helper closed the connection too early.  Returns -1. */
static int peer_ended(struct peer *p)
{
	const char *why = peer_lost_why(p);

	return err_set(ST_PEER, "the helper ended before the operation was done%s%s",
		*why ? ": " : "", why);
}

int peer_answer(struct peer *p, struct kv *kv)
{
	struct frame *f;
	struct err e;
	int r = conn_recv(p->conn, &f);

	if (r < 0)
		return -1;
	if (r == 0)
		return peer_ended(p);
	switch (f->type) {
	case WIRE_RECORD:
		r = peer_count(p, f) < 0 || kv_parse(kv, f->payload, f->len) < 0 ? -1 : 1;
		break;
	case WIRE_OK:
		p->is_asked = false;
		r = peer_count(p, f) < 0 ? -1 : kv_parse(kv, f->payload, f->len);
		break;
	case WIRE_FAILED:
		p->is_asked = false;
		wire_error_parse(&e, f->payload, f->len);
		err_put(&e);
		r = -1;
		break;
	default:
		r = err_set(ST_PEER, "protocol error: %s for an answer", wire_name(f->type));
	}
	conn_release(p->conn, f);
	return r;
}

int peer_call(
	struct peer *p, const char *op, const struct buf *args, struct kv *record, struct kv *reply)
{
	struct kv kv;
	int r;

	if (record)
		memset(record, 0, sizeof(*record));
	if (peer_request(p, op, args) < 0)
		return -1;
	while ((r = peer_answer(p, &kv)) == 1) {
		if (!record || record->count) {
			kv_fini(&kv);
			r = err_set(ST_PEER, "protocol error: more than one RECORD");
			break;
		}
		*record = kv;
	}
	if (r < 0) {
		if (record)
			kv_fini(record);
		return -1;
	}
	if (reply)
		*reply = kv;
	else
		kv_fini(&kv);
	return 0;
}

void peer_close(struct peer *p)
{
	bool was_open;
	int end_ms = PEER_LOST_MS;
	struct err e;

	if (!p)
		return;
	err_take(&e);
	was_open = p->conn;
	if (p->conn) {
		suspend_forget(p->conn);
		conn_finish(p->conn);
		if (!conn_drain(p->conn, PEER_CLOSE_MS))
			log_debug("the helper did not end in time");
		if (!p->started.is_transport || !conn_is_lost(p->conn))
			end_ms = PEER_END_MS;
		conn_close(p->conn);
	}
	peer_end_start(p, end_ms, was_open);
	pthread_mutex_destroy(&p->lock);
	free(p->name);
	free(p);
	err_put(&e);
}
