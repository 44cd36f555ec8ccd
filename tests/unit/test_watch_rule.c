/* watch_rule: when a watched disk is near its end, and what is done then. */
#include "lib/store/watch_rule.h"
#include "tests/unit/tap.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define MAX UINT64_MAX
#define LIMIT ((uint64_t)INT64_MAX)

/* What oVirt does: 2.5 GiB at a time, when less than 80 % of that is unused. */
#define OVIRT { .extends = true, .chunk = WATCH_RULE_CHUNK, .reserve = 2 * GIB, .ahead_ms = 5000 }
#define RULE(chunk_, reserve_, max_, keep_) { true, chunk_, reserve_, max_, keep_, 0, 0 }
#define DISK(used_, size_) { .capacity = 100 * GIB, .used = used_, .size = size_ }
#define PLENTY { 1000 * GIB, 4 * MIB }

static const struct decision {
	const char *name;
	struct watch_state state;
	struct watch_rule rule;
	struct watch_space space;
	enum watch_act act;
	enum watch_why why;
	uint64_t to;
} decisions[] = {
	{ "an empty disk", DISK(MIB, 10 * GIB), OVIRT, PLENTY, WATCH_ENOUGH, 0, 0 },
	{ "just the reserve is unused", DISK(8 * GIB, 10 * GIB), OVIRT, PLENTY, WATCH_ENOUGH, 0,
		0 },
	{ "one byte less", DISK(8 * GIB + 1, 10 * GIB), OVIRT, PLENTY, WATCH_EXTEND, 0,
		10 * GIB + WATCH_RULE_CHUNK },
	{ "the same without --extend", DISK(8 * GIB + 1, 10 * GIB), { .reserve = 2 * GIB }, PLENTY,
		WATCH_NEAR, 0, 0 },
	{ "without --extend nothing is near without a reserve", DISK(10 * GIB, 10 * GIB), { 0 },
		PLENTY, WATCH_ENOUGH, 0, 0 },
	{ "it is full", DISK(10 * GIB, 10 * GIB), OVIRT, PLENTY, WATCH_EXTEND, 0,
		10 * GIB + WATCH_RULE_CHUNK },
	{ "it wanted to write beyond its end", DISK(10 * GIB + 65536, 10 * GIB), OVIRT, PLENTY,
		WATCH_EXTEND, 0, 10 * GIB + WATCH_RULE_CHUNK },
	{ "it uses all of its next size", DISK(10 * GIB + WATCH_RULE_CHUNK, 10 * GIB), OVIRT,
		PLENTY, WATCH_EXTEND, 0, 10 * GIB + WATCH_RULE_CHUNK },
	{ "it uses more than that", DISK(10 * GIB + WATCH_RULE_CHUNK + 1, 10 * GIB), OVIRT, PLENTY,
		WATCH_ALARM, WATCH_SUSPECT, 0 },
	{ "it uses all that there is", DISK(MAX, 10 * GIB), OVIRT, PLENTY, WATCH_ALARM,
		WATCH_SUSPECT, 0 },
	{ "it uses more than its maximum, which is less than a chunk away",
		DISK(12 * GIB, 10 * GIB), RULE(4 * GIB, GIB, 11 * GIB, 0), PLENTY, WATCH_ALARM,
		WATCH_SUSPECT, 0 },
	{ "its capacity is 0", { .used = 9 * GIB, .size = 10 * GIB }, OVIRT, PLENTY, WATCH_ALARM,
		WATCH_NO_CAPACITY, 0 },
	{ "... and its maximum is given", { .used = 9 * GIB, .size = 10 * GIB },
		RULE(GIB, 2 * GIB, 20 * GIB, 0), PLENTY, WATCH_ALARM, WATCH_NO_CAPACITY, 0 },
	{ "... and it is not near its end", { .used = GIB, .size = 10 * GIB }, OVIRT, PLENTY,
		WATCH_ENOUGH, 0, 0 },
	{ "nothing can extend it", DISK(9 * GIB, 10 * GIB), OVIRT, { 0, 0 }, WATCH_ALARM,
		WATCH_FIXED, 0 },
	{ "it fills up within 5 s", { 100 * GIB, GIB, 10 * GIB, 2.0 * MIB }, OVIRT, PLENTY,
		WATCH_EXTEND, 0, 10 * GIB + WATCH_RULE_CHUNK },
	{ "it fills up later", { 100 * GIB, GIB, 10 * GIB, 1.0 * MIB }, OVIRT, PLENTY, WATCH_ENOUGH,
		0, 0 },
	{ "it fills up within 5 s, without --extend", { 100 * GIB, GIB, 10 * GIB, 2.0 * MIB },
		{ .reserve = 2 * GIB, .ahead_ms = 5000 }, PLENTY, WATCH_ENOUGH, 0, 0 },

	{ "the maximum leaves a chunk", DISK(9 * GIB, 10 * GIB), RULE(GIB, 2 * GIB, 11 * GIB, 0),
		PLENTY, WATCH_EXTEND, 0, 11 * GIB },
	{ "the maximum leaves a part of one", DISK(9 * GIB, 10 * GIB),
		RULE(GIB, 2 * GIB, 10 * GIB + 12 * MIB, 0), PLENTY, WATCH_EXTEND, 0,
		10 * GIB + 12 * MIB },
	{ "the maximum is no multiple of an extent", DISK(9 * GIB, 10 * GIB),
		RULE(GIB, 2 * GIB, 10 * GIB + 15 * MIB, 0), PLENTY, WATCH_EXTEND, 0,
		10 * GIB + 12 * MIB },
	{ "the maximum leaves less than an extent", DISK(9 * GIB, 10 * GIB),
		RULE(GIB, 2 * GIB, 10 * GIB + 4 * MIB - 1, 0), PLENTY, WATCH_ALARM, WATCH_AT_MAX,
		0 },
	{ "it has the maximum", DISK(9 * GIB, 10 * GIB), RULE(GIB, 2 * GIB, 10 * GIB, 0), PLENTY,
		WATCH_ALARM, WATCH_AT_MAX, 0 },
	{ "it has more", DISK(9 * GIB, 10 * GIB), RULE(GIB, 2 * GIB, GIB, 0), PLENTY, WATCH_ALARM,
		WATCH_AT_MAX, 0 },
	{ "the maximum is less than an extent", DISK(9 * GIB, 10 * GIB), RULE(GIB, 2 * GIB, 1, 0),
		PLENTY, WATCH_ALARM, WATCH_AT_MAX, 0 },
	{ "it has the maximum, and the group is full", DISK(9 * GIB, 10 * GIB),
		RULE(GIB, 2 * GIB, 10 * GIB, 0), { 0, 4 * MIB }, WATCH_ALARM, WATCH_AT_MAX, 0 },
	{ "the default maximum is 110 % of the capacity", { 10 * GIB, 9 * GIB, 10 * GIB, 0 }, OVIRT,
		PLENTY, WATCH_EXTEND, 0, 11 * GIB },
	{ "... in complete extents", { 64 * MIB, 60 * MIB, 64 * MIB, 0 }, OVIRT, PLENTY,
		WATCH_EXTEND, 0, 72 * MIB },
	{ "... and not more", { 64 * MIB, 60 * MIB, 72 * MIB, 0 }, OVIRT, PLENTY, WATCH_ALARM,
		WATCH_AT_MAX, 0 },

	{ "... of the capacity at the start", { 80 * MIB, 60 * MIB, 72 * MIB, 0 },
		{ true, MIB, 40 * MIB, 0, 0, 0, 64 * MIB }, PLENTY, WATCH_ALARM, WATCH_AT_MAX, 0 },

	{ "the chunk is rounded up to an extent", DISK(9 * GIB, 10 * GIB), RULE(1, 2 * GIB, 0, 0),
		PLENTY, WATCH_EXTEND, 0, 10 * GIB + 4 * MIB },
	{ "the group has just a chunk", DISK(9 * GIB, 10 * GIB), RULE(GIB, 2 * GIB, 0, 0),
		{ GIB, 4 * MIB }, WATCH_EXTEND, 0, 11 * GIB },
	{ "the group has less", DISK(9 * GIB, 10 * GIB), RULE(GIB, 2 * GIB, 0, 0),
		{ 40 * MIB, 4 * MIB }, WATCH_EXTEND, 0, 10 * GIB + 40 * MIB },
	{ "the group has nothing", DISK(9 * GIB, 10 * GIB), RULE(GIB, 2 * GIB, 0, 0),
		{ 0, 4 * MIB }, WATCH_ALARM, WATCH_NO_SPACE, 0 },
	{ "the group keeps all but a chunk", DISK(9 * GIB, 10 * GIB),
		RULE(GIB, 2 * GIB, 0, 3 * GIB), { 4 * GIB, 4 * MIB }, WATCH_EXTEND, 0, 11 * GIB },
	{ "the group keeps all but an extent and a bit", DISK(9 * GIB, 10 * GIB),
		RULE(GIB, 2 * GIB, 0, 4 * GIB - 5 * MIB), { 4 * GIB, 4 * MIB }, WATCH_EXTEND, 0,
		10 * GIB + 4 * MIB },
	{ "the group keeps all but a part of an extent", DISK(9 * GIB, 10 * GIB),
		RULE(GIB, 2 * GIB, 0, 4 * GIB - 3 * MIB), { 4 * GIB, 4 * MIB }, WATCH_ALARM,
		WATCH_NO_SPACE, 0 },
	{ "the group has to keep more than it has", DISK(9 * GIB, 10 * GIB),
		RULE(GIB, 2 * GIB, 0, MAX), { 4 * GIB, 4 * MIB }, WATCH_ALARM, WATCH_NO_SPACE, 0 },
	{ "a pool without limit", DISK(9 * GIB, 10 * GIB), RULE(GIB, 2 * GIB, 0, 0),
		{ MAX, 4 * MIB }, WATCH_EXTEND, 0, 11 * GIB },

	{ "the greatest numbers", { MAX, MAX, MAX, 0 }, RULE(MAX, MAX, MAX, 0), { MAX, 4 * MIB },
		WATCH_ALARM, WATCH_AT_MAX, 0 },
	{ "the greatest chunk", { 100 * GIB, 9 * GIB, 10 * GIB, 0 },
		RULE(MAX, 2 * GIB, 12 * GIB, 0), { MAX, 4 * MIB }, WATCH_EXTEND, 0, 12 * GIB },
	{ "the greatest capacity", { LIMIT, 9 * GIB, 10 * GIB, 0 }, RULE(GIB, 2 * GIB, 0, 0),
		{ MAX, 4 * MIB }, WATCH_EXTEND, 0, 11 * GIB },
};

