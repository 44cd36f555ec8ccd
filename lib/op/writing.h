/*
 * writing: checks and opens the target of a copy, for all operations that write an image.
 */
#ifndef IMG_WRITING_H
#define IMG_WRITING_H

#include "lib/op/op.h"
#include "lib/store/target.h"

struct writing {
	struct target *target; /* NULL: standard output */
	struct sink *sink;     /* NULL in a dry run */
	bool is_archive;
	bool replaces; /* there is an image at path, which is overwritten */
	char *path;    /* as resolved, or "-" */
};

struct writing_want {
	const char *path;   /* NULL: standard output */
	const char *base;   /* the source's name, or NULL */
	const char *format; /* of the source, or NULL */
	bool change_format; /* in place: write qcow2 content over other content */
	bool as_is;	    /* the same, if what begins like qcow2 cannot be parsed */
	bool compressed;    /* the source is an archive */
	uint32_t mode;	    /* of the image, for an archive's header; 0: that of a new file */
	uint64_t mtime;	    /* the same, in seconds since 1970; 0: unknown */
	bool archive;	    /* write an lzop file */
	bool may_overwrite; /* the command has an option --overwrite, for a hint */
	bool in_place;	    /* fill an existing image */
	bool into;	    /* path must be a container */
	struct target_want target;
};

/* Fills w from a checked request; target.source is left NULL. */
void writing_want_parse(struct writing_want *w, const struct kv *request);

/*
 * Checks and opens the target, or standard output.  0, or -1 recorded; then w is empty.  Blocks for
 * seconds.
 */
int writing_open(struct writing *w, struct session *s, const struct writing_want *want);

/* The same at a place, which it takes over, also on failure; want's path and base are ignored. */
int writing_open_place(struct writing *w, struct place *place, const struct writing_want *want);

/*
 * Refuses, before the flow, a stream for a target that is filled in place if its first block
 * is not what the source said that it is.  first may be NULL.  0, or -1 recorded.
 */
int writing_judge(struct writing *w, const struct writing_want *want, struct block *first);

/* target_settle().  0, or -1 recorded. */
int writing_settle(struct writing *w);

/* target_commit(); w is empty then.  0, or -1 recorded. */
int writing_commit(struct writing *w);

/* target_abort(); w is empty then.  Accepts an empty one; keeps the recorded error. */
void writing_abort(struct writing *w);

#endif
