/*
 * live: how far the disks of a running guest are written, as QEMU counts it.
 *
 * QEMU names its disks by paths, which come from outside: a path is only looked up (O_PATH),
 * through the access policy, to find out which file or device it is.  A path that leads to
 * nothing, or that the policy does not allow, is left out.
 */
#ifndef IMG_LIVE_H
#define IMG_LIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "lib/base/policy.h"

#define LIVE_DISKS_MAX 4096

struct live {
	struct live_disk {
		struct stat st;
		char *node;	 /* the name of QEMU's node that reads and writes it, or NULL */
		uint64_t end;	 /* of the last byte written since it was opened, or 0 */
		uint64_t passed; /* end of the write that QEMU reported last, or 0 */
		uint64_t
			threshold; /* where QEMU reports a write (BLOCK_WRITE_THRESHOLD); 0: none */
		bool is_lower;	   /* a layer that another one stands on; told by libvirt only */
	} *disk;
	size_t count;
};

#define LIVE_INIT { NULL, 0 }

/*
 * Adds the disk at path.  A relative one starts at directory; NULL: it is left out.  node may be
 * NULL.  The disk, which is valid until the next one is added, and of which the caller sets the
 * numbers; NULL: it is left out, or (err_status() is not ST_OK) an error is recorded.
 */
struct live_disk *live_add(struct live *l, const struct policy *policy, const char *directory,
	const char *path, const char *node);

/* The disk that is this file or device, the one that is written furthest; NULL: there is none. */
const struct live_disk *live_find(const struct live *l, const struct stat *st);

void live_fini(struct live *l); /* accepts an empty one */

#endif
