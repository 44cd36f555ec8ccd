/*
 * file_place: a file or directory, by its directory's descriptor and its name.
 *
 * What is there when the place is opened is held by a descriptor.  Each later
 * open by name must give the very same thing, so a name that is swapped in
 * between leads nowhere else.
 */
#ifndef IMG_FILE_PLACE_H
#define IMG_FILE_PLACE_H

#include <sys/stat.h>

#include "lib/store/backend.h"
#include "lib/store/place.h"

struct place_file {
	struct place base;
	int dir;	/* O_PATH of the directory that has the name; -1 of a container */
	int node;	/* O_PATH of what is there, or -1: nothing */
	struct stat st; /* of node */
	bool by_link;	/* only the link that was named leads there (/proc/self/fd/3) */
};

/* The backend's functions for places: backend.h. */
int file_place_find(struct place **out, const struct found *f);
struct place *file_place_child(const struct place *container, const char *name);
void file_place_release(struct place *p);

/* The place of another name in the same directory.  NULL recorded. */
struct place *file_place_beside(const struct place *p, const char *name);

/*
 * Opens what is there with flags.  The descriptor, or -1 recorded: ST_ABSENT, or
 * ST_BUSY if the name leads to something else by now.
 */
int file_place_open(const struct place *p, int flags);

/* Opens the directory that a place is, for reading its entries.  Likewise; ST_REFUSED: it is none.
 */
int file_place_open_directory(const struct place *p);

#endif
