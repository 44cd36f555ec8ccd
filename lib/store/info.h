/*
 * info: all that can be said of one image, as a record (kv.h).
 *
 *	path, name, kind, format, compression, unfinished,
 *	inactive					a volume: its content cannot be seen
 *	size, free					a volume group: bytes
 *	capacity, allocation, physical			bytes
 *	archive: recorded (it carries length and digest), plain (neither), truncated
 *	fs.type, fs.label, fs.uuid, partitions
 *	mounted, mountpoint (each), in_use, used_by (each, as in the message of ST_BUSY)
 *	mode (octal), owner, group, label
 *	atime, mtime, ctime				seconds "." nine digits
 *	compat, feature (each), cluster_size		qcow2
 *	backing.recorded, backing.format, backing.path	qcow2
 *
 * A key that does not apply is left out.
 */
#ifndef IMG_INFO_H
#define IMG_INFO_H

#include "lib/base/buf.h"
#include "lib/store/place.h"

/*
 * Appends the record of what is at a place, which it takes over, also on failure.  name: what to
 * call it, or NULL: its own name.  0, or -1 recorded.
 */
int info_collect(struct place *place, const char *name, struct buf *out);

/* For backends: the record of a directory that is open. */
int info_add_directory(struct buf *out, int fd);

#endif
