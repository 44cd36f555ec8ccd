/*
 * domstats: what libvirt says of the disks of one of its guests, by the program virsh.
 *
 *	Domain: 'NAME'
 *	  state.state=1
 *	  block.count=2
 *	  block.0.name=vda
 *	  block.0.path=/srv/top.qcow2
 *	  block.0.allocation=3473408
 *	  block.1.name=vda
 *	  block.1.path=/srv/base.qcow2
 *	  block.1.backingIndex=1
 *	  ...
 *
 * The number after "block." counts layers, not disks.  A layer's node (live.h) is what virsh calls
 *it, "vda", or with its index "vda[1]".  Of a block device, the allocation is how far QEMU has
 *written (its wr_highest_offset).
 */
#ifndef IMG_DOMSTATS_H
#define IMG_DOMSTATS_H

#include "lib/host/live.h"

/*
 * Adds the disks of a running guest, which is named as for virsh, to out; nothing if it is shut
 * off.  0, or -1 recorded, as virsh_run().  Waits for virsh, at most VIRSH_LIMIT_S.
 */
int domstats_list(const char *domain, const struct policy *policy, struct live *out);

/* The same from the output of virsh.  0, or -1 with ST_FAILED recorded if it cannot be parsed. */
int domstats_parse(const char *text, size_t len, const struct policy *policy, struct live *out);

#endif
