/*
 * chain_xml: the layers of an image as XML, nested as libvirt nests them: as a <volume> of a
 * storage pool, or as the <disk> of a domain.
 *
 * Both have the elements that libvirt has for an image, and in addition, in each layer, its three
 * sizes, permissions and times.  The order of the elements is that of libvirt's mailing list,
 * "RFC: exposing backing store allocation in domain xml" (2014).
 */
#ifndef IMG_CHAIN_XML_H
#define IMG_CHAIN_XML_H

#include "lib/base/kv.h"
#include "lib/cli/chain_strict.h"
#include "lib/cli/xml.h"

struct chain_xml {
	struct xml *x;	    /* borrowed */
	bool is_domain;	    /* a <disk>, else a <volume> */
	bool is_strict;	    /* in the form of chain_strict.h; then of one image only */
	unsigned open;	    /* elements of layers */
	char *dir;	    /* the directory of the image: "its pool" */
	bool is_single;	    /* only the uppermost layer, and what it records of the next */
	bool is_open_ended; /* it is not known what is below the last layer */
	struct chain_strict strict;
};

/* Adds the next layer, the uppermost first.  0, or -1 recorded. */
int chain_xml_layer(struct chain_xml *c, const struct kv *record);

/* Completes the image, and is ready for another one. */
void chain_xml_close(struct chain_xml *c);

/* Frees what it has of an image that is not completed. */
void chain_xml_fini(struct chain_xml *c);

/*
 * Writes the <volume> of an entry of a list, with what it records of the layer below.  0, or -1
 * recorded.
 */
int chain_xml_entry(struct xml *x, const struct kv *record);

#endif
