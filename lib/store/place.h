/*
 * place: a name that an image has or may get, and the store that it is in.
 */
#ifndef IMG_PLACE_H
#define IMG_PLACE_H

#include "lib/store/limits.h"
#include "lib/store/volume.h"

struct store_ops;

struct place {
	const struct store_ops *store;
	char *name; /* not empty, not "." or "..", no '/' */
	char *path; /* the whole one, absolute */
	int dir;    /* of a file or device: O_PATH | O_DIRECTORY; else -1 */
	dev_t dev;  /* of a device: which one */
	struct volume_name volume;
};

/*
 * Where path leads.  0, or -1 recorded: ST_ABSENT if the directory or group is
 * missing, ST_REFUSED if path has no name of its own ("/", "..", a group).
 */
int place_open(struct place *p, const struct limits *l, const char *path);

/*
 * The same, or, if path is a directory or group, name in it (NULL: an image
 * without one, which is refused).
 */
int place_for(struct place *p, const struct limits *l, const char *path, const char *name);

void place_close(struct place *p); /* accepts one with dir -1 or zeroed */

/* Files only: name in the directory that dir is, which it takes over. */
int place_in(struct place *p, int dir, const char *name);

#endif
