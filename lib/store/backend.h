/*
 * backend: a kind of storage that images have names in, as one table of
 * functions.  Outside of a backend's own files nobody asks which one it is.
 *
 * Each backend is a folder: file/ (directories), volume/ (LVM's volume groups)
 * and device/ (other block devices).  What it knows of a place, an image, a
 * target or a snapshot is its own struct, which begins with the common one
 * (struct place_file { struct place base; ... }).
 *
 * Unless said otherwise, functions return 0, or -1 with an error recorded.
 */
#ifndef IMG_BACKEND_H
#define IMG_BACKEND_H

#include <stdbool.h>
#include <sys/stat.h>

#include "lib/base/buf.h"
#include "lib/base/policy.h"
#include "lib/host/identity.h"

struct image;
struct place;
struct snapshot;
struct snapshot_want;
struct target;
struct target_want;

/* What place_open() knows of a path before it asks the backends whose it is. */
struct found {
	const struct policy *policy;
	const char *spelled; /* absolute; slashes at its end were cut off, */
	bool is_directory;   /* if there were any */
	int node;	     /* O_PATH of what is there, links followed, or -1: see err */
	struct stat st;	     /* of node */
};

struct change_want {
	bool allow_links; /* also change a file that has several links */
	bool dry_run;	  /* make all checks and nothing else */
};

/* Called for each record (kv.h) of a list; returns 0 to go on. */
typedef int backend_each(void *arg, const struct buf *record);

struct backend {
	const char *kind; /* of its images, for records: "file", "volume", "device" */

	/* What its images can do. */
	bool can_archive;  /* be lzop archives, which are unpacked and packed */
	bool can_thin;	   /* be made in a pool, which gives them space as they are written */
	bool rounds_size;  /* a new one gets whole units of space, maybe more than was asked for */
	bool can_snapshot; /* have snapshots, as far as the storage below them can */

	/*
	 * Whether a path is one of its own: 1 and *out, a place that place_close()
	 * frees; 0: it is not; -1 recorded.  If f->node is -1, the reason is
	 * recorded; a backend that takes the place nevertheless clears it.
	 */
	int (*find)(struct place **out, const struct found *f);

	/* The place of name in a container: NULL recorded. */
	struct place *(*child)(const struct place *container, const char *name);

	/* The place of another name in the container that p is in: NULL recorded. */
	struct place *(*beside)(const struct place *p, const char *name);

	/* Which image is there (identity.h); -1 without an error: none, or it has no identity. */
	int (*identify)(const struct place *p, char out[IDENTITY_MAX]);

	/*
	 * Adds what can be said of a place that cannot be opened as an image, such
	 * as a container: 1; 0: open it as an image; -1 recorded.
	 */
	int (*describe)(const struct place *p, struct buf *out);

	/* An existing image for reading (image.h).  Takes over p, on failure too. */
	struct image *(*open)(struct place *p);

	/*
	 * A new image, or an existing one that is filled in place (target.h).
	 * Both take over p, on failure too.
	 */
	struct target *(*make)(struct place *p, const struct target_want *want);
	struct target *(*fill)(struct place *p, const struct target_want *want);

	int (*remove)(const struct place *p, const struct change_want *want);

	/* To a name that nothing has. */
	int (*rename)(const struct place *p, const char *name, const struct change_want *want);

	/* A container, entry by entry (info.h); NULL: its places are never containers. */
	int (*list)(const struct place *container, bool recursive, backend_each *each, void *arg);

	/*
	 * Removes what interrupted jobs left in a container, which is called shown in
	 * what is said of it; with dry_run only says what it would remove.  Of each: kind,
	 * path; state: "removed", "resumed" (a volume that was suspended), "alive" (its job
	 * still runs), "foreign" (not ours) or "failed"; why; status.
	 */
	int (*clean)(const struct place *container, const char *shown, bool dry_run,
		backend_each *each, void *arg);

	/*
	 * A snapshot of an open image, for this job (snapshot_take()) or, if want
	 * names it or keep is set, one that stays: snapshot.h.  NULL: can_snapshot is not set.
	 */
	struct snapshot *(*snapshot)(struct image *origin, const struct snapshot_want *want);
	int (*snapshot_keep)(char **path, struct image *origin, const struct snapshot_want *want);

	/*
	 * Calls each for every container in which the policy says to look if the
	 * user names none; NULL: none.
	 */
	int (*containers)(
		const struct policy *l, int (*each)(void *arg, struct place *container), void *arg);

	/* Its free space, as records (op_storage.c); NULL: nothing to tell. */
	int (*storage)(const struct policy *l, backend_each *each, void *arg);

	/* Frees what is its own of a place. */
	void (*release)(struct place *p);
};

/*
 * The backends in the order in which they are asked for a path, up to a NULL.
 * A path that none of the others takes is the last one's.
 */
const struct backend *backend_at(size_t i);
size_t backend_count(void);

/* Has a further backend, which stays the caller's, asked before all others.  At most BACKEND_MORE.
 */
#define BACKEND_MORE 4
int backend_add(const struct backend *b);

extern const struct backend backend_volume, backend_device, backend_file;

#endif
