/*
 * volume_list: lists and cleans volume groups, and reports their free space.
 *
 * All functions block as LVM does.  0, or -1 recorded.  Without root, which LVM needs,
 * volume_list_groups() and volume_list_storage() report no group, and log a note.
 */
#ifndef IMG_VOLUME_LIST_H
#define IMG_VOLUME_LIST_H

#include "lib/store/backend.h"

/* The backend's list(): all but LVM's internal volumes, ordered by name. */
int volume_list(const struct place *container, bool recursive, backend_each *each, void *arg);

/* The backend's containers(): the groups that the policy allows. */
int volume_list_groups(const struct policy *policy, each_container *each, void *arg);

/*
 * The backend's storage(): of each group kind=group, name, path, size, free,
 * extent_size; and of each of its thin pools kind=pool, group, name, size,
 * data_used, metadata_used (fractions).
 */
int volume_list_storage(const struct policy *policy, backend_each *each, void *arg);

/*
 * The backend's clean(): removes new volumes and snapshots with the tag of a stale job,
 * and resumes volumes that a killed LVM left suspended.
 */
int volume_clean(const struct place *container, const char *shown, bool dry_run, backend_each *each,
	void *arg);

#endif
