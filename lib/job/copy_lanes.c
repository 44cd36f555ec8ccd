/*
 * copy_lanes: see copy_lanes.h.
 */
#include "lib/job/copy_lanes.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/job/lane_bridge.h"
#include "lib/wire/lane_hub.h"

/* With less data, starting a lane takes longer than it saves. */
#define WORTH_WHILE (16u << 20)

void copy_lanes_init(
	struct copy_lanes *l, const struct transfer *t, struct peer *from, struct peer *to)
{
	const bool is_remote[2] = { t->from.host != NULL, t->to.host != NULL };
	struct peer *const peer[2] = { from, to };
	unsigned i, n, good = 0, most = WIRE_LANES_MAX;

	*l = (struct copy_lanes){ .t = t, .from = from, .to = to };
	for (i = 0; i < 2; i++) {
		n = is_remote[i] ? peer_lanes(peer[i]) : 0;
		if (is_remote[i] && n == 0)
			return;
		if (n > good)
			good = n;
		if (peer_lanes_max(peer[i]) < most)
			most = peer_lanes_max(peer[i]);
	}
	if (!t->dry_run)
		l->wanted = good < most ? good : most;
}

struct peer *copy_lanes_teller(const struct copy_lanes *l)
{
	return l->t->from.host && !l->t->to.host ? l->to : l->from;
}

/* A helper that takes no lanes does not know these keys. */
void copy_lanes_request(const struct copy_lanes *l, const struct peer *p, struct buf *args)
{
	if (!l->wanted)
		return;
	kv_add_u64(args, "lanes", l->wanted);
	kv_add_bool(args, "progress", l->t->progress && p == copy_lanes_teller(l));
}

/* Gives a lane to the helper of this host.  0, or -1 recorded. */
static int give_here(int lane, const uint8_t token[WIRE_TOKEN_SIZE], unsigned number)
{
	const struct lane_ends ends = { lane, lane };
	int hub = lane_join(token, number, &ends);

	close(lane);
	if (hub < 0)
		return -1;
	close(hub); /* the helper has the socket */
	return 0;
}

/* The lanes that are being started, each by a thread: so all take the round trips of one. */
struct lane_starts {
	const struct copy_lanes *l;
	const uint8_t *source, *target; /* tokens of the helpers */
	atomic_uint next;		/* the number of the next lane that has its channels */
	struct lane_start {
		struct lane_starts *all;
		pthread_t thread;
		bool has_joined; /* at both ends; then these are set: */
		unsigned number;
		struct lane_bridge *bridge; /* NULL: one end is on this host */
	} lane[WIRE_LANES_MAX];
};

/* Opens its channels; at an end on this host there is none.  0, or -1 recorded. */
static int open_channels(const struct copy_lanes *l, struct conn *channel[2])
{
	const struct transfer *t = l->t;

	if (t->from.host && !(channel[0] = peer_lane_open(l->from, &t->from)))
		return -1;
	if (!t->to.host || (channel[1] = peer_lane_open(l->to, &t->to)))
		return 0;
	conn_close(channel[0]);
	return -1;
}

/*
 * If sshd allows fewer channels, some threads fail, whichever they are.  So a lane gets its number
 * only when its channels are open, and there are no gaps.  0, or -1 recorded.
 */
static int start_one(struct lane_start *s)
{
	const struct copy_lanes *l = s->all->l;
	struct conn *channel[2] = { NULL, NULL };
	int lane[2] = { -1, -1 };

	if (open_channels(l, channel) < 0)
		return -1;
	s->number = atomic_fetch_add(&s->all->next, 1);
	if (channel[0] &&
		(lane[0] = peer_lane_start(l->from, channel[0], s->all->source, s->number)) < 0) {
		conn_close(channel[1]);
		return -1;
	}
	if (channel[1] &&
		(lane[1] = peer_lane_start(l->to, channel[1], s->all->target, s->number)) < 0) {
		if (lane[0] >= 0)
			close(lane[0]);
		return -1;
	}
	if (!channel[0])
		return give_here(lane[1], s->all->source, s->number);
	if (!channel[1])
		return give_here(lane[0], s->all->target, s->number);
	s->bridge = lane_bridge_start(lane[0], lane[1]);
	return s->bridge ? 0 : -1;
}

static void *run_start(void *arg)
{
	struct lane_start *s = arg;

	s->has_joined = start_one(s) == 0;
	if (!s->has_joined)
		log_debug("a data lane less: %s", err_text());
	return NULL;
}

/* A lane below which one is missing is not used: the helpers let it go. */
static void take_started(struct copy_lanes *l, struct lane_starts *all, unsigned count)
{
	struct lane_start *by_number[WIRE_LANES_MAX] = { NULL };
	unsigned i;

	for (i = 0; i < count; i++)
		if (all->lane[i].has_joined)
			by_number[all->lane[i].number] = &all->lane[i];
	for (; l->joined < count && by_number[l->joined]; l->joined++)
		l->bridge[l->joined] = by_number[l->joined]->bridge;
	for (i = l->joined; i < count; i++)
		if (by_number[i])
			lane_bridge_end(by_number[i]->bridge);
}

static void start_all(struct copy_lanes *l, const uint8_t *source, const uint8_t *target)
{
	struct lane_starts all = { .l = l, .source = source, .target = target };
	unsigned i, count = 0;
	sigset_t every, old;
	int rc = 0;

	sigfillset(&every);
	pthread_sigmask(SIG_SETMASK, &every, &old);
	while (rc == 0 && count < l->wanted) {
		all.lane[count].all = &all;
		rc = pthread_create(&all.lane[count].thread, NULL, run_start, &all.lane[count]);
		count += rc == 0;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	for (i = 0; i < count; i++)
		pthread_join(all.lane[i].thread, NULL);
	take_started(l, &all, count);
}

static bool is_worth_while(const struct transfer_result *res)
{
	uint64_t data = res->expected_data ? res->expected_data : res->capacity;

	return !res->has_capacity || data >= WORTH_WHILE;
}

void copy_lanes_start(struct copy_lanes *l, const struct kv *source, const struct kv *target,
	const struct transfer_result *res)
{
	const char *from = kv_get(source, "token"), *to = kv_get(target, "token");
	uint8_t sender[WIRE_TOKEN_SIZE], receiver[WIRE_TOKEN_SIZE];

	if (!l->wanted || !from || !to || !is_worth_while(res))
		return;
	if (lane_token_parse(sender, from) < 0 || lane_token_parse(receiver, to) < 0) {
		err_clear();
		return;
	}
	start_all(l, sender, receiver);
}

void copy_lanes_end(struct copy_lanes *l)
{
	unsigned i;

	for (i = 0; i < l->joined; i++)
		lane_bridge_end(l->bridge[i]);
	l->joined = 0;
}

int copy_lanes_go(const struct copy_lanes *l, struct peer *p)
{
	const uint8_t count = (uint8_t)l->joined;

	return conn_send(peer_conn(p), WIRE_GO, &count, count ? sizeof(count) : 0);
}
