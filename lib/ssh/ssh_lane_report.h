/*
 * ssh_lane_report: what other threads may know of the lanes of one connection.
 */
#ifndef IMG_SSH_LANE_REPORT_H
#define IMG_SSH_LANE_REPORT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define SSH_LANE_TAIL 4096 /* the last bytes of standard error that are kept */

/* lock protects it. */
struct ssh_lane_report {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int ending;	 /* lanes whose output has ended and whose exit status may still arrive */
	int exit_status; /* of the last command that ended, or -1 */
	_Atomic uint64_t passed;  /* bytes between sockets and channels, both ways; no lock */
	_Atomic int64_t round_ms; /* the shortest round trip measured; 0: none; no lock */
	uint64_t tail_total;
	char tail[SSH_LANE_TAIL]; /* byte n of standard error is at n % SSH_LANE_TAIL */
};

/* 0, or an errno; only then there is something to free. */
int ssh_lane_report_init(struct ssh_lane_report *r);
void ssh_lane_report_fini(struct ssh_lane_report *r);

/* Keeps n bytes of standard error. */
void ssh_lane_report_keep(struct ssh_lane_report *r, const char *p, size_t n);

#endif
