/*
 * snap_run: what img-snap does after its options are parsed.
 */
#ifndef IMG_SNAP_RUN_H
#define IMG_SNAP_RUN_H

#include "lib/cli/cli.h"

struct snap_options {
	const char *name; /* of the snapshot, or NULL: by the time */
	uint64_t size;	  /* bytes of a thick volume's copy-on-write space; 0: as configured */
	const char *pre, *post;	   /* commands on the host, or NULL */
	const char *qmp, *libvirt; /* the guest that is paused meanwhile, or NULL */
};

/*
 * The end of main(): unless r < 0 (an error is recorded) takes the snapshots of all arguments
 * together, and shows where they are.  Blocks.  Returns the exit status.
 */
int snap_end(struct cli *c, const struct snap_options *o, int r);

#endif
