/*
 * commit_node: layers as qemu-img takes them, by their descriptors, so that it follows no name that
 * a layer records.  All are locked by this process, and not by qemu-img.
 */
#ifndef IMG_COMMIT_NODE_H
#define IMG_COMMIT_NODE_H

#include "lib/base/buf.h"
#include "lib/op/commit.h"

/* Begins an argument of qemu-img. */
void commit_node_begin(struct buf *out);

/* Adds a qcow2 layer without the layers below it. */
void commit_node_add_alone(struct buf *out, int fd);

/*
 * Adds the layer at a depth; below it comes the one at `next`, and then all from there on, but not
 * further than `last`.  Writes the descriptors, which qemu-img must inherit, to fds; returns their
 * number.
 */
size_t commit_node_add_chain(struct buf *out, const struct commit *c, unsigned depth, unsigned next,
	unsigned last, int fds[CHAIN_LAYERS_MAX]);

/*
 * Records that `qemu-img what` failed, with the first line of its standard error: ST_NOROOM or
 * ST_FAILED.  Returns -1.
 */
int commit_node_failed(const char *what, int status, struct buf *errors, const char *node);

#endif
