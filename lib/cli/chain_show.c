/*
 * chain_show: see chain_show.h.
 */
#include "lib/cli/chain_show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/cli/info_show.h"
#include "lib/cli/json.h"
#include "lib/cli/record_grid.h"
#include "lib/cli/record_json.h"

int chain_show_begin(
	struct chain_show *s, enum chain_form form, int count, bool all_layers, bool is_strict)
{
	memset(s, 0, sizeof(*s));
	s->form = form;
	s->count = count;
	s->chain.x = &s->xml;
	s->chain.is_domain = form == CHAIN_XML_DOMAIN;
	s->chain.is_single = !all_layers;
	s->chain.is_strict = is_strict;
	s->chain.strict.is_single = !all_layers;
	if (form != CHAIN_XML_VOLUME && form != CHAIN_XML_DOMAIN)
		return 0;
	if (xml_begin(&s->xml) < 0)
		return -1;
	s->xml.is_one_line = is_strict;
	if (count > 1)
		xml_open(&s->xml, "images");
	return 0;
}

/* How a user would write where the layer is. */
static int set_location(json_t *layer, const struct location *loc, const struct kv *record)
{
	const char *path = kv_get(record, "path");
	char *text = path ? location_at(loc, path) : NULL;

	if (path && !text)
		return -1;
	json_set_text(layer, "location", text);
	free(text);
	return 0;
}

static int fill_layer(json_t *layer, const struct location *loc, const struct kv *record)
{
	if (set_location(layer, loc, record) < 0 || info_show_json(layer, loc, record) < 0)
		return -1;
	return record_json(layer, record, VIEW_LAYER);
}

static int add_json(json_t *object, const struct location *loc, const struct kv *record)
{
	json_t *layers = json_object_get(object, "layers"), *layer = json_object();

	if (fill_layer(layer, loc, record) < 0 ||
		(!layers && info_show_json(object, loc, record) < 0)) {
		json_decref(layer);
		return -1;
	}
	if (!layers) {
		layers = json_array();
		json_object_set_new(object, "layers", layers);
	}
	if (json_array_append_new(layers, layer) < 0)
		return err_set(ST_FAILED, "out of memory");
	return 0;
}

static int add_row(struct chain_show *s, const struct kv *record)
{
	if (!s->is_begun)
		record_grid_head(&s->grid, VIEW_CHAIN);
	return record_grid_row(&s->grid, record, VIEW_CHAIN);
}

static void warn_of_error(const struct location *loc, const struct kv *record)
{
	const char *message = kv_get(record, "error.message"), *name = kv_get(record, "name");
	const char *path = kv_get(record, "path");

	if (message)
		log_warn("%s: layer '%s': %s", loc->text, path ? path : name ? name : "", message);
}

/* An image whose last layers did not come, because its host was lost. */
static void drop_unfinished(struct chain_show *s)
{
	if (!s->is_begun)
		return;
	if (s->form == CHAIN_TABLE)
		grid_fini(&s->grid);
	s->chain.is_open_ended = true;
	if (s->chain.is_strict)
		chain_xml_fini(&s->chain);
	else
		chain_xml_close(&s->chain);
	s->is_begun = false;
}

int chain_show_layer(
	struct chain_show *s, const struct location *loc, const struct kv *record, json_t *object)
{
	uint64_t depth = 0;
	int r;

	if (kv_get_u64(record, "depth", &depth) < 0)
		return -1;
	if (depth == 0)
		drop_unfinished(s);
	warn_of_error(loc, record);
	if (s->form == CHAIN_TABLE)
		r = add_row(s, record);
	else if (s->form == CHAIN_JSON)
		r = add_json(object, loc, record);
	else
		r = chain_xml_layer(&s->chain, record);
	s->is_begun = true;
	return r;
}

int chain_show_image(struct chain_show *s, const struct location *loc)
{
	char *title = text_safe_dup(loc->text);
	int r = title ? 0 : err_set(ST_FAILED, "out of memory");

	if (s->form == CHAIN_TABLE && s->is_begun) {
		if (s->count > 1 && title)
			printf("%s%s:\n", s->shown ? "\n" : "", title);
		if (r == 0)
			r = grid_print(&s->grid);
		grid_fini(&s->grid);
	}
	chain_xml_close(&s->chain);
	s->shown += s->is_begun;
	s->is_begun = false;
	free(title);
	return r;
}

int chain_show_end(struct chain_show *s)
{
	drop_unfinished(s);
	if (s->form != CHAIN_XML_VOLUME && s->form != CHAIN_XML_DOMAIN)
		return 0;
	if (s->shown)
		return xml_end(&s->xml);
	xml_drop(&s->xml);
	return 0;
}
