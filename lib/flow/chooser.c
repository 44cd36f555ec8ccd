/*
 * chooser: compression is tried first.  Empty buffers make what is tried first
 * look fast, most of all on a slow link, and there compression is right.
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

/* At the end of a trial: decides which way is used from now on, and for how long. */
static void chooser_end_trial(struct chooser *c, bool tried)
{
	if (c->rate[tried] > c->rate[!tried]) {
		c->faster = tried;
		c->keep = CHOOSER_KEEP_MIN;
	}
	c->left = c->keep;
	c->keep = c->keep * 4 < CHOOSER_KEEP_MAX ? c->keep * 4 : CHOOSER_KEEP_MAX;
}

/* At the end of a window: whether the next one compresses. */
static bool chooser_next(struct chooser *c)
{
	bool now = chooser_compresses(c);

	if (c->rate[!now] == 0) /* Only compression has been tried, as it is the first. */
		return c->rate[now] < CHOOSER_SLOW;
	if (now != c->faster) {
		chooser_end_trial(c, now);
		return c->faster;
	}
	if (c->left == 0 || c->rate[now] < c->rate[!now])
		return !now;
	c->left--;
	return now;
}

/* The last window counts for half, so that a short load does not change the way. */
static void rate_update(double *rate, double measured)
{
	*rate = *rate > 0 ? (*rate + measured) / 2 : measured;
}

static double rate_of(uint64_t raw, int64_t ms)
{
	return (double)raw / (double)(ms > 0 ? ms : 1);
}

/* Whether this window is a trial of compression that is slower already. */
static bool chooser_is_slower(struct chooser *c, int64_t took_ms)
{
	return chooser_compresses(c) && !c->faster && c->raw >= CHOOSER_EARLY &&
	       rate_of(c->raw, took_ms) * 5 < c->rate[false] * 4;
}

/* Ends the window, in which so many bytes were measured, in so many milliseconds. */
static void chooser_end_window(struct chooser *c, uint64_t raw, int64_t took_ms, int64_t now_ms)
{
	rate_update(&c->rate[chooser_compresses(c)], rate_of(raw, took_ms));
	atomic_store_explicit(&c->compresses, chooser_next(c), memory_order_relaxed);
	c->raw = c->coded = 0;
	c->settled = false;
	c->began_ms = now_ms;
}

void chooser_passed(struct chooser *c, uint64_t raw_len, uint64_t coded_len, int64_t now_ms)
{
	int64_t took = now_ms - c->began_ms;

	c->raw += raw_len;
	c->coded += coded_len;
	if (chooser_is_slower(c, took)) {
		chooser_end_window(c, c->raw, took, now_ms);
		return;
	}
	if (!c->settled) {
		c->settled = c->coded >= CHOOSER_SETTLE_CODED || c->raw >= CHOOSER_SETTLE_RAW ||
			     took >= CHOOSER_SETTLE_MS;
		c->settled_raw = c->raw;
		c->settled_ms = now_ms;
		return;
	}
	if (c->coded < CHOOSER_CODED && c->raw < CHOOSER_RAW && took < CHOOSER_MS)
		return;
	chooser_end_window(c, c->raw - c->settled_raw, now_ms - c->settled_ms, now_ms);
}
