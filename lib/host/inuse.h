/*
 * inuse: who else uses a file or device, by what the kernel reports.
 *
 * Of a file it detects loop devices, mounts of these, swap, the locks of QEMU and of
 * other jobs, and another process that has it open for writing.  The last is found by a
 * read lease; where the lease is not available (a file of another user, some
 * filesystems), by the descriptors in /proc that are visible.  Of a block device it
 * detects mounts, swap and other exclusive users (dm, md), and of a volume or another
 * device of the device mapper also any other process that has it open.
 *
 * Nothing is changed.  It blocks only for up to VOLUME_OPEN_MS while such a device is open
 * elsewhere, which may be udev.
 */
#ifndef IMG_INUSE_H
#define IMG_INUSE_H

#include <stdbool.h>

#include "lib/base/buf.h"

#define INUSE_HOLDERS_MAX 64

struct inuse {
	bool mounted;
	bool writers;		/* it is open for writing elsewhere, or mounted writable */
	bool readers;		/* it is used in another way */
	bool job;		/* another job of ours is writing it; of files only */
	char who[256];		/* the first use that was found, for messages */
	struct buf holders;	/* all uses, at most INUSE_HOLDERS_MAX texts, as mountpoints */
	struct buf mountpoints; /* NUL-terminated strings, one after the other */
};

/*
 * Finds out who else uses the file or device that fd is open on.  path is used for a
 * block device only, to find exclusive users: it is opened once more by that path; NULL:
 * that is skipped.  0, or -1 recorded.  The caller calls inuse_fini() in both cases.
 */
int inuse_look(int fd, const char *path, struct inuse *u);

/*
 * The same, but it blocks for up to *wait_ms milliseconds, from which it takes the time that it
 * has waited, so that many devices share it.  NULL: VOLUME_OPEN_MS.
 */
int inuse_look_within(int fd, const char *path, struct inuse *u, unsigned *wait_ms);

/* The same of a volume; is_open: it is known to be open elsewhere. */
int inuse_look_known(int fd, const char *path, struct inuse *u, bool is_open);
void inuse_fini(struct inuse *u);

/* Refuses a file (not a device) that is in use: 0, or -1 with ST_BUSY recorded, naming the use. */
int inuse_refuse(int fd);

/*
 * Explains why the device at path could not be opened exclusively: -1 with ST_BUSY
 * recorded, naming the use if it is visible.
 */
int inuse_explain_busy(const char *path);

/*
 * Refuses a device of the device mapper that is open elsewhere, with or without O_EXCL; fd
 * is this process's only descriptor of it.  0, also if it is another device or if this
 * process may not ask the device mapper; or -1 recorded: ST_BUSY, naming the use if it is
 * visible.
 */
int inuse_refuse_open(int fd);

#endif
