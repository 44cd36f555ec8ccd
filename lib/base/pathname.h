/*
 * pathname: paths as text.
 *
 * Except for the current directory, nothing here uses the filesystem.  So no link is resolved,
 * and ".." is never folded, because what it leads to depends on the links before it.  Functions
 * that return a char * return memory that the caller frees, or NULL with an error recorded.
 */
#ifndef IMG_PATHNAME_H
#define IMG_PATHNAME_H

#include <stdbool.h>

/* The home directory: $HOME, or where that is not set, as below systemd, root's; NULL: unknown. */
const char *pathname_home(void);

/*
 * Makes dir the directory where relative paths start.  If it cannot be entered, for instance since
 * root may not, it is remembered: then they must not start elsewhere.
 */
void pathname_enter(const char *dir);

/* 0, or -1 with ST_REFUSED recorded if path is relative and pathname_enter() has failed. */
int pathname_check_start(const char *path);

/*
 * path as an absolute path, with "//" and "/./" replaced by "/".  A slash at the end is kept,
 * since it means a directory.
 */
char *pathname_absolute(const char *path);

/* path without slashes at its end; "/" is unchanged. */
char *pathname_trim(const char *path);

/* dir and name with one slash between them. */
char *pathname_join(const char *dir, const char *name);

/* The directory part of a path without slashes at its end: "." of a mere name. */
char *pathname_parent(const char *path);

/* The part of path after its last slash; all of path if it has none. */
const char *pathname_last(const char *path);

/*
 * The part of path after dir, without leading slashes, and "" if they are equal; NULL if path is
 * neither dir nor below it.  Both are absolute, and dir has no slash at its end.
 */
const char *pathname_below(const char *path, const char *dir);

/* Whether name can be the name of a directory entry: not "", "." or "..", and without '/'. */
bool pathname_is_name(const char *name);

#endif
