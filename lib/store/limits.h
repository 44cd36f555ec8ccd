/*
 * limits: what may be touched on this host, and the only way to it.
 *
 * Every path that comes from outside becomes a descriptor here, once, and
 * everything after works on descriptors.  With storage.directory lines in the
 * configuration, a path must lie below one of them by its spelling, is walked
 * from that directory's descriptor, and cannot leave it: not by "..", not by a
 * link, however they are swapped while it is walked; an absolute link is
 * refused wherever it leads (openat2 with RESOLVE_BENEATH and
 * RESOLVE_NO_MAGICLINKS).  Without, the user's own permissions are the limit.
 * All errors are recorded: ST_REFUSED outside the limits, else as errno says.
 */
#ifndef IMG_LIMITS_H
#define IMG_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/base/config.h"

struct limits {
	const char *file; /* the configuration's name, for messages; borrowed */
	bool limited;
	struct limits_root {
		char *path; /* without trailing slashes */
		int fd;	    /* O_PATH */
	} * root;
	size_t count;
	char **device; /* storage.device, resolved when asked */
	size_t device_count;
	char **group; /* storage.group */
	size_t group_count;
	const struct limits *also; /* a wider configuration that holds, too; or NULL */
};

#define LIMITS_INIT                                                                                \
	{                                                                                          \
		NULL, false, NULL, 0, NULL, 0, NULL, 0, NULL                                       \
	}

/* Opens what the configuration allows; a directory that is missing is left out. */
int limits_init(struct limits *l, const struct config *c, const char *file);
void limits_fini(struct limits *l);

/*
 * Opens path with flags (O_CLOEXEC is added), following links within the
 * limits.  The descriptor, or -1.
 */
int limits_open(const struct limits *l, const char *path, int flags);

/* 0, or -1 with ST_REFUSED recorded: whether volumes of that group may be touched. */
int limits_allow_group(const struct limits *l, const char *group);

/* Whether that device may be written: 0, or -1 with ST_REFUSED recorded. */
int limits_allow_device(const struct limits *l, dev_t dev);

/* Whether anything is limited at all. */
bool limits_are_narrow(const struct limits *l);

/* A copy of path without slashes behind; the caller frees it.  NULL: no memory. */
char *limits_trim(const char *path);

/*
 * path, absolute, without what names nothing ("//", "/./", slashes behind); the caller
 * frees it.  NULL if there is no memory, or no current directory.
 */
char *limits_spelling(const char *path);

/* Whose `root` says what to look through where nothing is named: l's, or of a wider one. */
const struct limits *limits_roots(const struct limits *l);

#endif
