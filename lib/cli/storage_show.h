/*
 * storage_show: the answer to a `storage` request.
 */
#ifndef IMG_STORAGE_SHOW_H
#define IMG_STORAGE_SHOW_H

#include "lib/peer/peer.h"

enum storage_form { STORAGE_TABLE, STORAGE_JSON, STORAGE_XML };

/* Reads the records up to the OK, and prints them.  0, or -1 recorded. */
int storage_show(struct peer *p, enum storage_form form);

#endif
