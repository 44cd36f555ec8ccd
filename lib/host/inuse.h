/*
 * inuse: who else has an image, from what the kernel tells of a descriptor.
 *
 * Seen are: mounts of it through a loop device, loop devices, swap, QEMU's
 * locks, and any other process that has a file open for writing (a read lease
 * would not be granted; where none can be asked for, on another's file or some
 * filesystems: if its descriptors may be seen).  Of a block device: an
 * exclusive user (mount, swap, dm, md), and of a volume anybody who has it open.
 * Nothing is changed; nothing waits, but for udev to close a volume (VOLUME_OPEN_MS).
 */
#ifndef IMG_INUSE_H
#define IMG_INUSE_H

#include <stdbool.h>

#include "lib/base/buf.h"

enum inuse_level {
	INUSE_WRITERS, /* who could change it under a reader */
	INUSE_ANY      /* anybody who would be hurt by a writer */
};

#define INUSE_HOLDERS_MAX 64

struct inuse {
	bool mounted;
	bool writers;		/* somebody has it open for writing, or mounted writable */
	bool readers;		/* somebody else relies on it */
	char who[256];		/* the first holder found, for messages */
	struct buf holders;	/* all that were found, at most INUSE_HOLDERS_MAX; as mountpoints */
	struct buf mountpoints; /* NUL-terminated strings, one after the other */
};

/*
 * Looks who else uses what fd is open on.  Of a block device, path is a name, by which it
 * is opened once more to see whether anybody has it exclusively; else it plays no part
 * and may be NULL.  0 or -1 recorded; then, too, inuse_fini() is to be called.
 */
int inuse_look(int fd, const char *path, struct inuse *u);

/* The same of a volume of which it is known whether it is open elsewhere. */
int inuse_look_known(int fd, const char *path, struct inuse *u, bool is_open);
void inuse_fini(struct inuse *u);

/* 0, or -1 with ST_BUSY recorded naming the holder.  fd is no device. */
int inuse_refuse(int fd, enum inuse_level level);

/*
 * Of the device at path, which could not be opened exclusively: -1 with ST_BUSY recorded,
 * naming the holder as far as it can be seen.
 */
int inuse_explain_busy(const char *path);

/* The same of one that fd is, and others have open. */
int inuse_explain_open(int fd);

#endif
