/*
 * layer_source: see layer_source.h.
 */
#include "lib/cli/layer_source.h"

#include <stdio.h>
#include <string.h>

static void set_recorded(struct layer_source *s, const char *name)
{
	s->type = "network";
	s->recorded = name;
	s->is_parsed = network_source_parse(&s->network, name);
	if (!s->is_parsed)
		return;
	s->type = s->network.type;
	if (!s->network.protocol)
		s->path = s->network.name;
	if (!s->format)
		s->format = s->network.format;
}

/* What is not known to exist is a device if it is named as one. */
static const char *type_of_path(const char *path)
{
	return strncmp(path, "/dev/", 5) == 0 ? "block" : "file";
}

void layer_source_of(struct layer_source *s, const struct kv *r)
{
	const char *kind = kv_get(r, "kind"), *name = kv_get(r, "name");

	memset(s, 0, sizeof(*s));
	s->path = kv_get(r, "path");
	s->format = kv_get(r, "format");
	if (kind) {
		s->type = strcmp(kind, "file") == 0	   ? "file"
			  : strcmp(kind, "directory") == 0 ? "dir"
							   : "block";
	} else if (s->path || kv_get(r, "error.kind")) {
		s->path = s->path ? s->path : name;
		s->type = type_of_path(s->path ? s->path : "");
	} else {
		set_recorded(s, name ? name : "");
		s->format = s->format ? s->format : "raw";
	}
}

bool layer_source_next(struct layer_source *s, const struct kv *r)
{
	const char *recorded = kv_get(r, "backing.recorded");

	memset(s, 0, sizeof(*s));
	if (!recorded)
		return false;
	s->path = kv_get(r, "backing.path");
	s->format = kv_get(r, "backing.format");
	if (s->path)
		s->type = type_of_path(s->path);
	else
		set_recorded(s, recorded);
	s->format = s->format ? s->format : "raw";
	return true;
}

static void write_hosts(struct xml *x, const struct network_source *s)
{
	const struct network_host *h;

	for (h = s->host; h < s->host + s->hosts; h++) {
		xml_open(x, "host");
		if (*h->socket) {
			xml_attribute(x, "transport", "unix");
			xml_attribute(x, "socket", h->socket);
		} else {
			xml_attribute(x, "name", h->name);
			xml_attribute(x, "port", *h->port ? h->port : NULL);
		}
		xml_close(x);
	}
}

static void write_network(struct xml *x, const struct network_source *s)
{
	xml_attribute(x, "protocol", s->protocol);
	xml_attribute(x, "name", s->has_name || strcmp(s->protocol, "nbd") != 0 ? s->name : NULL);
	xml_attribute(x, "query", *s->query ? s->query : NULL);
	write_hosts(x, s);
	if (*s->snapshot) {
		xml_open(x, "snapshot");
		xml_attribute(x, "name", s->snapshot);
		xml_close(x);
	}
}

/* "SCHEME:NAME" of a form that is not known; of json the complete name. */
static void write_recorded(struct xml *x, const char *name)
{
	size_t scheme = strcspn(name, ":");
	char protocol[32];

	if (scheme < sizeof(protocol) && name[scheme] && strncmp(name, "json:", 5) != 0) {
		snprintf(protocol, sizeof(protocol), "%.*s", (int)scheme, name);
		xml_attribute(x, "protocol", protocol);
		name += scheme + 1;
	}
	xml_attribute(x, "name", name);
}

void layer_source_xml(const struct layer_source *s, struct xml *x)
{
	xml_open(x, "source");
	if (strcmp(s->type, "network") != 0)
		xml_attribute(x,
			strcmp(s->type, "file") == 0  ? "file"
			: strcmp(s->type, "dir") == 0 ? "dir"
						      : "dev",
			s->path);
	else if (s->is_parsed)
		write_network(x, &s->network);
	else
		write_recorded(x, s->recorded);
	xml_close(x);
}

bool layer_source_is_valid(const struct layer_source *s)
{
	if (strcmp(s->type, "network") != 0)
		return s->path && s->path[0] == '/' && s->path[1];
	return s->is_parsed && network_source_is_valid(&s->network);
}

bool layer_source_is_open_ended(const struct layer_source *s, const struct kv *record)
{
	return kv_get(record, "error.kind") ||
	       (!kv_get(record, "kind") && (!s->format || strcmp(s->format, "raw") != 0));
}

void layer_source_target(struct xml *x)
{
	xml_open(x, "target");
	xml_attribute(x, "dev", "vda");
	xml_attribute(x, "bus", "virtio");
	xml_close(x);
}
