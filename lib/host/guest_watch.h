/*
 * guest_watch: lets a running guest of this host tell when it writes a disk beyond an offset, the
 * threshold; by QEMU's monitor (QMP) or by libvirt's program virsh.
 *
 *	guest_watch_open
 *	guest_watch_set		QEMU tells once, then the threshold has to be set again
 *	guest_watch_look	how far the disks are written
 *	guest_watch_take	when guest_watch_fd() is readable: what it has told
 *	guest_watch_close
 *
 * A write can pass between a look and the setting of a threshold, so the caller looks again after
 * it has set one.  QEMU tells before it writes, so what it has told counts as written.
 *
 * The other side is not trusted: its numbers are bounded, and every wait has a limit in time.
 */
#ifndef IMG_GUEST_WATCH_H
#define IMG_GUEST_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "lib/base/buf.h"
#include "lib/base/policy.h"
#include "lib/host/live.h"
#include "lib/host/qmp.h"

#define GUEST_WATCH_ANSWER_MS 10000 /* what QEMU has for a command and its reply */

struct guest_watch {
	/* Set by the caller, and borrowed: one of socket and domain. */
	const struct policy *policy;
	const char *socket; /* of QEMU's monitor, as for qmp_open(), or NULL */
	const char *domain; /* libvirt's guest, or NULL */
	uid_t owner;	    /* of the images; for qmp_open() */

	struct live live; /* its disks */
	bool is_open;
	bool is_stale; /* the disks may have changed, so guest_watch_look() lists them again */
	struct qmp *qmp;
	int events;	 /* the output of `virsh event`, */
	pid_t pid;	 /* which is this process */
	struct buf line; /* of that output, not complete */
};

/* Whether space was added to a disk. */
typedef bool guest_watch_has_space(void *arg, const struct stat *st);

/*
 * Connects, and lists the disks.  0, or -1 recorded: as qmp_open(), qmp_block_list() and
 * domstats_list(); ST_ABSENT if the guest does not run.
 */
int guest_watch_open(struct guest_watch *g);
void guest_watch_close(struct guest_watch *g); /* accepts a closed one; keeps the recorded error */

/* A descriptor to be polled for POLLIN, or -1. */
int guest_watch_fd(const struct guest_watch *g);

/*
 * Takes what has arrived, without waiting.  1: something happened, so the disks are to be looked
 * at; 0: nothing; -1 recorded: the connection is lost, and g is closed.
 */
int guest_watch_take(struct guest_watch *g);

/*
 * Reads again how far all disks are written.  Without an answer g is closed.  0, or -1 recorded.
 * Waits for the answer.
 */
int guest_watch_look(struct guest_watch *g);

/* The disk that is this file or device, valid until the next look; NULL: there is none. */
const struct live_disk *guest_watch_find(const struct guest_watch *g, const struct stat *st);

/* The end of what is written, or about to be, since QEMU opened it. */
uint64_t guest_watch_end(const struct live_disk *disk);

/* Sets the threshold of a disk of g, in bytes.  As guest_watch_look(). */
int guest_watch_set(struct guest_watch *g, const struct live_disk *disk, uint64_t threshold);

/*
 * Lets the guest go on if it is paused because all of those of its disks that have an error were
 * full, and has_space says of each of them that it has got space.  1: it goes on; 0: that was not
 * the case; -1 recorded.
 */
int guest_watch_resume(struct guest_watch *g, guest_watch_has_space *has_space, void *arg);

/*
 * Notes a line of `virsh event`.  Only for guest_watch_virsh.c and its tests.
 */
void guest_watch_virsh_note(struct guest_watch *g, char *line);

/* As the functions above, by QEMU's monitor and by virsh.  Only for guest_watch.c. */
int guest_watch_qmp_open(struct guest_watch *g);
int guest_watch_qmp_take(struct guest_watch *g);
int guest_watch_qmp_list(struct guest_watch *g, struct live *out);
int guest_watch_qmp_update(struct guest_watch *g);
int guest_watch_qmp_set(struct guest_watch *g, const struct live_disk *disk, uint64_t threshold);
int guest_watch_qmp_resume(struct guest_watch *g, guest_watch_has_space *has_space, void *arg);
int guest_watch_virsh_open(struct guest_watch *g);
void guest_watch_virsh_close(struct guest_watch *g);
int guest_watch_virsh_take(struct guest_watch *g);
int guest_watch_virsh_list(struct guest_watch *g, struct live *out);
int guest_watch_virsh_set(struct guest_watch *g, const struct live_disk *disk, uint64_t threshold);
int guest_watch_virsh_resume(struct guest_watch *g, guest_watch_has_space *has_space, void *arg);

/* Notes what QEMU has told: the node, the threshold, and by how much a write goes beyond it. */
void guest_watch_note(
	struct guest_watch *g, const char *node, uint64_t threshold, uint64_t exceeded);

#endif
