/*
 * commit_guest: what runs the guest and commits its layers as a job of its own: QEMU by its monitor
 * (commit_qmp.h) or libvirt by virsh (commit_virsh.h).
 *
 * A function returns 0, or -1 with an error recorded, unless its comment says otherwise, and blocks
 * as long as qmp_call() or virsh may.
 */
#ifndef IMG_COMMIT_GUEST_H
#define IMG_COMMIT_GUEST_H

#include "lib/host/qmp_job.h"
#include "lib/op/commit.h"

struct commit_guest_ops {
	/* The job c->job: 1 and *job; 0: there is none. */
	int (*find)(struct commit_guest *g, const struct commit *c, struct qmp_job *job);
	/*
	 * Of an active commit that has ended: whether the guest uses IMAGE nevertheless, because it
	 * was told otherwise, or does so again.  1, 0, or -1 recorded.  NULL: no job that has ended
	 * is found.
	 */
	int (*uses_image)(struct commit_guest *g, const struct commit *c);
	/*
	 * Finds out by which names the layers from IMAGE to BASE are known there.  ST_REFUSED if
	 * one is not open there, or cannot be committed.  ST_BUSY while another job runs.
	 */
	int (*look)(struct commit_guest *g, const struct commit *c);
	/* Starts the job.  Needs look() before. */
	int (*start)(struct commit_guest *g, const struct commit *c);
	/* Up to where BASE is written; UINT64_MAX: not known. */
	int (*end)(struct commit_guest *g, const struct commit *c, uint64_t *end);
	/* The job is ready: lets the guest use BASE, which ends the job. */
	int (*complete)(struct commit_guest *g, const struct commit *c);
	/* The job is paused since a disk was full: lets it go on. */
	int (*resume)(struct commit_guest *g, const struct commit *c);
	/* The job has ended: removes it from the list of jobs. */
	int (*dismiss)(struct commit_guest *g, const struct commit *c);
	/* After dismiss(): closes the image at a path, which was committed and is not needed. */
	int (*release)(struct commit_guest *g, const char *path);
	/* Waits for news of the job, at most ms milliseconds; also -1 on a cancellation. */
	int (*wait)(struct commit_guest *g, int ms);
	void (*close)(struct commit_guest *g); /* frees it; keeps the recorded error */
};

struct commit_guest {
	const struct commit_guest_ops *ops;
	const struct policy *policy;
};

#endif
