/*
 * writing: the target of a copy, checked and made: what `write` and `copy`
 * share.
 *
 * Request: path, or stdio=1; base (the source's name, for a container);
 *          capacity (absent: not known); compression (the source's);
 *          archive, sparse, overwrite, allow_links, no_fsync, dry_run;
 *          source_id.
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

/*
 * 0, or -1 recorded; then w is empty.  source is the source's stat if it is on
 * this host and ours, else NULL.
 */
int writing_open(struct writing *w, struct session *s, const struct kv *request,
	const struct stat *source, uint64_t capacity);

/* Makes it final; w is empty then.  0 or -1 recorded. */
int writing_commit(struct writing *w);
void writing_abort(struct writing *w); /* accepts an empty one */

#endif
