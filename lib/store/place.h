/*
 * place: where an image is or may come to be.
 *
 * place_open() is the only way from a path to a thing, and always goes through
 * the access policy.  Opening, making, removing, renaming, listing and cleaning
 * take the place and never a path again.
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
	char *path;		     /* absolute, of its own name; to be shown, not to be opened */
	const char *name;	     /* the last part of path */
	bool is_container;	     /* a directory or a volume group */
	bool is_link;		     /* the user named a symbolic link that leads to it */
};

/*
 * What path leads to.  It need not exist, but the directory or group that it is
 * in has to.  NULL recorded: ST_ABSENT, ST_REFUSED by the policy or if path
 * cannot be a name ("x/..").
 */
struct place *place_open(const struct policy *l, const char *path);

/*
 * A target's place: what path leads to, or, if that is a container, name in it.
 * name may be NULL; then a container is refused.  NULL recorded, as above.
 */
struct place *place_for(const struct policy *l, const char *path, const char *name);

/* The place of name in a container.  NULL recorded. */
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
void *place_new(size_t size, const struct backend *b, const struct policy *l, const char *spelled,
	const char *path);

#endif
