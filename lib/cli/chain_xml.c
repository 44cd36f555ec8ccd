/*
 * chain_xml: see chain_xml.h.
 */
#include "lib/cli/chain_xml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/pathname.h"
#include "lib/cli/layer_source.h"
#include "lib/cli/record_xml.h"

static void write_error(struct xml *x, const struct kv *r)
{
	if (!kv_get(r, "error.kind"))
		return;
	xml_text(x, "error", kv_get(r, "error.message"));
}

/* The element that has the format (NULL: it is left out) and, if features is set, these. */
static void write_format(
	struct xml *x, const char *element, const char *format, const struct kv *features)
{
	if (!format)
		return;
	xml_open(x, element);
	if (strcmp(element, "driver") == 0)
		xml_attribute(x, "name", "qemu");
	xml_attribute(x, "type", format);
	if (features)
		record_xml(x, NULL, features, VIEW_FEATURES);
	xml_close(x);
}

/* All records are checked before; so these cannot fail. */
static void write_disk_layer(
	struct chain_xml *c, const struct kv *r, const struct layer_source *source)
{
	struct xml *x = c->x;
	char index[16];

	if (c->open == 0) {
		xml_open(x, "disk");
		xml_attribute(x, "type", source->type);
		xml_attribute(x, "device", "disk");
		write_format(x, "driver", source->format, r);
	} else {
		snprintf(index, sizeof(index), "%u", c->open);
		xml_open(x, "backingStore");
		xml_attribute(x, "type", source->type);
		xml_attribute(x, "index", index);
		write_format(x, "format", source->format, r);
	}
	layer_source_xml(source, x);
	write_error(x, r);
	record_xml(x, NULL, r, VIEW_SIZES);
	record_xml(x, NULL, r, VIEW_OWNER);
}

/* Whether the layer is in another directory than the image, which libvirt calls another pool. */
static bool is_elsewhere(const struct chain_xml *c, const struct kv *r)
{
	const char *path = kv_get(r, "path");
	char *dir = path ? pathname_parent(path) : NULL;
	bool is = !c->dir || !dir || strcmp(c->dir, dir) != 0;

	free(dir);
	return is;
}

static void write_volume_layer(
	struct chain_xml *c, const struct kv *r, const struct layer_source *source)
{
	struct xml *x = c->x;

	xml_open(x, "backingStore");
	if (is_elsewhere(c, r))
		xml_attribute(x, "type", source->type);
	xml_text(x, "path", source->path ? source->path : source->recorded);
	write_error(x, r);
	record_xml(x, NULL, r, VIEW_SIZES);
	write_format(x, "format", source->format, NULL);
	record_xml(x, NULL, r, VIEW_OWNER);
	record_xml(x, NULL, r, VIEW_FEATURES);
}

/* What a layer records of the one below, as libvirt shows it. */
static void write_next(struct chain_xml *c, const struct kv *r)
{
	struct layer_source next;
	struct xml *x = c->x;

	if (!layer_source_next(&next, r))
		return;
	c->is_open_ended = true;
	xml_open(x, "backingStore");
	if (c->is_domain) {
		xml_attribute(x, "type", next.type);
		xml_attribute(x, "index", "1");
	} else {
		xml_text(x, "path", next.path ? next.path : next.recorded);
	}
	write_format(x, "format", next.format, NULL);
	if (c->is_domain)
		layer_source_xml(&next, x);
	xml_close(x);
}

int chain_xml_layer(struct chain_xml *c, const struct kv *record)
{
	const char *path = kv_get(record, "path");
	struct layer_source source;

	if (fields_check(VIEW_INFO | VIEW_SIZES | VIEW_OWNER | VIEW_FEATURES, record) < 0)
		return -1;
	if (c->is_strict)
		return chain_strict_add(&c->strict, record);
	layer_source_of(&source, record);
	if (c->open == 0)
		c->dir = path ? pathname_parent(path) : NULL;
	if (c->is_domain)
		write_disk_layer(c, record, &source);
	else if (c->open > 0)
		write_volume_layer(c, record, &source);
	else if (record_xml_volume_open(c->x, record) < 0)
		return -1;
	c->is_open_ended = layer_source_is_open_ended(&source, record);
	c->open++;
	if (c->is_single)
		write_next(c, record);
	return 0;
}

void chain_xml_close(struct chain_xml *c)
{
	if (c->is_strict)
		chain_strict_write(&c->strict, c->x, c->is_domain);
	if (c->open && !c->is_open_ended) {
		xml_open(c->x, "backingStore");
		xml_close(c->x);
	}
	for (; c->open > 1; c->open--)
		xml_close(c->x);
	if (c->open && c->is_domain)
		layer_source_target(c->x);
	if (c->open)
		xml_close(c->x);
	chain_xml_fini(c);
}

void chain_xml_fini(struct chain_xml *c)
{
	chain_strict_fini(&c->strict);
	free(c->dir);
	c->dir = NULL;
	c->open = 0;
}

int chain_xml_entry(struct xml *x, const struct kv *record)
{
	struct chain_xml c = { .x = x, .is_single = true };
	int r = chain_xml_layer(&c, record);

	c.is_open_ended = true; /* a list has no mark for an image without a layer below */
	chain_xml_close(&c);
	return r;
}
