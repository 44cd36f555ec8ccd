/*
 * commit_qmp: a guest whose QEMU is asked by its monitor.
 */
#ifndef IMG_COMMIT_QMP_H
#define IMG_COMMIT_QMP_H

#include "lib/op/commit_guest.h"

/* Connects to the socket at path.  The layers are open.  NULL recorded, as of qmp_open(). */
struct commit_guest *commit_qmp_open(const struct commit *c, const char *path);

#endif
