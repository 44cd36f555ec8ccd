/*
 * file_list: a directory of images, entry by entry.
 */
#ifndef IMG_FILE_LIST_H
#define IMG_FILE_LIST_H

#include "lib/store/backend.h"

#define FILE_LIST_DEPTH_MAX 64 /* directories below one another */

/*
 * The backend's list(), in the order of names: directories, regular files,
 * block devices, and links to one of these within the policy.  Hidden entries
 * are left out, but for the partial files of jobs (partial.h).  With recursive, what lies
 * below follows its directory; a mount below is entered, a link to a directory
 * is not.
 */
int file_list(const struct place *container, bool recursive, backend_each *each, void *arg);

/* The backend's clean(). */
int file_clean(const struct place *container, const char *shown, bool dry_run, backend_each *each,
	void *arg);

#endif
