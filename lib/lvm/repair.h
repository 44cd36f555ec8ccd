/*
 * repair: what a killed LVM left half done in the kernel.
 *
 * A killed LVM can leave volumes suspended, and whoever writes to one then
 * hangs.  Both functions block as LVM does, and need root.
 */
#ifndef IMG_REPAIR_H
#define IMG_REPAIR_H

#include <stdbool.h>

/*
 * Resumes what is suspended in the group, with the tables that worked before,
 * and removes devices that LVM had only begun to make.  Does nothing while a
 * live LVM has the group locked.  With dry_run, only looks.
 *
 * Calls each (or NULL) for every volume that was suspended; works says whether
 * it works again, else the reason is recorded.  0 or -1 recorded.
 */
typedef int repair_each(void *arg, const char *name, bool works);
int repair_group(const char *group, bool dry_run, repair_each *each, void *arg);

/*
 * Gives volumes that are no origins any more a plain table again.  To be called after
 * snapshots of a repaired group were removed.  0 or -1 recorded.
 */
int repair_refresh(const char *group);

#endif
