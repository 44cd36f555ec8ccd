/*
 * place: where an image is, or can be created.
 *
 * place_open() is the only way from a path to an image or container, and always
 * goes through the access policy.  Whatever opens, creates, removes, renames, lists
 * or cleans takes a place, so that no path is looked up twice.
 */
#ifndef IMG_PLACE_H
#define IMG_PLACE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/policy.h"

struct backend;

struct place {
	const struct backend *backend;
	const struct policy *policy; /* borrowed */
	char *spelled;		     /* absolute, as the user named it */
	char *path;		     /* absolute, links resolved; of a file, only to be shown */
	const char *name;	     /* the last part of path */
	bool is_container;	     /* a directory or a volume group */
	bool is_link;		     /* the user named a symbolic link to it */
};

/*
 * Finds the place that path leads to.  The image need not exist, but the directory
 * or group that it is in must.  NULL recorded: ST_ABSENT, ST_USAGE if path is
 * empty, ST_REFUSED by the policy or if path does not end in a name ("x/..").
 * Blocks as LVM does if path is below /dev.
 */
struct place *place_open(const struct policy *policy, const char *path);

/*
 * Finds the place of a target: what path leads to or, if that is a container, name
 * in it.  If name is NULL, a container is refused.  NULL recorded, as above.
 */
struct place *place_for(const struct policy *policy, const char *path, const char *name);

/* The place of name in a container.  NULL recorded: ST_REFUSED if it cannot be a name. */
struct place *place_child(const struct place *container, const char *name);

/*
 * For backends: records ST_BUSY, with ESTALE as errno, because the name leads to something
 * else than when the place was opened.  Returns -1.
 */
int place_was_replaced(void);

void place_close(struct place *p); /* accepts NULL; keeps the recorded error */

/*
 * For backends: a zeroed struct of size bytes that begins with a struct place, with copies
 * of spelled and path.  NULL recorded.
 */
void *place_new(size_t size, const struct backend *b, const struct policy *policy,
	const char *spelled, const char *path);

#endif
