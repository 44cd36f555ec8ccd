/*
 * watch_rule: see watch_rule.h.
 */
#include "lib/store/watch_rule.h"

#include "lib/base/size.h"
#include "lib/store/growth.h"

uint64_t watch_rule_reserve(uint64_t chunk)
{
	return chunk / 5 * 4 + chunk % 5 * 4 / 5;
}

uint64_t watch_rule_max(uint64_t capacity)
{
	uint64_t more = capacity / 10 + (capacity % 10 != 0);

	return capacity > SIZE_LIMIT - more ? SIZE_LIMIT : capacity + more;
}

uint64_t watch_rule_threshold(const struct watch_state *s, const struct watch_rule *rule)
{
	return s->size > rule->reserve ? s->size - rule->reserve : 0;
}

bool watch_rule_is_near(const struct watch_state *s, const struct watch_rule *rule)
{
	return s->used >= s->size ? rule->reserve > 0 : s->size - s->used < rule->reserve;
}

bool watch_rule_is_due(const struct watch_state *s, const struct watch_rule *rule)
{
	const struct growth_state g = { .size = s->size, .used = s->used, .rate = s->rate };
	const struct growth_rule r = { .reserve = rule->reserve, .ahead_ms = rule->ahead_ms };

	return rule->extends ? growth_is_due(&g, &r) : watch_rule_is_near(s, rule);
}

static struct watch_decision watch_alarm(enum watch_why why)
{
	return (struct watch_decision){ WATCH_ALARM, why, 0 };
}

/* n, which is never 0 afterwards, as a multiple of unit. */
static uint64_t watch_round_up(uint64_t n, uint64_t unit)
{
	uint64_t rest = n % unit;

	if (n == 0)
		return unit;
	if (rest == 0)
		return n;
	return n > SIZE_LIMIT - unit ? n - rest : n - rest + unit;
}

/* The largest size that it may have, a multiple of unit. */
static uint64_t watch_limit(
	const struct watch_state *s, const struct watch_rule *rule, uint64_t unit)
{
	uint64_t start = rule->start ? rule->start : s->capacity;
	uint64_t max = rule->max ? rule->max : watch_rule_max(start);

	if (max > SIZE_LIMIT)
		max = SIZE_LIMIT;
	/* The default is made a multiple by adding, since the last extent can be needed. */
	return rule->max ? max - max % unit : watch_round_up(max, unit);
}

struct watch_decision watch_rule_decide(
	const struct watch_state *s, const struct watch_rule *rule, const struct watch_space *space)
{
	uint64_t unit = space->unit, free, limit, by, next;

	if (!watch_rule_is_due(s, rule))
		return (struct watch_decision){ WATCH_ENOUGH, WATCH_FINE, 0 };
	if (!rule->extends)
		return (struct watch_decision){ WATCH_NEAR, WATCH_FINE, 0 };
	if (s->capacity == 0)
		return watch_alarm(WATCH_NO_CAPACITY);
	if (unit == 0)
		return watch_alarm(WATCH_FIXED);
	limit = watch_limit(s, rule, unit);
	by = watch_round_up(rule->chunk, unit);
	next = s->size < limit && by < limit - s->size ? s->size + by : limit;
	if (s->used > (next > s->size ? next : s->size))
		return watch_alarm(WATCH_SUSPECT);
	if (s->size >= limit)
		return watch_alarm(WATCH_AT_MAX);
	free = space->free > rule->min_free ? space->free - rule->min_free : 0;
	free -= free % unit;
	if (free == 0)
		return watch_alarm(WATCH_NO_SPACE);
	if (next - s->size > free)
		next = s->size + free;
	return (struct watch_decision){ WATCH_EXTEND, WATCH_FINE, next };
}

const char *watch_rule_word(enum watch_why why)
{
	static const char *const words[] = { [WATCH_FINE] = "",
		[WATCH_NO_CAPACITY] = "capacity",
		[WATCH_SUSPECT] = "suspect",
		[WATCH_AT_MAX] = "max",
		[WATCH_NO_SPACE] = "space",
		[WATCH_FIXED] = "fixed" };

	return words[why];
}
