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
	const struct limits *also; /* a wider configuration that holds, too; or NULL */
};

#define LIMITS_INIT                                                                                \
	{                                                                                          \
		NULL, false, NULL, 0, NULL, 0, NULL                                                \
	}

/* Opens what the configuration allows; a directory that is missing is left out. */
int limits_init(struct limits *l, const struct config *c, const char *file);
void limits_fini(struct limits *l);

/*
 * Opens path with flags (O_CLOEXEC is added), following links within the
 * limits.  The descriptor, or -1.
 */
int limits_open(const struct limits *l, const char *path, int flags);

/* Whose `root` says what to look through where nothing is named: l's, or of a wider one. */
const struct limits *limits_roots(const struct limits *l);

/*
 * A place that may or may not exist: its directory as a descriptor, and the
 * last part of its name.
 */
struct place {
	int dir;    /* O_PATH | O_DIRECTORY */
	char *name; /* not empty, not "." or "..", no '/' */
	char *path; /* the whole one, absolute */
};

/*
 * Opens the directory of path.  0, or -1 recorded: ST_ABSENT if the directory
 * is missing, ST_REFUSED if path has no name of its own ("/", "..").
 */
int place_open(struct place *p, const struct limits *l, const char *path);
void place_close(struct place *p); /* accepts one with dir -1 or zeroed */

/* As place_open() for name in the directory that dir is, which it takes over. */
int place_in(struct place *p, int dir, const char *name);

#endif
