/*
 * chain_show: shows images with the layers below them, as the helper sends these.
 */
#ifndef IMG_CHAIN_SHOW_H
#define IMG_CHAIN_SHOW_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/kv.h"
#include "lib/base/location.h"
#include "lib/cli/chain_xml.h"
#include "lib/cli/grid.h"

enum chain_form { CHAIN_TABLE, CHAIN_JSON, CHAIN_XML_VOLUME, CHAIN_XML_DOMAIN };

struct chain_show {
	enum chain_form form;
	int count;     /* of images that are asked for */
	int shown;     /* of them */
	bool is_begun; /* the present one has a layer */
	struct grid grid;
	struct xml xml;
	struct chain_xml chain;
};

/*
 * For count images; if all_layers is not set, only their uppermost ones.  is_strict: XML as of
 * chain_strict.h, of one image.  0, or -1 recorded.
 */
int chain_show_begin(
	struct chain_show *s, enum chain_form form, int count, bool all_layers, bool is_strict);

/*
 * Adds a layer, the uppermost of an image first; with JSON to the object of the image.  Warns if
 * it cannot be shown.  0, or -1 recorded.
 */
int chain_show_layer(
	struct chain_show *s, const struct location *loc, const struct kv *record, json_t *object);

/*
 * After the last layer of an image; prints a table.  If not all layers came, it is not called, and
 * a table with only some of them is not printed.  0, or -1 recorded.
 */
int chain_show_image(struct chain_show *s, const struct location *loc);

/* After the last image; prints the XML.  0, or -1 recorded. */
int chain_show_end(struct chain_show *s);

#endif
