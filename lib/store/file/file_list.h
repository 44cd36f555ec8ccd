/*
 * file_list: lists and cleans directories of images.
 */
#ifndef IMG_FILE_LIST_H
#define IMG_FILE_LIST_H

#include "lib/store/backend.h"

#define FILE_LIST_DEPTH_MAX 64 /* nested directories; what is below is skipped */

/*
 * The backend's list(), ordered by name: directories, regular files, block devices,
 * and links to these that the policy allows.  Hidden entries are skipped, except the
 * partial files of jobs (partial.h).  With recursive, a directory is followed by what
 * is below it, also on other filesystems, but not through links.
 */
int file_list(const struct place *container, bool recursive, backend_each *each, void *arg);

/* The backend's clean(), of partial files. */
int file_clean(const struct place *container, const char *shown, bool dry_run, backend_each *each,
	void *arg);

#endif
