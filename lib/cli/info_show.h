/*
 * info_show: an image's record (lib/store/info.h) for people and for programs.
 * The record came from a peer: nothing in it is believed to be well-formed.
 */
#ifndef IMG_INFO_SHOW_H
#define IMG_INFO_SHOW_H

#include <jansson.h>

#include "lib/base/kv.h"
#include "lib/base/location.h"

/* The object that img-info --json prints.  NULL recorded. */
json_t *info_show_json(const struct location *loc, const struct kv *record);

/* Prints it as aligned lines.  0, or -1 recorded. */
int info_show_table(const struct location *loc, const struct kv *record);

#endif
