/*
 * file_place: a file or directory, by the descriptor of its directory and its name.
 *
 * The place also holds a descriptor of what existed there when it was opened.  Each
 * later open by name must lead to the same file, so a file that was swapped in the
 * meantime is detected.
 */
#ifndef IMG_FILE_PLACE_H
#define IMG_FILE_PLACE_H

#include <sys/stat.h>

#include "lib/store/backend.h"
#include "lib/store/place.h"

struct place_file {
	struct place base;
	int dir;	/* O_PATH of the directory that has the name; -1 for a container */
	int node;	/* O_PATH of what exists there; -1: nothing */
	struct stat st; /* of node */
	bool by_link;	/* it can be opened only by the link that was named (/proc/self/fd/3) */
};

/* The backend's functions for places: backend.h. */
int file_place_find(struct place **out, const struct found *f);
struct place *file_place_child(const struct place *container, const char *name);
void file_place_release(struct place *p);

/* The place of another name in the same directory.  NULL recorded. */
struct place *file_place_beside(const struct place *p, const char *name);

/*
 * Opens what exists there with flags.  The descriptor, which the caller closes, or -1
 * recorded: ST_ABSENT, or ST_BUSY if the name now leads to another file.
 */
int file_place_open(const struct place *p, int flags);

/* The same for the entries of a directory; ST_REFUSED if the place is not a directory. */
int file_place_open_directory(const struct place *p);

#endif
