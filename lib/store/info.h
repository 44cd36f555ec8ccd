/*
 * info: all that can be said of one image, as a record (kv.h).
 *
 *	path, name, kind, format, compression, unfinished,
 *	inactive					a volume: its content cannot be seen
 *	size, free					a volume group: bytes
 *	capacity, allocation, physical			bytes
 *	archive: recorded (it carries length and digest), plain (neither), truncated
 *	fs.type, fs.label, fs.uuid, partitions
 *	mounted, mountpoint (each), in_use
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
#include "lib/store/limits.h"

/*
 * Appends the record of what path is.  name: what to call it, or NULL: its
 * own last part.  0, or -1 recorded.
 */
int info_collect(const struct limits *l, const char *path, const char *name, struct buf *out);

/* The same of a volume that LVM has told of; is_open: whether it is open elsewhere. */
struct lvm_volume;
int info_collect_volume(
	const struct limits *l, const struct lvm_volume *lv, bool is_open, struct buf *out);

#endif
