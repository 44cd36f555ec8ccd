/*
 * volume_remove: removes a volume, also a thin one whose lvcreate was killed.  These are the
 * steps of lvcreate:
 *
 *	LVM records the volume and, for its pool, "transaction T + 1: create device N"
 *	the pool in the kernel creates device N
 *	                                  killed here
 *	the pool in the kernel gets transaction T + 1
 *	LVM records that this is done
 *
 * After that, every command of LVM on that pool tries to create N, fails because N exists,
 * and gives up.  So in this state N is removed from the pool in the kernel; then LVM can
 * remove the volume.
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/lvm/thin.h"
#include "lib/lvm/volume.h"

/* Removes N from the pool, if the volume is in that state.  Whether it did. */
static bool take_back_thin(const struct volume_name *name, const char *uuid)
{
	struct lvm_volume v, pool;
	struct lvm_thin own, all;
	bool done = false;

	if (lvm_volume(&v, name->group, name->name) < 0)
		return false;
	if (v.is_thin && !v.is_active && strcmp(v.own_uuid, uuid) == 0 &&
		lvm_volume(&pool, v.group, v.pool) == 0) {
		done = lvm_thin(&own, v.group, v.name) == 0 &&
		       lvm_thin(&all, v.group, v.pool) == 0 &&
		       all.transaction == own.transaction + 1 &&
		       thin_take_back(pool.uuid, own.transaction, own.id) == 0;
		lvm_volume_fini(&pool);
	}
	lvm_volume_fini(&v);
	return done;
}

static int remove_by_uuid(const struct volume_name *name, const char *uuid)
{
	char which[160];
	const char *argv[] = { "lvremove", "-qq", "-y", "--select", which, name->group, NULL };
	struct err e;

	/* With -y, LVM would remove what stands on it, too. */
	snprintf(which, sizeof(which),
		"lv_uuid=%s && lv_role!=thickorigin && lv_role!=extthinorigin", uuid);
	if (lvm_change(argv) == 0)
		return 0;
	err_take(&e);
	if (take_back_thin(name, uuid))
		return lvm_change(argv);
	err_put(&e);
	return -1;
}

int volume_remove(const struct volume_name *name, const char *uuid)
{
	int gone;

	if (remove_by_uuid(name, uuid) < 0)
		return -1;
	gone = volume_is_gone(name);
	return gone == 0  ? err_set(ST_BUSY,
				    "was renamed meanwhile, or another volume has got its name")
	       : gone < 0 ? -1
			  : 0;
}

int volume_remove_own(const struct volume_name *name)
{
	struct lvm_volume v;
	int r;

	if (lvm_volume(&v, name->group, name->name) == 0) {
		r = volume_is_own(&v) ? volume_remove(name, v.own_uuid) : 0;
		lvm_volume_fini(&v);
		return r;
	}
	if (err_status() != ST_ABSENT)
		return -1;
	err_clear();
	return 0;
}
