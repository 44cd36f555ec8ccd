/* growth: the rate at which storage fills, and when it is extended by how much. */
#include "lib/store/growth.h"
#include "tests/unit/tap.h"

#define MIB ((uint64_t)1 << 20)
#define MAX UINT64_MAX

/* Each row is one look, of the same storage as the row before unless `again` is set. */
static const struct look {
	const char *name;
	bool again; /* of other storage, which nobody has looked at */
	uint64_t used;
	int64_t now_ms;
	double rate;
} looks[] = {
	{ "the first look tells no rate", true, 1000, 50, 0 },
	{ "10 bytes in 10 ms", false, 1010, 60, 1 },
	{ "5 bytes in 10 ms", false, 1015, 70, 0.5 },
	{ "the rate is that since the last look, not an average", false, 5015, 80, 400 },
	{ "nothing more in 10 ms", false, 5015, 90, 0 },
	{ "less is used: no rate", false, 15, 100, 0 },
	{ "growth after that counts from the smaller number", false, 25, 110, 1 },
	{ "time stands still", false, 1025, 110, 0 },
	{ "growth after that counts from the later number", false, 1035, 120, 1 },
	{ "time goes back", false, 2035, 20, 0 },
	{ "growth after that counts from the earlier time", false, 2045, 30, 1 },
	{ "one byte in an hour", false, 2046, 3600030, 1.0 / 3600000 },
	{ "the first look of empty storage", true, 0, 1, 0 },
	{ "everything in 1 ms", false, MAX, 2, 0x1p64 },
	{ "and all of it is gone", false, 0, 3, 0 },
	{ "the first look at the greatest time", true, 7, INT64_MAX, 0 },
	{ "time goes back by all that it can", false, 8, 1, 0 },
	{ "and on by all that it can", false, 9, INT64_MAX, 1.0 / 0x1p63 },
};

static void test_rate(void)
{
	struct growth_rate r = { 0 };
	size_t i;

	for (i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
		if (looks[i].again)
			r = (struct growth_rate){ 0 };
		growth_rate_update(&r, looks[i].used, looks[i].now_ms);
		ok(r.rate >= looks[i].rate * 0.999 && r.rate <= looks[i].rate * 1.001,
			looks[i].name);
		ok(r.used == looks[i].used && r.at_ms == looks[i].now_ms, "... and is kept");
	}
}

/* Of 100 MiB: extended when less than 20 are unused, or when full within 10 seconds. */
#define SIZE (100 * MIB)
#define RULE { .reserve = 20 * MIB, .ahead_ms = 10000, .step = 30 * MIB }
#define PLENTY (1000 * MIB) /* that the group has */

static const struct due {
	const char *name;
	struct growth_state state;
	struct growth_rule rule;
	bool is_due;
} dues[] = {
	{ "nothing is used", { SIZE, 0, PLENTY, 0 }, RULE, false },
	{ "exactly the reserve is unused", { SIZE, 80 * MIB, PLENTY, 0 }, RULE, false },
	{ "one byte less than the reserve", { SIZE, 80 * MIB + 1, PLENTY, 0 }, RULE, true },
	{ "it is full", { SIZE, SIZE, PLENTY, 0 }, RULE, true },
	{ "more is used than it has", { SIZE, SIZE + 1, PLENTY, 0 }, RULE, true },
	{ "all numbers are used", { SIZE, MAX, PLENTY, 0 }, RULE, true },
	{ "it is full in 10 seconds", { SIZE, 50 * MIB, PLENTY, 50 * MIB / 10000.0 }, RULE, true },
	{ "in a bit more", { SIZE, 50 * MIB, PLENTY, 50 * MIB / 10001.0 }, RULE, false },
	{ "in a bit less", { SIZE, 50 * MIB, PLENTY, 50 * MIB / 9999.0 }, RULE, true },
	{ "it is empty, and full in 1 ms", { SIZE, 0, PLENTY, (double)SIZE }, RULE, true },
	{ "without a reserve", { SIZE, SIZE - 1, PLENTY, 0 }, { .ahead_ms = 10000 }, false },
	{ "without a reserve, and full", { SIZE, SIZE, PLENTY, 0 }, { .ahead_ms = 10000 }, true },
	{ "without a look ahead", { SIZE, 0, PLENTY, (double)SIZE }, { .reserve = MIB }, false },
	{ "without a size", { 0, 0, PLENTY, 0 }, RULE, true },
	{ "of the greatest size", { MAX, 0, PLENTY, 0 }, RULE, false },
	{ "of the greatest size, and full", { MAX, MAX, PLENTY, 0 }, RULE, true },
	{ "of the greatest size, at the greatest rate", { MAX, 0, PLENTY, 0x1p64 }, RULE, true },
	{ "with the greatest reserve", { SIZE, 0, PLENTY, 0 }, { .reserve = MAX }, true },
	{ "with the greatest look ahead", { SIZE, 0, PLENTY, 1 }, { .ahead_ms = INT64_MAX }, true },
	{ "... but nothing is written", { SIZE, 0, PLENTY, 0 }, { .ahead_ms = INT64_MAX }, false },
};

static void test_due(void)
{
	size_t i;

	for (i = 0; i < sizeof(dues) / sizeof(dues[0]); i++)
		is_int(growth_is_due(&dues[i].state, &dues[i].rule), dues[i].is_due, dues[i].name);
}

/* It is due: 90 of 100 MiB are used.  The last two numbers are max and keep_free. */
#define DUE(available) { SIZE, 90 * MIB, available, 0 }
#define LIMITS(step_, max_, keep_) { 20 * MIB, 10000, step_, max_, keep_ }

