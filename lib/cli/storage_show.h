/*
 * storage_show: prints what a host can do, and the space that it has.
 */
#ifndef IMG_STORAGE_SHOW_H
#define IMG_STORAGE_SHOW_H

#include "lib/peer/peer.h"

enum storage_form { STORAGE_TABLE, STORAGE_JSON, STORAGE_XML };

/* Receives the answers to a `storage` request and prints them.  Blocks.  0, or -1 recorded. */
int storage_show(struct peer *p, enum storage_form form);

#endif
