/*
 * growth: see growth.h.
 */
#include "lib/store/growth.h"

void growth_rate_update(struct growth_rate *r, uint64_t used, int64_t now_ms)
{
	r->rate = 0;
	if (r->at_ms && now_ms > r->at_ms && used > r->used)
		r->rate = (double)(used - r->used) / (double)(now_ms - r->at_ms);
	r->used = used;
	r->at_ms = now_ms;
}

bool growth_is_due(const struct growth_state *s, const struct growth_rule *rule)
{
	uint64_t unused = s->used < s->size ? s->size - s->used : 0;

	return unused < rule->reserve || s->rate * (double)rule->ahead_ms >= (double)unused;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

struct growth_decision growth_decide(const struct growth_state *s, const struct growth_rule *rule)
{
	uint64_t available = s->free > rule->keep_free ? s->free - rule->keep_free : 0;
	uint64_t headroom = UINT64_MAX;

	if (!growth_is_due(s, rule))
		return (struct growth_decision){ GROWTH_ENOUGH, 0 };
	if (rule->max)
		headroom = rule->max > s->size ? rule->max - s->size : 0;
	if (headroom == 0)
		return (struct growth_decision){ GROWTH_AT_MAX, 0 };
	if (available == 0)
		return (struct growth_decision){ GROWTH_NO_SPACE, 0 };
	return (struct growth_decision){ GROWTH_EXTEND,
		smaller(rule->step, smaller(headroom, available)) };
}
