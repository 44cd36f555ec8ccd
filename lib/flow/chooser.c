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
	c->keep = CHOOSER_KEEP_MIN;
	c->began_ms = now_ms;
}

bool chooser_compresses(struct chooser *c)
{
	return atomic_load_explicit(&c->compresses, memory_order_relaxed);
}

/* A window is over: which way the next one goes. */
static void choose(struct chooser *c)
{
	bool now = chooser_compresses(c), faster, next;

	if (c->rate[!now] == 0) {
		next = !now; /* not tried yet */
	} else {
		faster = c->rate[1] > c->rate[0];
		if (now != faster || c->left == 0) {
			/* Back from a trial, or the way itself has changed; or time for one. */
			next = now != faster ? faster : !faster;
			if (now != faster) {
				c->left = c->keep;
				c->keep = c->keep * 2 < CHOOSER_KEEP_MAX ? c->keep * 2
									 : CHOOSER_KEEP_MAX;
			}
		} else {
			next = now;
			c->left--;
		}
	}
	atomic_store_explicit(&c->compresses, next, memory_order_relaxed);
}

void chooser_passed(struct chooser *c, uint64_t raw_len, int64_t now_ms)
{
	int64_t took = now_ms - c->began_ms;

	c->bytes += raw_len;
	if (!c->settled) {
		if (c->bytes < CHOOSER_BYTES / CHOOSER_SETTLE && took < CHOOSER_MS / CHOOSER_SETTLE)
			return;
		c->settled = true;
		c->measured = 0;
		c->measured_ms = now_ms;
		return;
	}
	c->measured += raw_len;
	if (c->bytes < CHOOSER_BYTES && took < CHOOSER_MS)
		return;
	took = now_ms - c->measured_ms;
	c->rate[chooser_compresses(c)] = (double)c->measured / (double)(took > 0 ? took : 1);
	choose(c);
	c->bytes = 0;
	c->settled = false;
	c->began_ms = now_ms;
}
