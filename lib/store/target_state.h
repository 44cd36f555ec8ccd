/*
 * target_state: what target.c shares with the ways of making one; nobody else
 * includes it.
 */
#ifndef IMG_TARGET_STATE_H
#define IMG_TARGET_STATE_H

#include <sys/stat.h>

#include "lib/store/partial.h"
#include "lib/store/target.h"

/*
 * A way of making a target, a file each.  begin() makes the checks, and all
 * that comes before the first byte unless it is a dry run; what it did not
 * finish, abort() undoes.  commit() makes it final; after its failure abort()
 * is called, too.
 */
struct target_ops {
	int (*begin)(struct target *t);
	int (*zero)(struct target *t, uint64_t len, uint64_t off);
	int (*set_len)(struct target *t, uint64_t len);
	int (*clone)(struct target *t, int src);
	int (*commit)(struct target *t);
	void (*abort)(struct target *t);
};

struct target {
	const struct target_ops *ops;
	struct place place;
	struct target_want want;
	int fd;		 /* that is written to; -1: none yet */
	uint64_t room;	 /* bytes that fit */
	struct stat old; /* of what stood under the name */
	bool has_old;
	int old_fd;		       /* target_file: O_PATH of what will be replaced, or -1 */
	char hidden[PARTIAL_NAME_MAX]; /* target_file: the name until commit */
	bool allocated; /* target_file: unwritten parts are zeros and have their room */
	bool marked;	/* target_inplace: carries the mark, and by us */
	bool made;	/* target_volume: lvcreate was called */
	char uuid[40];	/* target_volume: LVM's, once it is ours */
	bool thin;	/* target_volume: unwritten parts cost nothing */
	bool stale;	/* target_volume: until all of a chunk was written, there is no telling */
	uint64_t unit;	/* target_volume: bytes that can be zeroed at once, aligned */
	_Atomic bool touched; /* target_inplace: something was written */
};

extern const struct target_ops target_file_ops, target_inplace_ops;
extern const struct target_ops target_volume_ops, target_volume_in_place_ops;
extern const struct target_ops target_device_ops, target_device_in_place_ops;

/* err_sys() for "what n unit", where beyond what a file may be is no room, too. */
int target_out_of_room(const char *what, uint64_t n, const char *unit);

/* Whether fallocate() failed, by errno, since this filesystem cannot do that. */
bool target_lacks_call(void);

/*
 * Writes zeros where the filesystem has no call for it.  Ends when cancel_is_set().
 * 0 or -1 recorded.
 */
int target_write_zeros(struct target *t, uint64_t len, uint64_t off);

/* What zeroing a volume takes, from its descriptor; then of any range: 0 or -1 recorded. */
void target_volume_zero_init(struct target *t, bool is_thin);
int target_volume_zero(struct target *t, uint64_t len, uint64_t off);

/* As fsync() or, if the user does without it, at least tells of errors. */
int target_sync(struct target *t);

#endif
