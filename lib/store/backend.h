/*
 * backend: one kind of storage for images, as a table of functions.  Code
 * outside of a backend's own files never asks which kind it is.
 *
 * Each backend is a folder: file/ (directories), volume/ (LVM's volume groups)
 * and device/ (other block devices).  It keeps what it knows of a place, an
 * image, a target or a snapshot in a struct of its own, which begins with the
 * common one (struct place_file { struct place base; ... }).
 *
 * Unless its comment says otherwise, a function returns 0, or -1 with an error
 * recorded, and blocks as long as its storage does (LVM takes seconds).
 */
#ifndef IMG_BACKEND_H
#define IMG_BACKEND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "lib/base/buf.h"
#include "lib/base/policy.h"
#include "lib/host/identity.h"

struct dependents;
struct held;
struct held_want;
struct image;
struct place;
struct resize;
struct resize_want;
struct snapshot;
struct snapshot_want;
struct target;
struct target_want;

/* What place_open() knows of a path when it asks the backends whose it is. */
struct found {
	const struct policy *policy;
	const char *spelled; /* absolute, without slashes at its end */
	const char *given;   /* the same as the user gave it, which may be relative: to be opened,
			      * since the directories above the current one may be closed to us */
	bool is_directory;   /* there were slashes, so it has to be a directory */
	int node;	     /* O_PATH of what exists there, links followed, or -1 */
	struct stat st;	     /* of node */
};

#define BACKEND_GROUP_MAX 130 /* bytes with the NUL */

struct change_want {
	bool allow_links;   /* also change a file that has several links */
	bool is_archive;    /* it is known to be one, so that no other image needs it */
	bool is_unneeded;   /* with dry_run: it is open here, and what needs it is changed before */
	bool dry_run;	    /* only make the checks */
	struct image *read; /* it is open here, and is changed only if it is still as it was read */
};

/* What the storage of an image can give it; zeros: it cannot be extended.  In bytes. */
struct backend_space {
	char group[BACKEND_GROUP_MAX]; /* which all of its volumes share; "" if there is none */
	uint64_t free;		       /* in the group; UINT64_MAX of a thin volume */
	uint64_t unit;		       /* its size is a multiple of this */
	bool is_thin;
};

/* Called for each record (kv.h) of a list; returns 0 to go on. */
typedef int backend_each(void *arg, const struct buf *record);
typedef int each_container(void *arg, const char *path, struct place *container);

struct backend {
	const char *kind; /* what records call its images: "file", "volume", "device" */

	bool can_archive;   /* an image can be an lzop archive, and be packed and unpacked */
	bool can_thin;	    /* a new image can get its space from a pool as it is written */
	bool rounds_size;   /* a new image may get more space than was asked for */
	bool marks_content; /* the mark of an unfinished image is in its content, as a guest could
			       write it */
	bool resizes_copy; /* resize() changes a copy of the image, unless that is to be in place */
	bool can_snapshot; /* it has snapshots, where the storage below supports them */

	/*
	 * Whether a path belongs to this backend: 1 and *out, a place that
	 * place_close() frees; 0: it does not; -1 recorded.  If f->node is -1, the
	 * reason is the recorded error, and a backend that returns 1 clears it.
	 */
	int (*find)(struct place **out, const struct found *f);

	/* The place of name in a container; NULL recorded. */
	struct place *(*child)(const struct place *container, const char *name);

	/* The place of another name in the container of p; NULL recorded. */
	struct place *(*beside)(const struct place *p, const char *name);

	/* Which image exists at p (identity.h): 0; -1 with nothing recorded: none. */
	int (*identify)(const struct place *p, char out[IDENTITY_MAX]);

	/*
	 * Describes a place that cannot be opened as an image, such as a container,
	 * by adding to its record (info.h): 1; 0: open it as an image; -1 recorded.
	 */
	int (*describe)(const struct place *p, struct buf *out);

	/* Opens an existing image for reading: image_open().  Takes over p, also on failure. */
	struct image *(*open)(struct place *p);

