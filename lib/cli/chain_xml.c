/*
 * chain_xml: see chain_xml.h.
 */
#include "lib/cli/chain_xml.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/pathname.h"
#include "lib/cli/record_xml.h"

/* In libvirt's words.  What has no kind is elsewhere, or cannot be shown. */
static const char *type_of(const struct kv *r)
{
	const char *kind = kv_get(r, "kind");

	if (!kind)
		return kv_get(r, "path") || kv_get(r, "error.kind") ? "file" : "network";
	return strcmp(kind, "file") == 0 ? "file" : "block";
}

/* "SCHEME://HOST[:PORT]/NAME", or else "SCHEME:NAME". */
static void write_network_source(struct xml *x, const char *name)
{
	size_t scheme = strcspn(name, ":");
	const char *rest = name[scheme] ? name + scheme + 1 : name, *slash, *colon;
	char protocol[32], host[256], port[16] = "";

	snprintf(protocol, sizeof(protocol), "%.*s", (int)scheme, name);
	xml_open(x, "source");
	if (strcmp(protocol, "json") != 0)
		xml_attribute(x, "protocol", protocol);
	slash = strncmp(rest, "//", 2) == 0 ? strchr(rest + 2, '/') : NULL;
	if (strcmp(protocol, "json") == 0 || !slash || slash == rest + 2) {
		xml_attribute(x, "name", strcmp(protocol, "json") == 0 ? name : rest);
		xml_close(x);
		return;
	}
	snprintf(host, sizeof(host), "%.*s", (int)(slash - rest - 2), rest + 2);
	colon = strrchr(host, ':');
	if (colon && colon[1] && !colon[1 + strspn(colon + 1, "0123456789")]) {
		snprintf(port, sizeof(port), "%s", colon + 1);
		host[colon - host] = '\0';
	}
	xml_attribute(x, "name", slash + 1);
	xml_open(x, "host");
	xml_attribute(x, "name", host);
	xml_attribute(x, "port", *port ? port : NULL);
	xml_close(x);
	xml_close(x);
}

static void write_source(struct xml *x, const struct kv *r)
{
	const char *type = type_of(r), *path = kv_get(r, "path");

	if (strcmp(type, "network") == 0) {
		write_network_source(x, kv_get(r, "name") ? kv_get(r, "name") : "");
		return;
	}
	xml_open(x, "source");
	xml_attribute(
		x, strcmp(type, "block") == 0 ? "dev" : "file", path ? path : kv_get(r, "name"));
	xml_close(x);
}

static void write_error(struct xml *x, const struct kv *r)
{
	if (!kv_get(r, "error.kind"))
		return;
	xml_text(x, "error", kv_get(r, "error.message"));
}

/* The element that has the format and, within it or behind it, its features. */
static void write_format(struct xml *x, const char *element, const struct kv *r, bool within)
{
	if (!kv_get(r, "format"))
		return;
	xml_open(x, element);
	if (strcmp(element, "driver") == 0)
		xml_attribute(x, "name", "qemu");
	xml_attribute(x, "type", kv_get(r, "format"));
	if (within)
		record_xml(x, NULL, r, VIEW_FEATURES);
	xml_close(x);
}

/* All records are checked before; so these cannot fail. */
static void write_disk_layer(struct chain_xml *c, const struct kv *r)
{
	struct xml *x = c->x;
	char index[16];

	if (c->open == 0) {
		xml_open(x, "disk");
		xml_attribute(x, "type", type_of(r));
		xml_attribute(x, "device", "disk");
		write_format(x, "driver", r, true);
	} else {
		snprintf(index, sizeof(index), "%u", c->open);
		xml_open(x, "backingStore");
		xml_attribute(x, "type", type_of(r));
		xml_attribute(x, "index", index);
		write_format(x, "format", r, true);
	}
	write_source(x, r);
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

static void write_volume_layer(struct chain_xml *c, const struct kv *r)
{
	const char *path = kv_get(r, "path");
	struct xml *x = c->x;

	xml_open(x, "backingStore");
	if (is_elsewhere(c, r))
		xml_attribute(x, "type", type_of(r));
	xml_text(x, "path", path ? path : kv_get(r, "name"));
	write_error(x, r);
	record_xml(x, NULL, r, VIEW_SIZES);
	write_format(x, "format", r, false);
	record_xml(x, NULL, r, VIEW_OWNER);
	record_xml(x, NULL, r, VIEW_FEATURES);
}

/* What a layer records of the one below, as libvirt shows it. */
static void write_next(struct chain_xml *c, const struct kv *r)
{
	const char *path = kv_get(r, "backing.path"), *format = kv_get(r, "backing.format");
	struct xml *x = c->x;

	if (!kv_get(r, "backing.recorded"))
		return;
	c->is_open_ended = true;
	xml_open(x, "backingStore");
	if (c->is_domain) {
		xml_attribute(x, "type", path ? "file" : "network");
		xml_attribute(x, "index", "1");
	}
	if (!c->is_domain)
		xml_text(x, "path", path ? path : kv_get(r, "backing.recorded"));
	xml_open(x, "format");
	xml_attribute(x, "type", format ? format : "raw");
	xml_close(x);
	if (c->is_domain && path) {
		xml_open(x, "source");
		xml_attribute(x, "file", path);
		xml_close(x);
	} else if (c->is_domain) {
		write_network_source(x, kv_get(r, "backing.recorded"));
	}
	xml_close(x);
}

int chain_xml_layer(struct chain_xml *c, const struct kv *record)
{
	const char *path = kv_get(record, "path");

	if (fields_check(VIEW_INFO | VIEW_SIZES | VIEW_OWNER | VIEW_FEATURES, record) < 0)
		return -1;
	if (c->open == 0)
		c->dir = path ? pathname_parent(path) : NULL;
	if (c->is_domain)
		write_disk_layer(c, record);
	else if (c->open > 0)
		write_volume_layer(c, record);
	else if (record_xml_volume_open(c->x, record) < 0)
		return -1;
	c->is_open_ended = kv_get(record, "error.kind") != NULL;
	c->open++;
	if (c->is_single)
		write_next(c, record);
	return 0;
}

void chain_xml_close(struct chain_xml *c)
{
	if (c->open && !c->is_open_ended) {
		xml_open(c->x, "backingStore");
		xml_close(c->x);
	}
	for (; c->open > 1; c->open--)
		xml_close(c->x);
	if (c->open && c->is_domain) {
		xml_open(c->x, "target");
		xml_attribute(c->x, "dev", "vda");
		xml_attribute(c->x, "bus", "virtio");
		xml_close(c->x);
	}
	if (c->open)
		xml_close(c->x);
	c->open = 0;
	free(c->dir);
	c->dir = NULL;
}

int chain_xml_entry(struct xml *x, const struct kv *record)
{
	struct chain_xml c = { .x = x, .is_single = true };
	int r = chain_xml_layer(&c, record);

	c.is_open_ended = true; /* a list has no mark for an image without a layer below */
	chain_xml_close(&c);
	return r;
}
