/*
 * chooser: begins with compression, because the buffers of a slow link make
 * whatever comes first look fast, and that is the link where it is right.
 */
#include "lib/flow/chooser.h"

#include <string.h>

void chooser_init(struct chooser *c, int64_t now_ms)
{
	memset(c, 0, sizeof(*c));
	atomic_store(&c->compresses, true);
	c->faster = true;
	c->keep = c->left = CHOOSER_KEEP_MIN;
	c->began_ms = now_ms;
}

bool chooser_compresses(struct chooser *c)
{
	return atomic_load_explicit(&c->compresses, memory_order_relaxed);
}

/* A trial is over: which way is kept from now on, and how long. */
static void judge(struct chooser *c, bool tried)
{
	if (c->rate[tried] > c->rate[!tried]) {
		c->faster = tried;
		c->keep = CHOOSER_KEEP_MIN;
	}
	c->left = c->keep;
	c->keep = c->keep * 4 < CHOOSER_KEEP_MAX ? c->keep * 4 : CHOOSER_KEEP_MAX;
}

/* A window is over: which way the next one goes. */
static bool next_way(struct chooser *c)
{
	bool now = chooser_compresses(c);

	if (c->rate[!now] == 0)
		return !now;
	if (now != c->faster) {
		judge(c, now);
		return c->faster;
	}
	if (c->left == 0 || c->rate[now] < c->rate[!now])
		return !now;
	c->left--;
	return now;
}

/* Half of what is remembered is the last window: a moment's load is not a reason. */
static void remember(double *rate, double measured)
{
	*rate = *rate > 0 ? (*rate + measured) / 2 : measured;
}

void chooser_passed(struct chooser *c, uint64_t raw_len, uint64_t coded_len, int64_t now_ms)
{
	int64_t took = now_ms - c->began_ms;

	c->raw += raw_len;
	c->coded += coded_len;
	if (!c->settled) {
		c->settled = c->coded >= CHOOSER_SETTLE_CODED || c->raw >= CHOOSER_SETTLE_RAW ||
			     took >= CHOOSER_SETTLE_MS;
		c->settled_raw = c->raw;
		c->settled_ms = now_ms;
		return;
	}
	if (c->coded < CHOOSER_CODED && c->raw < CHOOSER_RAW && took < CHOOSER_MS)
		return;
	took = now_ms - c->settled_ms;
	remember(&c->rate[chooser_compresses(c)],
		(double)(c->raw - c->settled_raw) / (double)(took > 0 ? took : 1));
	atomic_store_explicit(&c->compresses, next_way(c), memory_order_relaxed);
	c->raw = c->coded = 0;
	c->settled = false;
	c->began_ms = now_ms;
}
