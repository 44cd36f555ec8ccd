/*
 * deadline: a limit in time that does not count the time in which this process was
 * stopped (Ctrl-Z, a frozen cgroup).
 *
 *	deadline_set(&d, 30000);
 *	while ((wait = deadline_wait(&d)) != 0 && poll(p, 1, wait) == 0)
 *		;
 *
 * deadline_wait() must be called at least once a second, so its result is never more
 * than DEADLINE_TICK_MS.  If much more time has passed between two calls, the
 * process was stopped meanwhile, and the deadline is moved by that time.
 */
#ifndef IMG_DEADLINE_H
#define IMG_DEADLINE_H

#include <stdint.h>

#define DEADLINE_TICK_MS 1000
#define DEADLINE_STOPPED_MS 4000 /* between two calls: the process was stopped */

struct deadline {
	int64_t at;   /* by io_now_ms(); 0: none */
	int64_t seen; /* the time of the last call */
};

/* Sets the deadline to ms from now; 0: there is none. */
void deadline_set(struct deadline *d, int64_t ms);

/* The milliseconds to wait before the next call; 0: the deadline has passed. */
int deadline_wait(struct deadline *d);

/* The milliseconds until the deadline: 0 if it has passed, -1 if there is none. */
int64_t deadline_left(const struct deadline *d);

/* Moves the deadline by the time since start (io_now_ms()), which does not count. */
void deadline_exclude(struct deadline *d, int64_t start);

#endif
