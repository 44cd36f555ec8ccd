/*
 * repair: completes or rolls back what a killed LVM left in the kernel.
 *
 * A killed LVM can leave volumes suspended, and a process that writes to one hangs.  Both
 * functions block as LVM does, and need root.
 */
#ifndef IMG_REPAIR_H
#define IMG_REPAIR_H

#include <stdbool.h>

/*
 * Resumes all suspended devices of the group with the tables that they had before, and
 * removes devices that LVM had only begun to create.  Does nothing while a running LVM has
 * the group locked.  With dry_run it changes nothing.
 *
 * Calls each, unless it is NULL, for every volume that was suspended, until it does not
 * return 0.  works says whether the volume was resumed; if not, the reason is recorded.  0, or
 * -1 recorded.
 */
typedef int repair_each(void *arg, const char *name, bool works);
int repair_group(const char *group, bool dry_run, repair_each *each, void *arg);

/*
 * Gives volumes that are no longer origins an ordinary table again.  To be called after
 * snapshots were removed from a repaired group.  0, or -1 recorded.
 */
int repair_refresh(const char *group);

#endif
