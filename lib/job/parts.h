/*
 * parts: warns that an image needs other files, which are not copied with it.
 *
 * A record or reply has `backing`, the name of a backing file as the image records it, and
 * `data_file`, that of each file with data of the image ("": the image does not name it).
 */
#ifndef IMG_PARTS_H
#define IMG_PARTS_H

#include "lib/base/kv.h"

/* Prints a warning for each.  done is what happens to the image alone, such as "copied". */
void parts_warn(const char *location, const struct kv *record, const char *done);

#endif
