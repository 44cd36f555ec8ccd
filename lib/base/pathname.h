/*
 * pathname: paths as text.
 *
 * Nothing here looks at the filesystem (but for the current directory), so
 * nothing resolves a link, and ".." is never folded: what it leads to depends
 * on the links before it.  What returns a string returns fresh memory that the
 * caller frees, or NULL with an error recorded.
 */
#ifndef IMG_PATHNAME_H
#define IMG_PATHNAME_H

#include <stdbool.h>

/*
 * path as an absolute one, without what names nothing ("//" and "/./").
 * Slashes at the end stay, since they ask for a directory.
 */
char *pathname_absolute(const char *path);

/* path without slashes at its end; "/" stays. */
char *pathname_trim(const char *path);

/* dir and name with one slash between them. */
char *pathname_join(const char *dir, const char *name);

/* What stands before the last slash of an absolute path without slashes at its end. */
char *pathname_parent(const char *path);

/* What stands after the last slash of path; all of it, if there is none. */
const char *pathname_last(const char *path);

/*
 * What follows dir in path, without leading slashes ("" if they are equal);
 * NULL if path is not dir and not below it.  Both are absolute, and dir has no
 * slash at its end.
 */
const char *pathname_below(const char *path, const char *dir);

/* Whether name can be the name of an entry: not "", ".", ".." and no '/' in it. */
bool pathname_is_name(const char *name);

#endif
