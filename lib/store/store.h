/*
 * store: the kinds of storage that images have names in, each a table of
 * functions: directories (store_file.c), volume groups (store_volume.c), and block
 * devices that the configuration names (store_device.c).
 * Outside of this directory nobody asks which it is.
 */
#ifndef IMG_STORE_H
#define IMG_STORE_H

#include <sys/stat.h>

#include "lib/store/place.h"

struct target_ops;

struct store_want {
	bool allow_links; /* also a file that has several */
	bool dry_run;	  /* make all checks and nothing else */
};

struct store_ops {
	bool has_files;				  /* that may be archives */
	const struct target_ops *make, *in_place; /* target_state.h */

	/* What stands there, links not followed.  0, or -1 with errno set. */
	int (*look)(const struct place *p, struct stat *st);

	/* Removes the image: 0, or -1 recorded. */
	int (*remove)(const struct place *p, const struct store_want *want);

	/* Gives it another name, which nobody has: 0, or -1 recorded. */
	int (*rename)(const struct place *p, const char *name, const struct store_want *want);
};

extern const struct store_ops store_file, store_volume, store_device;

#endif