	/*
	 * Opens what exists at p for a look at its first bytes, even if it is in use or unfinished,
	 * and never blocks on a FIFO.  The descriptor, which the caller closes, or -1 recorded.
	 */
	int (*peek)(const struct place *p);

	/*
	 * target_make() and target_fill(): a new image, and an existing one that is
	 * filled in place.  Both take over p, also on failure.
	 */
	struct target *(*make)(struct place *p, const struct target_want *want);
	struct target *(*fill)(struct place *p, const struct target_want *want);

	/* Prepares a change of the size of an image: resize_open().  NULL: it never changes. */
	struct resize *(*resize)(struct image *img, const struct resize_want *want);

	/*
	 * Locks an existing image that another program changes in place: held_open(), and what can
	 * be checked before.  NULL: that is refused.
	 */
	struct held *(*hold)(struct image *img, const struct held_want *want);
	int (*check_hold)(struct image *img, const struct held_want *want);

	/*
	 * What the storage of an open image could give it when it was opened; out is zeroed before.
	 * NULL: its size is not to be changed while it is in use.
	 */
	int (*space)(const struct image *img, struct backend_space *out);

	/*
	 * Lets the place of an open image be opened again and again without much work, and fail if
	 * another image has its name then.  NULL: open() never needs much.
	 */
	int (*remember)(struct image *img);

	/*
	 * Removes the image at p: also ST_ABSENT, ST_BUSY, and ST_REFUSED, for instance if another
	 * image needs it (dependents.h).
	 */
	int (*remove)(const struct place *p, const struct change_want *want);

	/* Renames the image within its container; also ST_EXISTS if the name is taken. */
	int (*rename)(const struct place *p, const char *name, const struct change_want *want);

	/* Lists a container, a record for each entry (info.h).  NULL: it has no containers. */
	int (*list)(const struct place *container, bool recursive, backend_each *each, void *arg);

	/*
	 * Removes what interrupted jobs left in a container, or with dry_run only
	 * reports what it would remove.  shown is the container's path in records.
	 * NULL: it has no containers.  A record has kind, path, why, status and state:
	 *
	 *	removed		an interrupted job had left it
	 *	resumed		a volume that was suspended works again
	 *	alive		its job is still running
	 *	foreign		a job of another host made it, or it is not ours
	 *	failed		it could not be removed or resumed
	 */
	int (*clean)(const struct place *container, const char *shown, bool dry_run,
		backend_each *each, void *arg);

	/* snapshot_prepare().  NULL if can_snapshot is not set. */
	struct snapshot *(*snapshot)(struct image *origin, const struct snapshot_want *want);

	/*
	 * Calls each for every container that the policy names, for a request without
	 * a path, until it does not return 0.  container is valid during the call; it is NULL if
	 * the container cannot be opened, with the error recorded.
	 * NULL: it has no containers.
	 */
	int (*containers)(const struct policy *policy, each_container *each, void *arg);

	/*
	 * For dependents.h: searches the container that the image at p is in, and the
	 * containers that the policy names, if it names any.  1: found, 0, or -1 recorded.
	 * NULL: it has no containers.
	 */
	int (*search)(const struct place *p, struct dependents *d);
	int (*search_allowed)(const struct policy *policy, struct dependents *d);

	/* Where images may be stored, and the free space there: records as in op_storage.c.
	 * NULL: it reports none. */
	int (*storage)(const struct policy *policy, backend_each *each, void *arg);

	/* Frees what its struct holds beyond struct place.  NULL: nothing. */
	void (*release)(struct place *p);
};

/*
 * The backends in the order in which they are asked for a path; NULL after the
 * last, which takes every path that no other takes.
 */
const struct backend *backend_at(size_t i);
size_t backend_count(void);

/*
 * Adds a backend that is asked before all others; b is borrowed.  At most
 * BACKEND_MORE.  To be called before any thread is started.
 */
#define BACKEND_MORE 4
int backend_add(const struct backend *b);

extern const struct backend backend_volume, backend_device, backend_file;

#endif
