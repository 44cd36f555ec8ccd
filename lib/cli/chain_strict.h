/*
 * chain_strict: the layers of an image as XML that libvirt's schemas allow, from version 9.0 on.
 *
 * A <volume> has the numbers of the uppermost layer, and path, format, permissions and times of the
 * next one:
 *
 *	volume: name, key, source, capacity, allocation, physical, target, backingStore
 *
 * A <domain> is a minimal one with one disk, whose layers are nested in it; what the schemas do not
 * allow in a <disk> is in the metadata, in a namespace of this project:
 *
 *	domain: name, metadata, memory, os, devices
 *	metadata: chain (CHAIN_STRICT_NAMESPACE): layer (index, type) each:
 *		path, error, capacity, allocation, physical, format, permissions, timestamps,
 *		compat, features
 *
 * A layer that the schemas have no form for is left out together with all below it, except of the
 * metadata: one in a network of which the name could not be parsed, or in no file at all.  A format
 * that libvirt does not know is "unknown" in a volume, and left out for the image of a domain.
 */
#ifndef IMG_CHAIN_STRICT_H
#define IMG_CHAIN_STRICT_H

#include "lib/base/kv.h"
#include "lib/cli/xml.h"

#define CHAIN_STRICT_NAMESPACE "urn:img-tools:chain:1"

struct chain_strict {
	bool is_single; /* only the uppermost layer, and what it records of the next */
	unsigned count;
	struct kv *layers; /* copies of the records, without what libvirt has no words for */
	struct kv *originals;
};

/* Adds a copy of the record of the next layer, which is validated.  0, or -1 recorded. */
int chain_strict_add(struct chain_strict *c, const struct kv *record);

/* Writes the document; nothing if there is no layer. */
void chain_strict_write(const struct chain_strict *c, struct xml *x, bool is_domain);

/* Frees the layers. */
void chain_strict_fini(struct chain_strict *c);

#endif
