/*
 * create_backing: the backing file of a new qcow2 image.
 */
#ifndef IMG_CREATE_BACKING_H
#define IMG_CREATE_BACKING_H

#include "lib/store/place.h"

struct create_backing {
	char *path;	    /* what the name leads to, absolute */
	const char *format; /* QEMU's name of its format, a constant */
};

/*
 * Looks at the backing file that the new image at `from` is to record by that name, as QEMU would
 * find it.  0; or -1 recorded: ST_ABSENT; ST_REFUSED if the name is not a path, is too long, or is
 * not allowed by the access policy, or if the file is an archive; ST_BUSY if it is open for
 * writing (of a device, only if it is mounted; else there is a warning); ST_CORRUPT if it is
 * unfinished or its header is damaged.  The caller calls create_backing_fini(), also on failure.
 */
int create_backing_look(struct create_backing *b, const struct place *from, const char *name);
void create_backing_fini(struct create_backing *b);

#endif