static const struct decision {
	const char *name;
	struct growth_state state;
	struct growth_rule rule;
	enum growth_verdict verdict;
	uint64_t by;
} decisions[] = {
	{ "enough", { SIZE, 10 * MIB, PLENTY, 0 }, RULE, GROWTH_ENOUGH, 0 },
	{ "enough, so that limits do not matter", { SIZE, 10 * MIB, 0, 0 }, LIMITS(MIB, SIZE, MAX),
		GROWTH_ENOUGH, 0 },
	{ "by a step", DUE(PLENTY), RULE, GROWTH_EXTEND, 30 * MIB },
	{ "by a step, due by the rate", { SIZE, 50 * MIB, PLENTY, MIB }, RULE, GROWTH_EXTEND,
		30 * MIB },
	{ "the maximum leaves just a step", DUE(PLENTY), LIMITS(30 * MIB, 130 * MIB, 0),
		GROWTH_EXTEND, 30 * MIB },
	{ "the maximum leaves less than a step", DUE(PLENTY), LIMITS(30 * MIB, 101 * MIB, 0),
		GROWTH_EXTEND, MIB },
	{ "the maximum leaves one byte", DUE(PLENTY), LIMITS(30 * MIB, SIZE + 1, 0), GROWTH_EXTEND,
		1 },
	{ "it has the maximum", DUE(PLENTY), LIMITS(30 * MIB, SIZE, 0), GROWTH_AT_MAX, 0 },
	{ "it has more than the maximum", DUE(PLENTY), LIMITS(30 * MIB, SIZE - 1, 0), GROWTH_AT_MAX,
		0 },
	{ "the group has just a step", DUE(30 * MIB), RULE, GROWTH_EXTEND, 30 * MIB },
	{ "the group has less than a step", DUE(4 * MIB), RULE, GROWTH_EXTEND, 4 * MIB },
	{ "the group has nothing", DUE(0), RULE, GROWTH_NO_SPACE, 0 },
	{ "the group keeps just a step", DUE(50 * MIB), LIMITS(30 * MIB, 0, 20 * MIB),
		GROWTH_EXTEND, 30 * MIB },
	{ "the group keeps more", DUE(50 * MIB), LIMITS(30 * MIB, 0, 46 * MIB), GROWTH_EXTEND,
		4 * MIB },
	{ "the group keeps all but one byte", DUE(50 * MIB), LIMITS(30 * MIB, 0, 50 * MIB - 1),
		GROWTH_EXTEND, 1 },
	{ "the group keeps all", DUE(50 * MIB), LIMITS(30 * MIB, 0, 50 * MIB), GROWTH_NO_SPACE, 0 },
	{ "the group keeps more than it has", DUE(50 * MIB), LIMITS(30 * MIB, 0, MAX),
		GROWTH_NO_SPACE, 0 },
	{ "the maximum is less than what the group has", DUE(20 * MIB),
		LIMITS(30 * MIB, 110 * MIB, 0), GROWTH_EXTEND, 10 * MIB },
	{ "the group has less than the maximum allows", DUE(10 * MIB),
		LIMITS(30 * MIB, 120 * MIB, 0), GROWTH_EXTEND, 10 * MIB },
	{ "at the maximum, and the group has nothing", DUE(0), LIMITS(30 * MIB, SIZE, 0),
		GROWTH_AT_MAX, 0 },
	{ "the greatest step", DUE(PLENTY), LIMITS(MAX, 0, 0), GROWTH_EXTEND, PLENTY },
	{ "the greatest step and group", DUE(MAX), LIMITS(MAX, 0, 0), GROWTH_EXTEND, MAX },
	{ "the greatest maximum", DUE(MAX), LIMITS(MAX, MAX, 0), GROWTH_EXTEND, MAX - SIZE },
	{ "more is used than it has", { SIZE, SIZE + MIB, PLENTY, 0 }, RULE, GROWTH_EXTEND,
		30 * MIB },
	{ "without a size", { 0, 0, PLENTY, 0 }, RULE, GROWTH_EXTEND, 30 * MIB },
	{ "of the greatest size", { MAX, MAX, PLENTY, 0 }, LIMITS(MIB, MAX, 0), GROWTH_AT_MAX, 0 },
};

static void test_decide(void)
{
	struct growth_decision d;
	size_t i;

	for (i = 0; i < sizeof(decisions) / sizeof(decisions[0]); i++) {
		d = growth_decide(&decisions[i].state, &decisions[i].rule);
		is_int(d.verdict, decisions[i].verdict, decisions[i].name);
		ok(d.by == decisions[i].by, "... by as much");
	}
}

/* A guest fills a snapshot at a steady rate; a look at it every second keeps ahead of that. */
static void test_together(void)
{
	const struct growth_rule rule = { 2 * MIB, 5000, 10 * MIB, 45 * MIB, 4 * MIB };
	struct growth_state s = { 10 * MIB, 0, 100 * MIB, 0 };
	struct growth_rate r = { 0 };
	struct growth_decision d;
	int64_t second;
	int extended = 0;

	for (second = 1; second <= 60 && s.used < s.size; second++) {
		growth_rate_update(&r, s.used, second * 1000);
		s.rate = r.rate;
		d = growth_decide(&s, &rule);
		if (d.verdict == GROWTH_AT_MAX)
			break;
		s.size += d.by;
		s.free -= d.by;
		extended += d.verdict == GROWTH_EXTEND;
		s.used += MIB;
	}
	ok(s.used < s.size, "it is never full before it has its greatest size");
	is_int(s.size, 45 * MIB, "which it has at the end");
	is_int(extended, 4, "after three steps, and one that was limited");
	is_int(s.free, 65 * MIB, "which the group gave");
}

int main(void)
{
	test_rate();
	test_due();
	test_decide();
	test_together();
	return tap_done();
}
