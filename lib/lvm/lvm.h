/*
 * lvm: volumes and groups as LVM reports them, and changes to them.
 *
 * LVM is asked by its program (`lvm`, with LC_ALL=C, by argv), whose reports
 * are JSON.  It runs in a session of its own and is always waited for: a killed
 * lvcreate can leave an origin suspended.  What it prints on standard error is
 * passed on in the recorded error.  All of it blocks, and may take seconds.
 */
#ifndef IMG_LVM_H
#define IMG_LVM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LVM_NAME_MAX 130 /* with the NUL; as the device mapper has it */
#define LVM_TAG_MAX 1025

struct lvm_volume {
	char group[LVM_NAME_MAX], name[LVM_NAME_MAX];
	char uuid[72];			  /* as the device mapper has it: "LVM-" and both UUIDs */
	char own_uuid[40];		  /* as LVM has it */
	uint64_t size;			  /* bytes */
	uint64_t group_free, extent_size; /* its group's: bytes */
	char origin[LVM_NAME_MAX], pool[LVM_NAME_MAX]; /* "" if it has none */
	char layout[64];    /* "linear", "thin,sparse", "thin,pool", ... */
	char lock_type[32]; /* its group's; "" or "none" if no other host shares it */
	char *tags;	    /* separated by commas */
	double used;	    /* of a thick snapshot, a thin volume, or a pool: 0 to 1; else -1 */
	double meta_used;   /* of a pool: 0 to 1; else -1 */
	bool is_visible;    /* not one of LVM's own */
	bool is_thin, is_pool, is_snapshot; /* is_snapshot: thick */
	bool is_origin;			    /* has thick snapshots */
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

/* Whether LVM would take it for a name; also keeps it from being an option. */
bool lvm_name_is_valid(const char *name);

/*
 * Of one volume ("group", "name"), of all of a group (name NULL), or of all
 * (both NULL); hidden ones only if hidden.  0, or -1 recorded: ST_ABSENT if
 * there is no such group or volume, ST_REFUSED if the group is another host's or
 * shared with others, ST_FAILED if LVM is missing or fails.
 */
int lvm_volumes(struct lvm_list *out, const char *group, const char *name, bool hidden);
void lvm_list_fini(struct lvm_list *l); /* accepts a zeroed one */

/* One volume.  0 or -1 recorded, as above; freed by lvm_volume_fini(). */
int lvm_volume(struct lvm_volume *out, const char *group, const char *name);
void lvm_volume_fini(struct lvm_volume *v);

/* Of a thin volume: what its pool knows it by; of a pool: its transaction.  0 or -1 recorded. */
struct lvm_thin {
	unsigned id;
	uint64_t transaction; /* the pool's when the volume was made */
};
int lvm_thin(struct lvm_thin *out, const char *group, const char *name);

/* One group, or all (NULL). */
int lvm_groups(struct lvm_groups *out, const char *group);
void lvm_groups_fini(struct lvm_groups *g);

/* The value of a tag that begins with prefix, or NULL; the caller frees it. */
char *lvm_tag(const struct lvm_volume *v, const char *prefix);

/*
 * Runs a command of LVM's that changes something: argv[0] is its name
 * ("lvcreate"), a NULL ends it.  0, or -1 recorded: ST_NOROOM, ST_FAILED, with LVM's words.
 */
int lvm_change(const char *const *argv);

/* Whether the program is there. */
bool lvm_is_there(void);

#endif