static void test_decide(void)
{
	struct watch_decision d;
	size_t i;

	for (i = 0; i < sizeof(decisions) / sizeof(decisions[0]); i++) {
		const struct decision *want = &decisions[i];

		d = watch_rule_decide(&want->state, &want->rule, &want->space);
		is_int(d.act, want->act, want->name);
		is_int(d.why, want->why, "... for that reason");
		is_int(d.to, want->to, "... to that size");
		is_int(watch_rule_is_due(&want->state, &want->rule), want->act != WATCH_ENOUGH,
			"... and the caller knows that it has to ask");
	}
}

/* What no numbers must change. */
static void test_limits(void)
{
	static const uint64_t numbers[] = { 0, 1, 4 * MIB, 9 * GIB, 10 * GIB, 10 * GIB + 1,
		LIMIT - 1, LIMIT, MAX };
	enum { N = sizeof(numbers) / sizeof(numbers[0]) };
	size_t n, i, bad = 0, total = 1;
	uint64_t v[6];

	for (i = 0; i < 6; i++)
		total *= N;
	for (n = 0; n < total; n++) {
		size_t rest = n;

		for (i = 0; i < 6; i++, rest /= N)
			v[i] = numbers[rest % N];
		const struct watch_state s = { v[0], v[1], v[2], 0 };
		const struct watch_rule rule = RULE(v[3], 2 * GIB, v[4], GIB);
		const struct watch_space space = { v[5], 4 * MIB };
		struct watch_decision d = watch_rule_decide(&s, &rule, &space);

		if (d.act != WATCH_EXTEND)
			bad += d.to != 0;
		else
			bad += d.to <= s.size || s.capacity == 0 || (v[4] && d.to > v[4]) ||
			       d.to - s.size > v[5] - GIB || d.to > LIMIT;
	}
	is_int(bad, 0, "no extension beyond the maximum, the group's free space, or what is kept");
}

