/*
 * layer_source: where a layer is, as libvirt's type= and <source> element say it.
 */
#ifndef IMG_LAYER_SOURCE_H
#define IMG_LAYER_SOURCE_H

#include "lib/base/kv.h"
#include "lib/cli/network_source.h"
#include "lib/cli/xml.h"

struct layer_source {
	const char *type;     /* "file", "block", "dir" or "network" */
	const char *path;     /* of the first three; borrowed, or a part of network */
	const char *recorded; /* of "network": the name; borrowed */
	const char *format;   /* "raw" if it is not recorded; NULL: not known */
	bool is_parsed;	      /* network has what recorded says */
	struct network_source network;
};

/* Of the layer of a record, which must last as long as *s. */
void layer_source_of(struct layer_source *s, const struct kv *record);

/* Of the next layer, as the record names it.  Whether it does. */
bool layer_source_next(struct layer_source *s, const struct kv *record);

/* Writes the <source> element. */
void layer_source_xml(const struct layer_source *s, struct xml *x);

/* Whether libvirt's schemas allow that element. */
bool layer_source_is_valid(const struct layer_source *s);

/*
 * Whether it is not known what is below the layer of a record, if that is the last one: it could
 * not be shown, or is not opened and may have a backing file.
 */
bool layer_source_is_open_ended(const struct layer_source *s, const struct kv *record);

/* Writes the <target> element, a placeholder. */
void layer_source_target(struct xml *x);

#endif
