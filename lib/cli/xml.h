/*
 * xml: results as XML, by libxml2's writer.  Invalid UTF-8 and characters that
 * XML cannot hold become U+FFFD; other characters that are unsafe for a terminal
 * (text.h) become character references.  An error is reported by xml_flush() and
 * xml_end().
 */
#ifndef IMG_XML_H
#define IMG_XML_H

#include <libxml/xmlwriter.h>
#include <stdbool.h>
#include <stdint.h>

struct xml {
	xmlBuffer *buffer;
	xmlTextWriter *writer;
	bool has_failed;
	bool is_one_line; /* line breaks in texts become U+FFFD, too */
};

int xml_begin(struct xml *x); /* 0 or -1 recorded */

void xml_open(struct xml *x, const char *element);
void xml_close(struct xml *x);
/* Nothing if value is NULL. */
void xml_attribute(struct xml *x, const char *name, const char *value);

/* <element>text</element>; nothing if text is NULL. */
void xml_text(struct xml *x, const char *element, const char *text);

/* <element unit='unit'>n</element> */
void xml_bytes(struct xml *x, const char *element, const char *unit, uint64_t n);

/* Whether XML_HELD_MAX bytes wait to be printed. */
#define XML_HELD_MAX (1 << 16)
bool xml_is_full(const struct xml *x);

/* Prints what was written so far, and frees that part.  0 or -1 recorded. */
int xml_flush(struct xml *x);

/* Prints the rest of the document, and frees it all.  0 or -1 recorded. */
int xml_end(struct xml *x);

/* Frees it all, and prints nothing more. */
void xml_drop(struct xml *x);

#endif
