/*
 * chain_show: the layers of an image, one after the other, as the helper sends them.
 */
#ifndef IMG_CHAIN_SHOW_H
#define IMG_CHAIN_SHOW_H

#include <jansson.h>

#include "lib/base/kv.h"
#include "lib/base/location.h"
#include "lib/cli/grid.h"

/*
 * Adds a layer to the object of its image, which the first one fills, as the man page of
 * img-info describes it.  0, or -1 recorded.
 */
int chain_show_json(json_t *object, const struct location *loc, const struct kv *record);

/* The heading, and the row of a layer, in a grid that the caller prints.  0, or -1 recorded. */
void chain_show_head(struct grid *g);
int chain_show_row(struct grid *g, const struct kv *record);

/* Warns if the layer cannot be shown. */
void chain_show_warn(const struct location *loc, const struct kv *record);

#endif
