/*
 * disk_image: what the guest sees of a qcow2 image: the content of its uppermost layer and, where
 * that has nothing, of the layers below it.  It is an image like any other (image.h), so that
 * whatever reads an image can read this one; it has no descriptor, and it is raw.
 *
 * The layers are found as chain.h says.  Memory is bounded: 160 KiB for each layer and, if there
 * are compressed clusters, QCOW2_UNPACKERS times three times the size of the largest.
 */
#ifndef IMG_DISK_IMAGE_H
#define IMG_DISK_IMAGE_H

#include "lib/store/image.h"

/*
 * Opens the disk of the image top, which is the caller's and must outlive the result.  Names that
 * top records start at `named`, which differs from its own place if it is a snapshot.  The
 * layers below are held as top is (image_hold()), unless top may change.
 *
 * NULL recorded: ST_CORRUPT if a layer is damaged, missing, or not of the format that is recorded,
 * or the chain has a loop or is too long; ST_REFUSED if one is of another format than raw and
 * qcow2, encrypted, reached by a protocol, or not allowed; ST_BUSY if one is in use.  Blocks as
 * image_open() does, for each layer.
 */
struct image *disk_image_open(struct image *top, const struct place *named);

/*
 * The same, also if layers are unfinished, or look like another format than the one that they have
 * to be read as, which the caller finds out.
 */
struct image *disk_image_open_any(struct image *top, const struct place *named);

#endif
