/*
 * group: volume groups as containers: what is in them, how much room they have,
 * and what dead runs left there.
 *
 * Each function calls each with records and goes on while that returns 0.  They
 * return 0 or -1 recorded, and block as LVM does.
 */
#ifndef IMG_GROUP_H
#define IMG_GROUP_H

#include "lib/base/buf.h"
#include "lib/store/limits.h"

typedef int group_each(void *arg, const struct buf *record);

/* Whether there is anything to ask: LVM, of root only, and a group that the limits allow. */
bool group_are_any(const struct limits *l);

/* Its volumes that users see, as records of entries (container.h), by name. */
int group_list(const struct limits *l, const char *group, group_each *each, void *arg);

/* The groups' names that the limits allow, one after the other. */
int group_each_name(const struct limits *l, int (*each)(void *arg, const char *group), void *arg);

/*
 * What dead runs left in the group, or in all (NULL) that the limits allow:
 * new volumes and snapshots with their tags are removed, and origins that a killed
 * LVM left suspended work again; unless dry_run.  Of each kind=volume, path, state:
 * removed, resumed, alive, foreign or failed; why, and its status (as op_clean).
 */
int group_clean(
	const struct limits *l, const char *group, bool dry_run, group_each *each, void *arg);

/*
 * group_mend.c: what a killed LVM left suspended in the group works again, with the
 * tables that worked before, and what it had begun goes; unless an LVM that lives has the
 * group locked, or dry_run.  Calls each (or NULL) for volumes that were suspended; if one
 * failed, why is recorded.  0 or -1 recorded.
 */
typedef int group_mended(void *arg, const char *name, bool works);
int group_mend(const char *group, bool dry_run, group_mended *each, void *arg);

/* To be called after snapshots of a group that was mended are removed.  0 or -1 recorded. */
int group_mend_refresh(const char *group);

/*
 * Of each group kind=group, name, path, size, free, extent_size; and of each of
 * its thin pools kind=pool, group, name, size, data_used, metadata_used
 * (fractions).
 */
int group_rooms(const struct limits *l, group_each *each, void *arg);

#endif
