/*
 * virsh_job: a block job of a disk of one of libvirt's guests, by virsh.
 *
 *	virsh blockcommit web vda --base 'vda[2]' --top 'vda[1]'
 *	virsh blockjob web vda --raw
 *	  type=Block Commit
 *	  bandwidth=0
 *	  cur=1048576
 *	  end=10485760
 *
 * Of a job that has ended, libvirt says nothing.  A commit of the active layer is ready when cur is
 * end, and ends after `virsh blockjob web vda --pivot`.
 */
#ifndef IMG_VIRSH_JOB_H
#define IMG_VIRSH_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct virsh_job {
	uint64_t done, total; /* bytes */
	bool is_commit;
	bool is_ready;
};

/* The job of a disk: 1; 0: there is none; -1 recorded, as of virsh_run(). */
int virsh_job_find(const char *domain, const char *disk, struct virsh_job *out);

/* The same from the output of virsh: 1, 0, or -1 with ST_FAILED recorded if it is not that. */
int virsh_job_parse(const char *text, size_t len, struct virsh_job *out);

/*
 * Starts a commit of the layer top, or of the active one (NULL), into base, both of which are as
 * virsh takes them.  0, or -1 recorded.
 */
int virsh_job_commit(const char *domain, const char *disk, const char *top, const char *base,
	bool keep_relative);

/* Lets the guest use the base of a job that is ready.  0, or -1 recorded. */
int virsh_job_pivot(const char *domain, const char *disk);

#endif