/* A guest fills its disk, measured once a second, and never reaches the end. */
static void test_race(void)
{
	const struct watch_rule rule = OVIRT;
	const struct watch_space space = PLENTY;
	struct watch_state s = { 40 * GIB, MIB, 3 * GIB, 0 };
	struct watch_decision d = { .act = WATCH_ENOUGH };
	int extended = 0;

	while (d.act != WATCH_ALARM && s.used < s.size) {
		d = watch_rule_decide(&s, &rule, &space);
		if (d.act == WATCH_EXTEND)
			s.size = d.to;
		extended += d.act == WATCH_EXTEND;
		s.used += 300 * MIB;
	}
	ok(s.used < s.size, "there was always space");
	is_int(d.why, WATCH_AT_MAX, "until it had its maximum");
	is_int(s.size, 44 * GIB, "of 110 %");
	is_int(extended, 17, "after as many extensions");
}

static void test_small(void)
{
	const struct watch_rule rule = OVIRT;
	const struct watch_state s = DISK(GIB, 10 * GIB), tiny = DISK(0, MIB);

	is_int(watch_rule_reserve(WATCH_RULE_CHUNK), 2 * GIB, "80 % of the default chunk");
	is_int(watch_rule_reserve(1), 0, "of one byte");
	is_int(watch_rule_reserve(4), 3, "of four bytes");
	ok(watch_rule_reserve(MAX) == MAX / 5 * 4, "of all bytes");
	is_int(watch_rule_max(10), 11, "110 %");
	is_int(watch_rule_max(11), 13, "110 %, rounded up");
	is_int(watch_rule_max(0), 0, "of nothing");
	ok(watch_rule_max(LIMIT) == LIMIT && watch_rule_max(MAX) == LIMIT, "of the greatest size");
	is_int(watch_rule_threshold(&s, &rule), 8 * GIB, "the threshold");
	is_int(watch_rule_threshold(&tiny, &rule), 0, "of less than the reserve");
	is_str(watch_rule_word(WATCH_FINE), "", "no reason");
	is_str(watch_rule_word(WATCH_AT_MAX), "max", "a reason");
}

int main(void)
{
	test_decide();
	test_limits();
	test_race();
	test_small();
	return tap_done();
}
