/*
 * info: describes one image, or a container, by a record (kv.h).
 *
 *	path, name, kind, format, compression, unfinished,
 *	inactive					a volume whose content cannot be read
 *	size, free					a volume group: bytes
 *	capacity, allocation, physical			bytes
 *	archive: recorded (it carries length and digest), plain (neither), truncated
 *	fs.type, fs.label, fs.uuid, partitions
 *	volume.type, volume.pool, volume.snapshot (each)	a volume: LVM's names
 *	volume.pool_size				a thin volume: bytes
 *	snapshot.origin					a snapshot that is a volume
 *	snapshot.space, snapshot.invalid		and is thick
 *	snapshot.used (0 to 1)				and is not invalid
 *	mounted, mountpoint (each), in_use, used_by (each, as in the message of ST_BUSY)
 *	live			whether QEMU has it open, if that was asked for
 *	mode (octal), owner, group, label
 *	atime, mtime, ctime				seconds "." nine digits
 *	compat, feature (each), cluster_size		qcow2
 *	watermark		qcow2: bytes, the end of the last cluster in use; of a block
 *				device it is the allocation, too, unless QEMU has written
 *				beyond it; absent if it is not known,
 *				and in a list for a file
 *	backing.recorded, backing.format, backing.path	qcow2, qcow, qed and vmdk
 *	data_file.recorded, .path, .capacity, .allocation, .physical	qcow2 with an external
 *							data file ("" if it is not named)
 *	extent.recorded, .path, .capacity, .allocation, .physical	each extent of a VMDK
 *							descriptor; "" if not known
 *
 * A key that does not apply is left out.
 */
#ifndef IMG_INFO_H
#define IMG_INFO_H

#include "lib/base/buf.h"
#include "lib/host/live.h"
#include "lib/store/place.h"
#include "lib/store/recorded.h"

/* An image as a layer of a chain, or alone. */
struct info_layer {
	bool is_entry; /* of a list, in which a file has no watermark */
	/*
	 * What it is taken for, as the layer above it records: "" is not recorded, and so raw.
	 * NULL: what it looks like.
	 */
	const char *format;
	unsigned *use_wait_ms; /* borrowed: shared by the layers of a chain (image.h); or NULL */
	/* What QEMU says of the disks that it has open, borrowed; NULL: it was not asked. */
	const struct live *live;
	/* What is below it, as it records; NULL: nothing, or it does not record the format. */
	char *backing, *backing_format;
	struct recorded below; /* where that is */
};

/*
 * Appends the record of the image or container at a place, as an entry of a list; takes the place
 * over, also on failure.  name is the value of the key name; NULL: the place's own name.
 * 0, or -1 recorded; then out may hold a part of the record.  Blocks for up to 2
 * seconds while a volume is open elsewhere (inuse.h).
 */
int info_collect(struct place *place, const char *name, struct buf *out);

/*
 * The same of a layer, of which all but format, use_wait_ms and live is set, also on failure; the
 * caller calls info_layer_fini().  Also ST_CORRUPT if it is not what it is taken for.
 */
int info_collect_layer(struct place *place, struct info_layer *layer, struct buf *out);

/*
 * Sets what is below the layer at a place: name and format are as it records them, "" if it does
 * not.  0, or -1 recorded: out of memory.
 */
int info_layer_set_below(
	struct info_layer *layer, const struct place *place, const char *name, const char *format);

void info_layer_fini(struct info_layer *layer);

/* For backends: appends what is known of a directory that is open.  0, or -1 recorded. */
int info_add_directory(struct buf *out, int fd);

#endif
