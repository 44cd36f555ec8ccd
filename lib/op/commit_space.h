/*
 * commit_space: the space that BASE needs, and gets before anything else changes.
 */
#ifndef IMG_COMMIT_SPACE_H
#define IMG_COMMIT_SPACE_H

#include "lib/op/commit.h"

/*
 * Sets c->before and c->from and, if BASE has to be enlarged, c->to.  A raw BASE gets the length of
 * the longest layer that is committed.  A volume with a qcow2 BASE gets what qemu-img measures.  A
 * file with one grows by itself.  0, or -1 recorded: ST_NOROOM if there is too little space.
 */
int commit_space_plan(struct commit *c);

/*
 * Enlarges BASE, which is marked, but not held meanwhile.  0, or -1 recorded; then it has its old
 * size, but a volume with a qcow2 BASE may be larger.
 */
int commit_space_grow(struct commit *c);

/*
 * What img-info would show of a layer: fd is open for reading.  0, or -1 recorded: a read error, or
 * ST_CORRUPT.
 */
int commit_space_numbers(int fd, bool is_qcow2, struct commit_numbers *n);

/* The same while the layer is written: also -1 if its allocation takes long to find. */
int commit_space_numbers_soon(int fd, bool is_qcow2, struct commit_numbers *n);

#endif
