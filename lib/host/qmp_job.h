/*
 * qmp_job: a block job of QEMU that has a name, and outlives its client.
 *
 *	qmp_job_commit | qmp_job_find until it has ended | qmp_job_dismiss
 *
 * QEMU keeps a job that has ended until it is dismissed, so that a client which was not there can
 * learn how it ended.  A job that meets a full disk pauses, and goes on after qmp_job_resume().
 */
#ifndef IMG_QMP_JOB_H
#define IMG_QMP_JOB_H

#include "lib/host/qmp.h"

#define QMP_JOB_ERROR_MAX 300

struct qmp_job {
	uint64_t done, total; /* bytes */
	bool is_ready; /* the active layer is in BASE, and stays so until qmp_job_complete() */
	bool is_without_space; /* it is paused, since a disk is full */
	bool has_ended;
	char error[QMP_JOB_ERROR_MAX]; /* why it failed, safe to show; "" if it did not */
};

/* What a commit is about, as names of nodes. */
struct qmp_job_commit {
	const char *id;
	const char *root;    /* the node that the guest uses */
	const char *top;     /* the uppermost layer that is committed; NULL: root */
	const char *base;    /* the layer that they are written into */
	const char *backing; /* the name of base that the layer above top records; NULL: none is */
	bool masks_protocol; /* qmp_job_can_mask_protocol(): record no protocol as a format */
};

/* Starts a commit.  0, or -1 recorded, as of qmp_call(). */
int qmp_job_commit(struct qmp *q, const struct qmp_job_commit *c);

/* Whether this QEMU has the argument that masks_protocol needs: 1, 0, or -1 recorded. */
int qmp_job_can_mask_protocol(struct qmp *q);

/* Looks for a job by its id: 1; 0: there is none; -1 recorded. */
int qmp_job_find(struct qmp *q, const char *id, struct qmp_job *out);

/* What a job is told; 0, or -1 recorded. */
int qmp_job_complete(struct qmp *q, const char *id); /* that is ready */
int qmp_job_resume(struct qmp *q, const char *id);   /* that is paused */
int qmp_job_dismiss(struct qmp *q, const char *id);  /* that has ended */

/*
 * Waits for news, which may be an event or not, at most ms milliseconds.  0, or -1 recorded, also
 * when this process is cancelled.
 */
int qmp_job_wait(struct qmp *q, int ms);

#endif
