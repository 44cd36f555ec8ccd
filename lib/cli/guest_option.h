/*
 * guest_option: the options --qmp and --libvirt, which say how a running guest is reached.
 */
#ifndef IMG_GUEST_OPTION_H
#define IMG_GUEST_OPTION_H

#include "lib/base/buf.h"

/* Adds the keys of a request for them; NULL: not given.  0, or -1 with ST_USAGE recorded. */
int guest_option_add(struct buf *keys, const char *qmp, const char *domain);

#endif
