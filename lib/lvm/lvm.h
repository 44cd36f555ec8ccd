/*
 * lvm: reports of logical volumes and volume groups, and changes to them.
 *
 * Every function runs the program `lvm` (by argv, with LC_ALL=C); its reports are
 * JSON.  It runs in a session of its own and is always waited for, never killed: a
 * killed lvcreate can leave an origin suspended.  If it fails, its message becomes
 * the recorded error.  All functions that run it block, for seconds maybe.  LVM needs
 * root: without, they all record ST_REFUSED.
 */
#ifndef IMG_LVM_H
#define IMG_LVM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LVM_NAME_MAX 130 /* with the NUL; the limit of the device mapper */

struct lvm_volume {
	char group[LVM_NAME_MAX], name[LVM_NAME_MAX];
	char uuid[72];			  /* of the device: "LVM-", group's, volume's */
	char own_uuid[40];		  /* as LVM prints it */
	uint64_t size;			  /* bytes; of a thick snapshot its copy-on-write space */
	uint64_t origin_size;		  /* of a thick snapshot: its origin's, in bytes */
	uint64_t group_free, extent_size; /* of its group, in bytes */
	char origin[LVM_NAME_MAX], pool[LVM_NAME_MAX]; /* "" if it has none, or a hidden one */
	char layout[64];    /* "linear", "thin,sparse", "thin,pool", ... */
	char lock_type[32]; /* of its group; "" or "none" if it is not shared with other hosts */
	char *tags;	    /* comma-separated */
	double used;	    /* of a thick snapshot, thin volume or pool: 0 to 1; else -1 */
	double meta_used;   /* of a pool's metadata: 0 to 1; else -1 */
	bool is_visible;    /* not an internal LVM volume */
	bool is_thin, is_pool, is_snapshot; /* is_snapshot: a thick one */
	bool is_origin;			    /* has thick snapshots */
	bool has_snapshots;		    /* thick or thin ones */
	bool is_external_origin;	    /* thin volumes stand on it, though it is not thin */
	bool skips_activation;		    /* lvchange activates it only with -K */
	bool is_merging;
	bool is_active, is_writable, is_invalid;
};

struct lvm_group {
	char name[LVM_NAME_MAX];
	uint64_t size, free, extent_size; /* bytes */
	char lock_type[32], system_id[LVM_NAME_MAX];
};

struct lvm_list {
	struct lvm_volume *volume;
	size_t count;
};

struct lvm_groups {
	struct lvm_group *group;
	size_t count;
};

/* Whether LVM accepts name for a group or volume; such a name is never taken for an option. */
bool lvm_name_is_valid(const char *name);

/*
 * Reports one volume (group and name), all volumes of a group (name NULL), or all
 * volumes (both NULL); hidden ones only if hidden is set.  0, or -1 recorded:
 * ST_ABSENT if there is no such group or volume, ST_REFUSED if the group belongs to
 * another host or is shared with other hosts, ST_FAILED if LVM is missing or fails.
 */
int lvm_volumes(struct lvm_list *out, const char *group, const char *name, bool hidden);
void lvm_list_fini(struct lvm_list *l); /* accepts a zeroed one */

/* Reports one volume, also a hidden one.  0, or -1 recorded, as lvm_volumes(). */
int lvm_volume(struct lvm_volume *out, const char *group, const char *name);
void lvm_volume_fini(struct lvm_volume *v); /* accepts a zeroed one */

/* Reports the thin device of a thin volume, or the transaction of a pool.  0, or -1 recorded. */
struct lvm_thin {
	unsigned id;	      /* of the thin device in its pool */
	uint64_t transaction; /* of a volume: its pool's when the volume was created */
};
int lvm_thin(struct lvm_thin *out, const char *group, const char *name);

/* Reports one group, or all (NULL).  0, or -1 recorded, as lvm_volumes(). */
int lvm_groups(struct lvm_groups *out, const char *group);
void lvm_groups_fini(struct lvm_groups *g); /* accepts a zeroed one */

/* What follows prefix in the first tag that begins with it, or NULL; the caller frees it. */
char *lvm_tag(const struct lvm_volume *v, const char *prefix);

/*
 * Runs an LVM command that changes something.  argv[0] is its name ("lvcreate"); argv
 * ends with NULL.  0, or -1 recorded with LVM's message: ST_NOROOM if the group or pool
 * has too little free space, else ST_FAILED.
 */
int lvm_change(const char *const *argv);

/* Whether LVM is installed. */
bool lvm_is_there(void);

#endif
