/*
 * qemu_img: runs qemu-img on one qcow2 layer, by its descriptor.  No other file that the layer
 * names is opened.  The caller must have checked the header and the tables before, and that the
 * layer has no external data file.
 *
 * The layer is not locked by qemu-img: the caller has locked it.
 */
#ifndef IMG_QEMU_IMG_H
#define IMG_QEMU_IMG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/buf.h"

/*
 * Lets QEMU open the layer for reading, within limits of time and memory.  0, or -1 recorded:
 * ST_CORRUPT if QEMU refuses it, ST_FAILED if qemu-img is missing, or if it is too old for
 * qemu_img_resize() with with_zeros.  Blocks until it ends.
 */
int qemu_img_open(int fd, bool is_device, bool with_zeros);

/*
 * Grows the disk of the guest to size bytes.  with_zeros: the new space becomes zeros, whatever
 * the layer has there, or its backing file; else the layer must have nothing there.  0, or -1
 * recorded, also ST_NOROOM; then the disk has its old size.  qemu-img is always waited for,
 * however long it takes.
 */
int qemu_img_resize(int fd, bool is_device, uint64_t size, bool with_zeros);

/*
 * The node of QEMU, as JSON, that is the open file or device fd; returns out.  is_locked: QEMU
 * locks it itself, since the caller has not.
 */
#define QEMU_IMG_FILE_MAX 96 /* bytes with the NUL */
const char *qemu_img_file(char out[QEMU_IMG_FILE_MAX], int fd, bool is_device, bool is_locked);

/*
 * Fills out with the first error that `qemu-img check` found, or else with the first line of
 * its standard error, without its own name and the name of the image, as it was given to it.
 */
void qemu_img_reason(char *out, size_t size, struct buf *errors, const char *name);

#endif
