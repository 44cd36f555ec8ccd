/*
 * file_search: searches directories for images that need an image: dependents.h.
 */
#ifndef IMG_FILE_SEARCH_H
#define IMG_FILE_SEARCH_H

#include "lib/store/backend.h"

/* The backend's search(), search_allowed() and peek(). */
int file_search(const struct place *p, struct dependents *d);
int file_search_allowed(const struct policy *policy, struct dependents *d);
int file_search_peek(const struct place *p);

#endif
