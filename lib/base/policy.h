/*
 * policy: what may be touched on this host, and the only way to it.
 *
 * Every path that comes from outside becomes a descriptor here, and everything
 * after that works on descriptors.  With storage.directory lines in the
 * configuration, a path must lie below one of them by its spelling.  It is then
 * walked from that directory's descriptor and cannot leave it: neither by ".."
 * nor by a link, however they are swapped during the walk.  An absolute link
 * is refused wherever it leads (openat2 with RESOLVE_BENEATH and
 * RESOLVE_NO_MAGICLINKS).  Without such lines, the user's own permissions are
 * the limit.
 *
 * All errors are recorded: ST_REFUSED outside of what is allowed, else as
 * errno says.
 */
#ifndef IMG_POLICY_H
#define IMG_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/base/config.h"

struct policy {
	const char *file; /* the configuration's name, for messages; borrowed */
	bool limited;
	struct policy_root {
		char *path; /* absolute, without slashes at its end */
		int fd;	    /* O_PATH */
	} *root;
	size_t count;
	char **device; /* storage.device, looked up each time it matters */
	size_t device_count;
	char **group; /* storage.group */
	size_t group_count;
	const struct policy *also; /* a wider policy that holds as well, or NULL */
};

#define POLICY_INIT { NULL, false, NULL, 0, NULL, 0, NULL, 0, NULL }

/* Opens the directories that the configuration allows; a missing one is left out. */
int policy_init(struct policy *l, const struct config *c, const char *file);
void policy_fini(struct policy *l);

/*
 * Opens a path that the user named, with flags (O_CLOEXEC is added), and follows
 * links as far as they are allowed.  The descriptor, or -1.
 */
int policy_open(const struct policy *l, const char *path, int flags);

/*
 * Finds out what a path is: as policy_open() with O_PATH, but a block device
 * below /dev is found whatever the policy says.  The caller then has to ask
 * policy_allow_group() or policy_allow_device() before it touches the device.
 */
int policy_find(const struct policy *l, const char *path);

/*
 * Opens a name that an image records, with flags, by one openat2 from the
 * allowed directory that matches spelled, the name as an absolute path.  If
 * none matches, no system call is made with the name.  A link through /proc
 * is never followed.  The descriptor, or -1.
 */
int policy_open_recorded(const struct policy *l, const char *spelled, int flags);

/* 0, or -1 with ST_REFUSED recorded: whether volumes of that group may be touched. */
int policy_allow_group(const struct policy *l, const char *group);

/* Whether that device may be written: 0, or -1 with ST_REFUSED recorded. */
int policy_allow_device(const struct policy *l, dev_t dev);

/* Whether anything is limited at all. */
bool policy_is_narrow(const struct policy *l);

/*
 * Whose `root` and `group` say where to look if the user names nothing: those of l, or of
 * a wider policy.
 */
const struct policy *policy_roots(const struct policy *l);

#endif
