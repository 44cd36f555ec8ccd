/*
 * inuse_find: finds users of a file or device in /proc and /sys, for inuse.c.  Each function
 * adds what it finds to *u; u->who names the first.  What is not visible is skipped.
 */
#ifndef IMG_INUSE_FIND_H
#define IMG_INUSE_FIND_H

#include <sys/stat.h>

#include "lib/host/inuse.h"

/* Adds a use, unless the same text was added before; u->who is the first. */
void inuse_find_say(struct inuse *u, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Adds a use of which no more is known, unless any was added. */
void inuse_find_say_only(struct inuse *u, const char *text);

/*
 * Finds the other processes that have the file open for writing, or the device in any
 * way.  Whether there is one.
 */
bool inuse_find_process(const struct stat *st, struct inuse *u);

/* Names the device that is built on dev, such as a volume, RAID or LUKS device. */
void inuse_find_holder(dev_t dev, struct inuse *u);

/* Finds mounts of dev; sets *writable if one is.  Their number, or -1 recorded. */
int inuse_find_mounts(dev_t dev, struct inuse *u, bool *writable);

/* The same of the partitions of disk, a directory below /sys.  The number of mounts. */
int inuse_find_partitions(const char *disk, struct inuse *u, bool *writable);

/* Finds loop devices on it, and their mounts. */
void inuse_find_loops(const struct stat *st, struct inuse *u);

#endif
