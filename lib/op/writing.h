/*
 * writing: the target of a copy, checked and made: what `write` and `copy`
 * share.
 *
 * Request: path, or stdout=1; base (the source's name, for a container);
 *          capacity (absent: not known); format and compression (the source's);
 *          archive, sparse, overwrite, in_place, as_is, allow_links, no_fsync,
 *          dry_run; source_id.
 * Record:  path, as resolved.
 */
#ifndef IMG_WRITING_H
#define IMG_WRITING_H

#include "lib/op/op.h"
#include "lib/store/target.h"

struct writing {
	struct target *target; /* NULL: standard output */
	struct sink *sink;     /* NULL in a dry run */
	bool is_archive;
	char *path; /* resolved, or "-" */
};

struct writing_want {
	const char *path;	   /* NULL: standard output */
	const char *base;	   /* the source's name, or NULL */
	const char *format;	   /* the source's: "qcow2" is not written over something else, */
	bool as_is;		   /* unless the user insists */
	bool compressed;	   /* the source is */
	bool archive;		   /* make an lzop file */
	bool may_overwrite;	   /* the user could have said so */
	bool in_place;		   /* fill an existing image */
	struct target_want target; /* all but its source */
};

/* From a checked request; standard output if it has no path. */
void writing_want_parse(struct writing_want *w, const struct kv *request);

/*
 * 0, or -1 recorded; then w is empty.  want->target.source is the source if this process
 * reads it, else NULL.
 */
int writing_open(struct writing *w, struct session *s, const struct writing_want *want);

/* The same at a place, which it takes over; path and base of want play no part. */
int writing_open_place(struct writing *w, struct place *place, const struct writing_want *want);

/* As target_settle(). */
int writing_settle(struct writing *w);

/* Makes it final; w is empty then.  0 or -1 recorded. */
int writing_commit(struct writing *w);
void writing_abort(struct writing *w); /* accepts an empty one */

#endif
