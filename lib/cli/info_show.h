/*
 * info_show: what img-info prints of an image's record (lib/store/info.h).
 */
#ifndef IMG_INFO_SHOW_H
#define IMG_INFO_SHOW_H

#include <jansson.h>

#include "lib/base/kv.h"
#include "lib/base/location.h"

/* Adds what img-info --json prints to an object that has the location.  0, or -1 recorded. */
int info_show_json(json_t *object, const struct location *loc, const struct kv *record);

/* Prints it as aligned lines.  0, or -1 recorded. */
int info_show_table(const struct location *loc, const struct kv *record);

#endif
