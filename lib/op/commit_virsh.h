/*
 * commit_virsh: a guest of libvirt, which is asked by virsh.
 */
#ifndef IMG_COMMIT_VIRSH_H
#define IMG_COMMIT_VIRSH_H

#include "lib/op/commit_guest.h"

/*
 * domain: the guest, as for virsh; borrowed.  Sets c->job to the disk, by which virsh finds its
 * job. NULL recorded: ST_REFUSED if the guest has neither IMAGE nor BASE open, or as of
 * virsh_run().
 */
struct commit_guest *commit_virsh_open(struct commit *c, const char *domain);

#endif
