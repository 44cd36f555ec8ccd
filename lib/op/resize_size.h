/*
 * resize_size: the size that a request to resize an image means.
 */
#ifndef IMG_RESIZE_SIZE_H
#define IMG_RESIZE_SIZE_H

#include <stdint.h>

/*
 * Sets *out, in bytes, for an image of `now` bytes: to size, or, with how "more" or "less", by
 * so much more or less.  0, or -1 with ST_USAGE recorded: nothing would be left, or it would be
 * larger than SIZE_LIMIT.
 */
int resize_size(uint64_t now, const char *how, uint64_t size, uint64_t *out);

#endif
