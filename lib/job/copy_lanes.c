/*
 * copy_lanes: see copy_lanes.h.
 */
#include "lib/job/copy_lanes.h"

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
	unsigned i, n, most = 0;

	*l = (struct copy_lanes){ .t = t, .from = from, .to = to };
	for (i = 0; i < 2; i++) {
		n = is_remote[i] ? peer_lanes(peer[i]) : peer_takes_lanes(peer[i]);
		if (n == 0)
			return;
		if (is_remote[i] && n > most)
			most = n;
	}
	if (!t->dry_run)
		l->wanted = most;
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
static int give_here(const struct copy_lanes *l, int lane, const uint8_t token[WIRE_TOKEN_SIZE])
{
	const struct lane_ends ends = { lane, lane };
	int hub = lane_join(token, l->joined, &ends);

	close(lane);
	if (hub < 0)
		return -1;
	close(hub); /* the helper has the socket */
	return 0;
}

/* Starts one lane, between the helpers with these tokens.  0, or -1 recorded. */
static int start_one(struct copy_lanes *l, const uint8_t source[WIRE_TOKEN_SIZE],
	const uint8_t target[WIRE_TOKEN_SIZE])
{
	const struct transfer *t = l->t;
	int lane[2] = { -1, -1 };

	if (t->from.host && (lane[0] = peer_lane(l->from, &t->from, source, l->joined)) < 0)
		return -1;
	if (t->to.host && (lane[1] = peer_lane(l->to, &t->to, target, l->joined)) < 0) {
		if (lane[0] >= 0)
			close(lane[0]);
		return -1;
	}
	if (lane[0] < 0)
		return give_here(l, lane[1], source);
	if (lane[1] < 0)
		return give_here(l, lane[0], target);
	l->bridge[l->joined] = lane_bridge_start(lane[0], lane[1]);
	return l->bridge[l->joined] ? 0 : -1;
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
	while (l->joined < l->wanted) {
		if (start_one(l, sender, receiver) < 0) {
			log_debug("%u data lanes, and no more: %s", l->joined, err_text());
			err_clear();
			return;
		}
		l->joined++;
	}
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
