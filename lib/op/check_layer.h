/*
 * check_layer: checks the structure of one qcow2 layer: first what its header says here, then all
 * of it by qemu-img or, on a host that has none, by qcow2_check.h.  No other file that the layer
 * names is opened.
 */
#ifndef IMG_CHECK_LAYER_H
#define IMG_CHECK_LAYER_H

#include <stdbool.h>

#include "lib/store/image.h"

struct check_result {
	bool leaks;	/* clusters are lost, but the layer is sound */
	bool dirty;	/* it is open, or was not closed */
	const char *by; /* "qemu-img" or "img-tools", a constant */
};

/*
 * Checks img, whose content is an intact qcow2 header.  live: it may change meanwhile.  Blocks for
 * as long as its limits of time allow.  0, or -1 recorded: ST_CORRUPT; ST_BUSY if QEMU has it
 * locked; ST_FAILED if it is encrypted, or the check failed.
 */
int check_layer(struct image *img, bool live, struct check_result *out);

#endif
