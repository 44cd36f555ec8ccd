/*
 * watched: one disk that is watched: how much of its storage it uses, and more storage for it.
 *
 * Between two measurements the image is closed: LVM and other commands refuse a volume that is
 * open, and a watcher must not stand in the way of img-commit or img-delete.  Its header is read
 * anew each time, so that an image which is replaced or changed is measured as it is now.
 *
 * What is measured is what the metadata on disk say.  QEMU keeps new metadata in memory until the
 * guest flushes its disk, or its caches are full, so the number can be too low by what a guest
 * has written since then.
 *
 * Functions return 0, or -1 recorded; they block as the storage does, LVM for seconds.
 */
#ifndef IMG_WATCHED_H
#define IMG_WATCHED_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "lib/host/identity.h"
#include "lib/store/backend.h"
#include "lib/store/watch_rule.h"

struct watched {
	const struct policy *policy; /* borrowed, as path, the user's */
	const char *path;
	struct place *place; /* to open it by the next time; or NULL */
};

/* In bytes. */
struct watched_numbers {
	uint64_t capacity;   /* of the guest's disk */
	uint64_t allocation; /* of a device: the watermark; of a file: what it takes on its storage
			      */
	uint64_t physical;   /* size of the file or device */
	uint64_t free;	     /* of a file: free space of its filesystem; of a device 0 */
	bool is_file;
	bool is_dirty;	/* its reference counts can be too low, so the watermark can be, too */
	char path[512]; /* of the image, links resolved, to be shown; cut off if it is longer */
	char identity[IDENTITY_MAX];
	struct stat st; /* of the file or device */
};

/*
 * Measures the disk.  Also ST_REFUSED: it is not an image that can outgrow its storage, such as
 * raw content on a device; ST_CORRUPT: its header or reference counts are damaged.
 */
int watched_measure(struct watched *w, struct watched_numbers *out);
void watched_fini(struct watched *w); /* keeps the recorded error */

/* The numbers for watch_rule.h; without a rate. */
struct watch_state watched_state(const struct watched_numbers *n);

/*
 * Opens the image, and finds out what its storage can give it now; LVM is asked.  The caller closes
 * the image.  NULL recorded, also ST_REFUSED if it must not be extended.
 */
struct image *watched_open_storage(const struct watched *w, struct backend_space *space);

/*
 * Extends the storage of that image to `to` bytes, and sets *size to what it then has, after the
 * device itself was asked.  The new space is not zeroed: QEMU may use it already, and writes every
 * new cluster of a qcow2 layer completely.
 */
int watched_extend(struct image *img, uint64_t to, uint64_t *size);

#endif
