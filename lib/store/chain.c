/*
 * chain: a loop over the layers, with what each records of the next one.
 */
#include "lib/store/chain.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/kv.h"
#include "lib/host/identity.h"
#include "lib/store/backend.h"
#include "lib/store/info.h"

struct chain {
	const struct policy *policy;
	chain_each *each;
	void *arg;
	unsigned depth;				   /* of the layer that is looked at */
	char seen[CHAIN_LAYERS_MAX][IDENTITY_MAX]; /* the layers above it */
};

/* Hands over the record of the present layer.  0, or -1 recorded. */
static int emit(struct chain *c, struct buf *record)
{
	kv_add_u64(record, "depth", c->depth);
	return buf_failed(record) < 0 ? -1 : c->each(c->arg, record);
}

/* What the layer above tells of one that is not looked at. */
static void add_names(struct buf *record, const struct info_layer *above)
{
	kv_add(record, "path", above->below.path);
	kv_add(record, "name", above->backing);
}

/* The present layer cannot be shown, for the recorded reason.  0, or -1 recorded. */
static int emit_error(struct chain *c, const struct info_layer *above, const char *kind)
{
	struct buf record = BUF_INIT;
	int r;

	add_names(&record, above);
	kv_add(&record, "error.kind", kind);
	kv_add(&record, "error.message", err_text());
	kv_add_u64(&record, "status", ST_CORRUPT);
	err_clear();
	r = emit(c, &record);
	buf_fini(&record);
	return r;
}

static const char *kind_of_error(void)
{
	switch (err_status()) {
	case ST_ABSENT:
		return "missing";
	case ST_REFUSED:
		return "refused";
	default:
		return "damaged";
	}
}

/* A layer that is neither a file nor a volume. */
static int emit_network(struct chain *c, const struct info_layer *above)
{
	struct buf record = BUF_INIT;
	int r;

	add_names(&record, above);
	kv_add(&record, "format", above->backing_format);
	r = emit(c, &record);
	buf_fini(&record);
	return r;
}

/* Whether the image at a place is one of the layers above, which it becomes. */
static bool was_seen(struct chain *c, const struct place *place)
{
	char *id = c->seen[c->depth];
	unsigned i;

	id[0] = '\0';
	if (place->backend->identify(place, id) < 0)
		return false;
	for (i = 0; i < c->depth; i++)
		if (strcmp(c->seen[i], id) == 0)
			return true;
	return false;
}

/* The place of the layer below, which need not exist.  NULL recorded. */
static struct place *place_below(const struct chain *c, const struct info_layer *above)
{
	struct place *place = recorded_open(&above->below, c->policy);

	if (place && place->is_container) {
		place_close(place);
		err_set(ST_REFUSED, "is not an image");
		return NULL;
	}
	return place;
}

/* Shows the layer below one, and makes *layer that one: 1; 0: the chain ends; -1 recorded. */
static int step(struct chain *c, struct info_layer *layer)
{
	struct info_layer next = {
		.format = layer->backing_format ? layer->backing_format : "",
		.live = layer->live,
	};
	struct buf record = BUF_INIT;
	struct place *place = NULL;
	int r = 0;

	if (!layer->backing)
		return 0;
	c->depth++;
	if (!recorded_is_path(layer->backing))
		return emit_network(c, layer) < 0 ? -1 : 0;
	if (c->depth == CHAIN_LAYERS_MAX) {
		err_set(ST_CORRUPT, "the chain has more than %d layers", CHAIN_LAYERS_MAX);
		return emit_error(c, layer, "depth") < 0 ? -1 : 0;
	}
	place = place_below(c, layer);
	if (place && was_seen(c, place)) {
		place_close(place);
		err_set(ST_CORRUPT, "is also a layer above itself");
		return emit_error(c, layer, "loop") < 0 ? -1 : 0;
	}
	if (!place || info_collect_layer(place, &next, &record) < 0)
		r = emit_error(c, layer, kind_of_error());
	else
		r = emit(c, &record) < 0 ? -1 : 1;
	buf_fini(&record);
	info_layer_fini(layer);
	*layer = next;
	layer->format = NULL; /* it was a part of the layer before */
	return r;
}

/* The image itself.  0, or -1 recorded. */
static int show_top(struct chain *c, struct place *top, struct info_layer *layer)
{
	struct buf record = BUF_INIT;
	int r;

	was_seen(c, top);
	r = info_collect_layer(top, layer, &record);
	if (r == 0)
		r = emit(c, &record);
	buf_fini(&record);
	return r;
}

int chain_walk(struct place *top, const struct live *live, chain_each *each, void *arg)
{
	struct chain *c = calloc(1, sizeof(*c));
	struct info_layer layer = { .format = NULL, .live = live };
	int r;

	if (!c) {
		place_close(top);
		return err_set(ST_FAILED, "out of memory");
	}
	c->policy = top->policy;
	c->each = each;
	c->arg = arg;
	r = show_top(c, top, &layer) < 0 ? -1 : 1;
	while (r == 1)
		r = step(c, &layer);
	info_layer_fini(&layer);
	free(c);
	return r;
}
