/*
 * xml: elements in libvirt's order: name, key, capacity, allocation, physical,
 * target (path, format, permissions, timestamps, compat, clusterSize, features).
 */
#include "lib/cli/xml.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/text.h"

int xml_begin(struct xml *x)
{
	x->buffer = xmlBufferCreate();
	x->writer = x->buffer ? xmlNewTextWriterMemory(x->buffer, 0) : NULL;
	if (!x->writer) {
		xmlBufferFree(x->buffer);
		return err_set(ST_FAILED, "out of memory");
	}
	xmlTextWriterSetIndent(x->writer, 1);
	xmlTextWriterSetIndentString(x->writer, (const xmlChar *)"  ");
	return 0;
}

void xml_open(struct xml *x, const char *element)
{
	xmlTextWriterStartElement(x->writer, (const xmlChar *)element);
}

void xml_close(struct xml *x)
{
	xmlTextWriterEndElement(x->writer);
}

/* XML has no control characters but tab, newline and return; two more code points are none. */
static char *allowed(const char *text)
{
	char *utf8 = text_utf8_dup(text), *out, *to;
	const unsigned char *p;

	out = utf8 ? malloc(3 * strlen(utf8) + 1) : NULL;
	if (!out) {
		free(utf8);
		return NULL;
	}
	for (p = (const unsigned char *)utf8, to = out; *p; p++) {
		if ((*p < 0x20 && !strchr("\t\n\r", *p)) ||
			(p[0] == 0xef && p[1] == 0xbf && p[2] >= 0xbe)) {
			memcpy(to, "\xef\xbf\xbd", 3);
			to += 3;
			p += *p < 0x20 ? 0 : 2;
		} else {
			*to++ = (char)*p;
		}
	}
	*to = '\0';
	free(utf8);
	return out;
}

void xml_attribute(struct xml *x, const char *name, const char *value)
{
	char *text = value ? allowed(value) : NULL;

	if (text)
		xmlTextWriterWriteAttribute(
			x->writer, (const xmlChar *)name, (const xmlChar *)text);
	free(text);
}

void xml_text(struct xml *x, const char *element, const char *value)
{
	char *text = value ? allowed(value) : NULL;

	if (text)
		xmlTextWriterWriteElement(
			x->writer, (const xmlChar *)element, (const xmlChar *)text);
	free(text);
}

/* A number that the peer wrote as one, in its unit. */
static void number(struct xml *x, const char *element, const char *unit, const struct kv *record,
	const char *key)
{
	uint64_t v;

	if (kv_get_u64(record, key, &v) <= 0)
		return;
	xml_open(x, element);
	xml_attribute(x, "unit", unit);
	xmlTextWriterWriteFormatString(x->writer, "%" PRIu64, v);
	xml_close(x);
}

void xml_bytes(struct xml *x, const char *element, const struct kv *record, const char *key)
{
	number(x, element, "bytes", record, key);
}

/* Whether a peer's word may become an element. */
static bool is_name(const char *s)
{
	return *s >= 'a' && *s <= 'z' && !s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_")];
}

static void target(struct xml *x, const struct kv *r)
{
	const char *format = kv_get(r, "format"), *feature;
	size_t at = 0;

	xml_open(x, "target");
	xml_text(x, "path", kv_get(r, "path"));
	if (format) {
		xml_open(x, "format");
		xml_attribute(x, "type", format);
		xml_close(x);
	}
	if (kv_get(r, "mode")) {
		xml_open(x, "permissions");
		xml_text(x, "mode", kv_get(r, "mode"));
		xml_text(x, "owner", kv_get(r, "owner"));
		xml_text(x, "group", kv_get(r, "group"));
		xml_text(x, "label", kv_get(r, "label"));
		xml_close(x);
		xml_open(x, "timestamps");
		xml_text(x, "atime", kv_get(r, "atime"));
		xml_text(x, "mtime", kv_get(r, "mtime"));
		xml_text(x, "ctime", kv_get(r, "ctime"));
		xml_close(x);
	}
	xml_text(x, "compat", kv_get(r, "compat"));
	number(x, "clusterSize", "B", r, "cluster_size");
	if (kv_get(r, "compat")) {
		xml_open(x, "features");
		while ((feature = kv_each(r, "feature", &at))) {
			if (!is_name(feature))
				continue;
			xml_open(x, feature);
			xml_close(x);
		}
		xml_close(x);
	}
	xml_close(x);
}

/* key='yes'; nothing if it is not so. */
static void flag(struct xml *x, const char *key, const struct kv *r)
{
	bool set = false;

	if (kv_get_bool(r, key, &set) >= 0 && set)
		xml_attribute(x, key, "yes");
}

void xml_volume(struct xml *x, const struct kv *r)
{
	const char *kind = kv_get(r, "kind");

	xml_open(x, "volume");
	xml_attribute(x, "type",
		!kind || strcmp(kind, "file") == 0 ? "file"
		: strcmp(kind, "directory") == 0   ? "dir"
						   : "block");
	xml_attribute(x, "compression", kv_get(r, "compression"));
	flag(x, "unfinished", r);
	flag(x, "mounted", r);
	flag(x, "in_use", r);
	xml_text(x, "name", kv_get(r, "name"));
	xml_text(x, "key", kv_get(r, "path"));
	xml_bytes(x, "capacity", r, "capacity");
	xml_bytes(x, "allocation", r, "allocation");
	xml_bytes(x, "physical", r, "physical");
	target(x, r);
	xml_close(x);
}

int xml_end(struct xml *x)
{
	int r = 0;

	if (xmlTextWriterEndDocument(x->writer) < 0)
		r = err_set(ST_FAILED, "cannot make the XML");
	xmlFreeTextWriter(x->writer); /* flushes into the buffer */
	if (r == 0 && printf("%s", (const char *)xmlBufferContent(x->buffer)) < 0)
		r = err_sys("cannot write the result");
	xmlBufferFree(x->buffer);
	return r;
}

void xml_drop(struct xml *x)
{
	xmlFreeTextWriter(x->writer);
	xmlBufferFree(x->buffer);
}
