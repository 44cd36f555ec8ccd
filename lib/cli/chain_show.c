/*
 * chain_show: see chain_show.h.
 */
#include "lib/cli/chain_show.h"

#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/cli/info_show.h"
#include "lib/cli/json.h"
#include "lib/cli/record_grid.h"
#include "lib/cli/record_json.h"

/* How a user would write where the layer is; the name that is recorded if it is elsewhere. */
static int set_location(json_t *layer, const struct location *loc, const struct kv *record)
{
	const char *path = kv_get(record, "path");
	char *text;

	if (!path) {
		json_set_text(layer, "location", NULL);
		return 0;
	}
	text = location_at(loc, path);
	if (!text)
		return -1;
	json_set_text(layer, "location", text);
	free(text);
	return 0;
}

static int fill_layer(json_t *layer, const struct location *loc, const struct kv *record)
{
	if (set_location(layer, loc, record) < 0)
		return -1;
	return info_show_json(layer, loc, record) < 0 ? -1 : record_json(layer, record, VIEW_LAYER);
}

int chain_show_json(json_t *object, const struct location *loc, const struct kv *record)
{
	json_t *layers = json_object_get(object, "layers"), *layer = json_object();

	if (fill_layer(layer, loc, record) < 0) {
		json_decref(layer);
		return -1;
	}
	if (!layers) {
		if (info_show_json(object, loc, record) < 0) {
			json_decref(layer);
			return -1;
		}
		layers = json_array();
		json_object_set_new(object, "layers", layers);
	}
	return json_array_append_new(layers, layer) == 0 ? 0 : err_set(ST_FAILED, "out of memory");
}

void chain_show_head(struct grid *g)
{
	record_grid_head(g, VIEW_CHAIN);
}

int chain_show_row(struct grid *g, const struct kv *record)
{
	return record_grid_row(g, record, VIEW_CHAIN);
}

void chain_show_warn(const struct location *loc, const struct kv *record)
{
	const char *message = kv_get(record, "error.message"), *name = kv_get(record, "name");
	const char *path = kv_get(record, "path");

	if (message)
		log_warn("%s: layer '%s': %s", loc->text, path ? path : name ? name : "", message);
}
