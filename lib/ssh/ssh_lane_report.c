/*
 * ssh_lane_report: see ssh_lane_report.h.
 */
#include "lib/ssh/ssh_lane_report.h"

#include <string.h>
#include <time.h>

int ssh_lane_report_init(struct ssh_lane_report *r)
{
	pthread_condattr_t attr;
	int rc;

	memset(r, 0, sizeof(*r));
	r->exit_status = -1;
	pthread_mutex_init(&r->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	rc = pthread_cond_init(&r->changed, &attr);
	pthread_condattr_destroy(&attr);
	return rc;
}

void ssh_lane_report_fini(struct ssh_lane_report *r)
{
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->changed);
}

void ssh_lane_report_keep(struct ssh_lane_report *r, const char *p, size_t n)
{
	pthread_mutex_lock(&r->lock);
	for (; n > 0; n--)
		r->tail[r->tail_total++ % SSH_LANE_TAIL] = *p++;
	pthread_mutex_unlock(&r->lock);
}
