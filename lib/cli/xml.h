/*
 * xml: results as XML, by libxml2's writer.  Text is made valid UTF-8, and
 * characters that XML cannot hold become U+FFFD.  Errors are kept until
 * xml_end().
 */
#ifndef IMG_XML_H
#define IMG_XML_H

#include <libxml/xmlwriter.h>

#include "lib/base/kv.h"

struct xml {
	xmlBuffer *buffer;
	xmlTextWriter *writer;
};

int xml_begin(struct xml *x); /* 0 or -1 recorded */

void xml_open(struct xml *x, const char *element);
void xml_close(struct xml *x);
/* Nothing if value is NULL. */
void xml_attribute(struct xml *x, const char *name, const char *value);

/* <element>text</element>; nothing if text is NULL. */
void xml_text(struct xml *x, const char *element, const char *text);

/* <element unit='bytes'>number</element> of a record's key; nothing if it is absent. */
void xml_bytes(struct xml *x, const char *element, const struct kv *record, const char *key);

/*
 * An image's record (info.h) in the shape of libvirt's <volume>, with what that
 * has no place for as attributes: compression, and unfinished, mounted, in_use
 * if they are so.
 */
void xml_volume(struct xml *x, const struct kv *record);

/* Prints the document, and frees it all.  0 or -1 recorded. */
int xml_end(struct xml *x);

/* Frees it all, and prints nothing. */
void xml_drop(struct xml *x);

#endif
