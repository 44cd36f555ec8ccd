/*
 * qemu_check: checks the structure of a qcow2 layer by `qemu-img check`, which opens no other
 * file.  The caller must have checked the header and the tables before.
 */
#ifndef IMG_QEMU_CHECK_H
#define IMG_QEMU_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/format/qcow2.h"

enum qemu_check_how {
	QEMU_CHECK_ALONE,  /* qemu-img locks the layer, and refuses one that is open for writing */
	QEMU_CHECK_LIVE,   /* it may be written to meanwhile */
	QEMU_CHECK_LOCKED, /* this process has locked it */
};

/*
 * fd is open for reading; bytes: how many bytes it takes, by which the time is limited.  0, and
 * *leaks: clusters are lost, but the layer is sound; or -1 recorded: ST_CORRUPT; ST_BUSY; ST_FAILED
 * if qemu-img is missing, or takes too long or too much memory.  Blocks until it ends.
 */
int qemu_check_layer(
	int fd, const struct qcow2 *q, uint64_t bytes, enum qemu_check_how how, bool *leaks);

/*
 * Makes the reference counts right of a layer that is dirty, since its writer was killed, as QEMU
 * does before it writes to one.  fd is open for writing, and this process has locked it.  0, or -1
 * recorded: ST_FAILED, ST_NOROOM.  qemu-img is always waited for, however long it takes.
 */
int qemu_check_repair(int fd, const struct qcow2 *q);

#endif
