/*
 * file_target: files as targets, new or filled in place.
 */
#ifndef IMG_FILE_TARGET_H
#define IMG_FILE_TARGET_H

#include "lib/store/target.h"

/* The backend's make(), and fill() (file_inplace.c): backend.h. */
struct target *file_target_make(struct place *place, const struct target_want *want);
struct target *file_target_fill(struct place *place, const struct target_want *want);

#endif
