/*
 * dependents: finds the images that need an image: those that record it as their backing file,
 * external data file or VMDK extent.
 *
 * These places are searched:
 *
 *	- the directory that the image is in
 *	- the directory of each layer below it, down to the first one whose format is recorded as
 *	  raw or not at all, since a guest may have written what is in that
 *	- if a configuration limits what is allowed, the directories that it allows, and those in
 *	  them, but neither hidden ones nor more than FILE_LIST_DEPTH_MAX levels, as in a recursive
 *	  list (Proxmox VE has a directory for each guest, so that a linked clone is in another one
 *	  than its base)
 *	- the volume group that the image or a layer below it is in, and those that the
 *	  configuration allows: by one report of LVM
 *
 * Regular files, active volumes, and links to these are candidates; partial files of jobs, and
 * volumes that a job is creating, are not.  Each is opened once, without blocking, and its headers
 * are read (lib/format/content.h).  What is in an archive does not count.  A name that is recorded
 * there is resolved through the access policy (recorded.h), and leads to the image if it has the
 * same identity (identity.h), so links and other spellings are found.  A name that cannot be
 * resolved counts only if it is the image's own path, as that of a volume that is not active.  A
 * name that is no path ("json:...") does not count.
 *
 * What cannot be searched completely:
 *
 *	- More than DEPENDENTS_MAX entries: ST_REFUSED, and the message names the places.
 *	- The image's own directory is unreadable: ST_REFUSED.
 *	- A file in that directory is unreadable: ST_REFUSED, unless its owner cannot have read the
 *	  image, being neither root nor the image's owner, where the image's mode gives nobody else
 *	  access.  (Users who share a directory cannot read each other's new images.)
 *	- Anything else that is unreadable: a warning, because otherwise a user could not delete his
 *	  own images while somebody else's directory is configured.
 *	  The groups of the layers below a file are only searched by root, likewise.
 *	- Inactive volumes: a warning if there are layers on volumes, that is, if the image, or a
 *	  volume that was looked at, is not raw.  Most groups have snapshots that are never active.
 *
 * All functions block as the storage does: some 10 us for each candidate, and LVM's report.
 */
#ifndef IMG_DEPENDENTS_H
#define IMG_DEPENDENTS_H

#include <stdbool.h>
#include <sys/stat.h>

#include "lib/store/place.h"

#define DEPENDENTS_MAX 10000 /* entries of directories and volumes that are looked at */

/*
 * Refuses a change of the image at a place that would break another image: 0, or -1 with
 * ST_REFUSED recorded, which names one image that needs this one, or the places that could not be
 * searched; or another error.
 */
int dependents_refuse(const struct place *image);
int dependents_refuse_rename(const struct place *image); /* the same with another hint */

/*
 * The path of one image that needs the image at a place, which the caller frees: 1 and *path; 0:
 * there is none; -1 recorded, as above.
 */
int dependents_find(const struct place *image, char **path);

/*
 * The same, without the image that has the identity except (identity.h), which is known to need it.
 */
int dependents_find_other(const struct place *image, const char *except, char **path);

/*
 * For backends, whose search() and search_allowed() (backend.h) call these.
 */
struct dependents;

/* The image that others may need. */
const struct place *dependents_image(const struct dependents *d);

/* A container is searched from now on; path is used until the next call. */
void dependents_begin(struct dependents *d, const char *path);

/* What is still to be searched in a directory, which then counts as searched. */
#define DEPENDENTS_FILES 1 /* the candidates in it */
#define DEPENDENTS_BELOW 2 /* the directories in it */
/* below: the directories in it, too.  0 to 3, or -1 recorded: out of memory. */
int dependents_enter(struct dependents *d, const struct stat *directory, bool below);

/* Counts an entry: true; false: there are too many, and the search of this container ends. */
bool dependents_count(struct dependents *d);

/*
 * Looks at a candidate: fd is open for reading, and what it records is relative to where it was
 * spelled.  path is shown; NULL: that of fd.  1: it needs the image, and the search ends; 0: it
 * does not; -1 recorded: out of memory.
 */
int dependents_look(struct dependents *d, int fd, const char *spelled, const char *path);

/*
 * A candidate, or (st is NULL) a container, cannot be searched, for this reason: 0, or -1 recorded:
 * that is refused.
 */
int dependents_skip(
	struct dependents *d, const char *path, const struct stat *st, const char *reason);

/*
 * Notes the name of a volume group that search_allowed() is to search, so that LVM is run once for
 * all.  0, or -1 recorded: out of memory.
 */
int dependents_add_group(struct dependents *d, const char *group);
/* The next of these names; *at begins as 0.  NULL after the last. */
const char *dependents_next_group(const struct dependents *d, size_t *at);

#endif
