/*
 * target_ops: what target.c and the backends' targets share; nothing else includes it.
 *
 * A backend's make() and fill() allocate a struct of their own that begins with a
 * struct target, and make the checks.  Unless it is a dry run, they also do all
 * that precedes the first write.  On failure they call target_abort() and return
 * NULL.
 */
#ifndef IMG_TARGET_OPS_H
#define IMG_TARGET_OPS_H

#include <stdatomic.h>
#include <sys/stat.h>

#include "lib/store/target.h"

/* 0, or -1 recorded. */
struct target_ops {
	/* As target_peek(), but -1 with errno set.  May be NULL: a new image. */
	ssize_t (*peek)(struct target *t, void *p, size_t n);
	int (*write)(struct target *t, const void *p, size_t n, uint64_t off);
	int (*zero)(struct target *t, uint64_t len, uint64_t off);
	int (*set_len)(struct target *t, uint64_t len);
	/* As target_clone().  May be NULL: not supported. */
	int (*clone)(struct target *t, const struct image *src);
	int (*settle)(struct target *t); /* target_settle() */
	/* Publishes it, after settle().  If it fails, abort() is called, too. */
	int (*commit)(struct target *t);
	/* Rolls back what is not complete.  Closes and frees all but what target_new() made. */
	void (*abort)(struct target *t);
};

struct target {
	const struct target_ops *ops;
	struct place *place; /* owned */
	struct target_want want;
	int fd;		     /* open for writing; -1: not yet */
	uint64_t space;	     /* bytes that fit into it */
	uint64_t hole_unit;  /* target_put() leaves out aligned zeros of so many bytes; 0: none */
	bool was_unfinished; /* fill(): an earlier job had marked it */
	bool is_settled;     /* target_settle() has succeeded */
	atomic_bool touched; /* something was written, so an abort cannot restore it */
	_Atomic uint64_t written; /* bytes so far, by target_write() */
};

/*
 * A zeroed struct of size bytes that begins with a target.  Takes over place, also on
 * failure.  NULL recorded.
 */
void *target_new(size_t size, const struct target_ops *ops, struct place *place,
	const struct target_want *want);

/* For the end of make() and fill(): t if r is 0; else aborts t and returns NULL. */
struct target *target_ready(struct target *t, int r);

/* 0, or -1 with ST_REFUSED recorded if st is that of the source itself. */
int target_check_source(const struct target *t, const struct stat *st);

/*
 * Records why what is at place already is not replaced: it is the source (ST_REFUSED), or exists
 * (ST_EXISTS).  Returns -1.
 */
int target_exists(const struct target_want *want, const struct place *place);

/* 0, or -1 with ST_NOROOM recorded if the source's length is known and does not fit. */
int target_check_len(const struct target *t);

/*
 * Records "WHAT 2.5 GiB: why" by errno, as err_sys(); also a file that is larger than
 * allowed is ST_NOROOM.  Returns -1.
 */
int target_out_of_space(const char *what, uint64_t bytes);

/* Whether errno says that this filesystem does not support that mode of fallocate(). */
bool target_lacks_call(void);

/*
 * Sets hole_unit to what the filesystem of the file t->fd allocates at once, if
 * t->want.sparse.
 */
void target_set_hole_unit(struct target *t);

/* For targets that have a descriptor, t->fd: .peek and .write. */
ssize_t target_fd_peek(struct target *t, void *p, size_t n);
int target_fd_write(struct target *t, const void *p, size_t n, uint64_t off);

/*
 * Writes zeros, where no system call zeroes the range.  Ends when cancel_is_set().  0,
 * or -1 recorded.
 */
int target_write_zeros(struct target *t, uint64_t len, uint64_t off);

/* fsync(); without want.fsync only a check for errors of earlier writes. */
int target_sync(struct target *t);

#endif
