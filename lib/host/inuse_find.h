/*
 * inuse_find: the places where the kernel tells who has a file or a device, for
 * inuse.c.  Each adds to *u what it finds.
 */
#ifndef IMG_INUSE_FIND_H
#define IMG_INUSE_FIND_H

#include <sys/stat.h>

#include "lib/host/inuse.h"

/* Adds a holder, unless the same text was added before. */
void inuse_find_say(struct inuse *u, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Adds a holder of which no more is known, unless any was added. */
void inuse_find_say_only(struct inuse *u, const char *text);

/*
 * The other processes that have the file open for writing, or the device at all, if we
 * may see them; whether there is one.
 */
bool inuse_find_process(const struct stat *st, struct inuse *u);

/* What is made of a device, as another volume, a RAID or a LUKS device. */
void inuse_find_holder(dev_t dev, struct inuse *u);

/* Where it is mounted; *writable is set if it is so somewhere.  Their number, or -1 recorded. */
int inuse_find_mounts(dev_t dev, struct inuse *u, bool *writable);

/* The same of the partitions of a disk, which is its directory below /sys. */
int inuse_find_partitions(const char *disk, struct inuse *u, bool *writable);

/* Loop devices over it, and who has those mounted. */
void inuse_find_loops(const struct stat *st, struct inuse *u);

#endif
