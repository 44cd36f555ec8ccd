/*
 * policy: the access policy of this host, and the only way to open what it allows.
 *
 * Every path that comes from outside becomes a descriptor here, and the rest of the code works
 * on descriptors.  If the configuration has storage.directory lines, a path must be below one of
 * these directories by its spelling.  It is then opened from the descriptor of that directory and
 * cannot leave it, neither by ".." nor by a link, even if they are swapped meanwhile.  An absolute
 * link is always refused (openat2 with RESOLVE_BENEATH and RESOLVE_NO_MAGICLINKS).  Only ".."
 * right after the directory's own path is folded as text, and so may lead to another allowed
 * directory.  Without such lines, only the user's own permissions limit access.
 *
 * All errors are recorded: ST_REFUSED if the policy does not allow it, else by errno.
 */
#ifndef IMG_POLICY_H
#define IMG_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/base/config.h"

struct policy {
	const char *file; /* the path of the configuration, for messages; borrowed */
	bool limited;	  /* it has directories or groups, and everything else is refused */
	struct policy_root {
		char *path; /* absolute, without slashes at its end */
		int fd;	    /* O_PATH */
	} *root;
	size_t count;
	char **device; /* storage.device; looked up for each check */
	size_t device_count;
	char **group; /* storage.group */
	size_t group_count;
	const struct policy *also; /* a wider policy that also has to allow it, or NULL; borrowed */
};

#define POLICY_INIT { NULL, false, NULL, 0, NULL, 0, NULL, 0, NULL }

/*
 * Opens the directories that the configuration allows; a missing one is skipped.  0, or -1; then
 * policy is empty.  file is borrowed.
 */
int policy_init(struct policy *policy, const struct config *c, const char *file);
void policy_fini(struct policy *policy);

/*
 * Opens a path that the user named with flags and O_CLOEXEC, and follows links that are
 * allowed.  The descriptor, which the caller closes, or -1.
 */
int policy_open(const struct policy *policy, const char *path, int flags);

/*
 * Finds out what a path leads to: as policy_open() with O_PATH, but also finds block devices below
 * /dev that the policy does not allow.  The caller then has to call policy_allow_group() or
 * policy_allow_device() before it opens the device.
 */
int policy_find(const struct policy *policy, const char *path);

/* Who owns what a path leads to; root if that cannot be found out.  Records nothing. */
uid_t policy_owner_of(const struct policy *policy, const char *path);

/*
 * Opens a name that an image records, with flags, by one openat2 from the
 * allowed directory that matches spelled, the name as an absolute path.  If
 * none matches, no system call is made with the name.  A link through /proc
 * is never followed.  The descriptor, or -1.
 */
int policy_open_recorded(const struct policy *policy, const char *spelled, int flags);

/* Whether volumes of that group are allowed: 0, or -1 with ST_REFUSED recorded. */
int policy_allow_group(const struct policy *policy, const char *group);

/* Whether that device may be written: 0, or -1 with ST_REFUSED recorded. */
int policy_allow_device(const struct policy *policy, dev_t dev);

/* Whether this policy or a wider one limits anything. */
bool policy_is_narrow(const struct policy *policy);

/*
 * The policy whose `root` and `group` are used for a request without a path: this one,
 * or a wider one.
 */
const struct policy *policy_roots(const struct policy *policy);

#endif
