/*
 * deadline: see deadline.h.
 */
#include "lib/base/deadline.h"

#include "lib/base/io.h"

void deadline_set(struct deadline *d, int64_t ms)
{
	d->seen = io_now_ms();
	d->at = ms ? d->seen + ms : 0;
}

int deadline_wait(struct deadline *d)
{
	int64_t now = io_now_ms(), gap = now - d->seen;

	d->seen = now;
	if (!d->at)
		return DEADLINE_TICK_MS;
	if (gap > DEADLINE_STOPPED_MS)
		d->at += gap;
	if (now >= d->at)
		return 0;
	return d->at - now < DEADLINE_TICK_MS ? (int)(d->at - now) : DEADLINE_TICK_MS;
}

int64_t deadline_left(const struct deadline *d)
{
	int64_t left = d->at - io_now_ms();

	if (!d->at)
		return -1;
	return left > 0 ? left : 0;
}

void deadline_exclude(struct deadline *d, int64_t start)
{
	d->seen = io_now_ms();
	if (d->at)
		d->at += d->seen - start;
}
