/*
 * volume_search: searches volume groups for images that need an image: dependents.h.
 */
#ifndef IMG_VOLUME_SEARCH_H
#define IMG_VOLUME_SEARCH_H

#include "lib/store/backend.h"

/* The backend's search(), search_allowed() and peek(). */
int volume_search(const struct place *p, struct dependents *d);
int volume_search_allowed(const struct policy *policy, struct dependents *d);
int volume_search_peek(const struct place *p);

#endif
