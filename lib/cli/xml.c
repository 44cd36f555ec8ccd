/*
 * xml: see xml.h.  libxml2's writer fills a buffer, which is printed at the end.
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

/* XML cannot hold control characters but tab, newline and return, nor U+FFFE and U+FFFF. */
static char *replace_invalid(const char *text)
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
	char *text = value ? replace_invalid(value) : NULL;

	if (text)
		xmlTextWriterWriteAttribute(
			x->writer, (const xmlChar *)name, (const xmlChar *)text);
	free(text);
}

void xml_text(struct xml *x, const char *element, const char *value)
{
	char *text = value ? replace_invalid(value) : NULL;

	if (text)
		xmlTextWriterWriteElement(
			x->writer, (const xmlChar *)element, (const xmlChar *)text);
	free(text);
}

void xml_bytes(struct xml *x, const char *element, const char *unit, uint64_t n)
{
	xml_open(x, element);
	xml_attribute(x, "unit", unit);
	xmlTextWriterWriteFormatString(x->writer, "%" PRIu64, n);
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
