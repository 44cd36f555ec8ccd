/*
 * xml: libxml2's writer fills a buffer.  Texts are escaped here, because the writer
 * leaves characters as they are that a terminal must not get.
 */
#include "lib/cli/xml.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/text.h"
#include "lib/cli/cli.h"

int xml_begin(struct xml *x)
{
	x->has_failed = false;
	x->is_one_line = false;
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

/* Whether XML cannot hold the character, not even as a reference. */
static bool is_impossible(uint32_t cp)
{
	return (cp < 0x20 && cp != '\t' && cp != '\n' && cp != '\r') || cp == 0xfffe ||
	       cp == 0xffff;
}

/* The entity of a character that would be read as markup, or NULL. */
static const char *entity_of(uint32_t cp)
{
	switch (cp) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '"':
		return "&quot;";
	default:
		return NULL;
	}
}

/* The text as markup: what is unsafe for a terminal (text.h) is a character reference. */
static void add_escaped(struct buf *out, const char *text, bool is_one_line)
{
	const char *end = text + strlen(text);
	uint32_t cp;
	size_t len;

	for (; text < end; text += len) {
		len = text_decode(text, (size_t)(end - text), &cp);
		if (len == 0 || is_impossible(cp) || (is_one_line && (cp == '\n' || cp == '\r'))) {
			buf_adds(out, "\xef\xbf\xbd");
			len = len ? len : 1;
		} else if (entity_of(cp)) {
			buf_adds(out, entity_of(cp));
		} else if (text_is_unsafe(cp)) {
			buf_addf(out, "&#x%X;", (unsigned)cp);
		} else {
			buf_add(out, text, len);
		}
	}
}

static void write_escaped(struct xml *x, const char *text)
{
	struct buf markup = BUF_INIT;

	add_escaped(&markup, text, x->is_one_line);
	if (markup.failed ||
		xmlTextWriterWriteRaw(x->writer, (const xmlChar *)buf_str(&markup)) < 0)
		x->has_failed = true;
	buf_fini(&markup);
}

void xml_attribute(struct xml *x, const char *name, const char *value)
{
	if (!value)
		return;
	xmlTextWriterStartAttribute(x->writer, (const xmlChar *)name);
	write_escaped(x, value);
	xmlTextWriterEndAttribute(x->writer);
}

void xml_text(struct xml *x, const char *element, const char *text)
{
	if (!text)
		return;
	xml_open(x, element);
	write_escaped(x, text);
	xml_close(x);
}

void xml_bytes(struct xml *x, const char *element, const char *unit, uint64_t n)
{
	xml_open(x, element);
	xml_attribute(x, "unit", unit);
	xmlTextWriterWriteFormatString(x->writer, "%" PRIu64, n);
	xml_close(x);
}

bool xml_is_full(const struct xml *x)
{
	return xmlBufferLength(x->buffer) >= XML_HELD_MAX;
}

int xml_flush(struct xml *x)
{
	int r = 0;

	if (x->has_failed || xmlTextWriterFlush(x->writer) < 0)
		r = err_set(ST_FAILED, "cannot make the XML");
	else if (fputs((const char *)xmlBufferContent(x->buffer), stdout) == EOF)
		r = cli_write_failed();
	xmlBufferEmpty(x->buffer);
	return r;
}

int xml_end(struct xml *x)
{
	if (xmlTextWriterEndDocument(x->writer) < 0)
		x->has_failed = true;
	if (xml_flush(x) < 0) {
		xml_drop(x);
		return -1;
	}
	xml_drop(x);
	return 0;
}

void xml_drop(struct xml *x)
{
	xmlFreeTextWriter(x->writer);
	xmlBufferFree(x->buffer);
}
