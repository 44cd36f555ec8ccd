/*
 * record_xml: a helper's record as XML elements.
 */
#ifndef IMG_RECORD_XML_H
#define IMG_RECORD_XML_H

#include "lib/cli/fields.h"
#include "lib/cli/xml.h"

/*
 * Writes an element of that name (NULL: into the one that is open) with what the
 * record has for these views (fields.h).  0, or -1 recorded: nothing is written.
 */
int record_xml(struct xml *x, const char *element, const struct kv *record, unsigned views);

/*
 * The same of an image's record in the shape of libvirt's <volume>, which stays open.  What that
 * has no element for are attributes: compression, and unfinished, mounted, in_use if set.
 */
int record_xml_volume_open(struct xml *x, const struct kv *record);

#endif
