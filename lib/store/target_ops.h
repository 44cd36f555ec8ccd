/*
 * target_ops: what target.c shares with the backends' targets; nobody else includes it.
 *
 * A backend's make() and fill() allocate a struct of their own that begins with
 * a struct target, make the checks, and do all that comes before the first
 * byte, unless it is a dry run.  On failure they call target_abort() and return
 * NULL.
 */
#ifndef IMG_TARGET_OPS_H
#define IMG_TARGET_OPS_H

#include <stdatomic.h>
#include <sys/stat.h>

#include "lib/store/target.h"

/* 0, or -1 recorded. */
struct target_ops {
	/* target_peek(), or -1 with errno set; NULL: there is nothing yet. */
	ssize_t (*peek)(struct target *t, void *p, size_t n);
	int (*write)(struct target *t, const void *p, size_t n, uint64_t off);
	int (*zero)(struct target *t, uint64_t len, uint64_t off);
	int (*set_len)(struct target *t, uint64_t len);
	int (*clone)(struct target *t, const struct image *src); /* NULL: it cannot */
	int (*settle)(struct target *t);			 /* target_settle() */
	/* Publishes it, after settle().  After its failure abort() is called, too. */
	int (*commit)(struct target *t);
	/* Undoes what was not finished.  Closes and frees all but what target_new() made. */
	void (*abort)(struct target *t);
};

struct target {
	const struct target_ops *ops;
	struct place *place;
	struct target_want want;
	int fd;		/* that is written to; -1: none yet */
	uint64_t space; /* bytes that fit */
	bool is_settled;
	atomic_bool touched; /* something was written */
};

/* A zeroed struct of size bytes that begins with a target, which owns place.  NULL recorded. */
void *target_new(size_t size, const struct target_ops *ops, struct place *place,
	const struct target_want *want);

/* 0, or -1 with ST_REFUSED recorded if st is of the very source. */
int target_check_source(const struct target *t, const struct stat *st);

/* 0, or -1 with ST_NOROOM recorded if the source's length is known and does not fit. */
int target_check_len(const struct target *t);

/* err_sys() for "what n unit"; what is more than a file may have is ST_NOROOM, too. */
int target_out_of_space(const char *what, uint64_t n, const char *unit);

/* Whether fallocate() failed, by errno, because this filesystem cannot do that. */
bool target_lacks_call(void);

/* .peek and .write of targets that have a descriptor, t->fd. */
ssize_t target_fd_peek(struct target *t, void *p, size_t n);
int target_fd_write(struct target *t, const void *p, size_t n, uint64_t off);

/*
 * Writes zeros where there is no call for it.  Ends when cancel_is_set().  0 or -1
 * recorded.
 */
int target_write_zeros(struct target *t, uint64_t len, uint64_t off);

/* fsync(), or, if the user does without it, a check that at least tells of errors. */
int target_sync(struct target *t);

#endif
