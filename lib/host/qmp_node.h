/*
 * qmp_node: how the nodes of QEMU's block layer stand on each other.
 *
 * A disk that QEMU has open is a node of the driver "file" or "host_device" (qmp_block.h).  On it
 * stands the node of its format, "qcow2" or "raw"; a raw disk may do without.  On that one, filters
 * such as "throttle" may stand.  The uppermost node is the one that the guest uses:
 *
 *	throttle0 -> top -> file2		"throttle0" stands on "top", and that on "file2"
 */
#ifndef IMG_QMP_NODE_H
#define IMG_QMP_NODE_H

#include "lib/host/qmp.h"

/* The list of all nodes, whose reference the caller drops.  NULL recorded, as of qmp_call(). */
json_t *qmp_node_list(struct qmp *q);

/*
 * The name of the node that stands on the one called `node`, valid as long as the list.  1 and
 * *above; 0: there is none; -1 with ST_REFUSED recorded: there are several.
 */
int qmp_node_above(json_t *list, const char *node, const char **above);

/* The name of the node that this one stands on, valid as long as the list; NULL: there is none. */
const char *qmp_node_below(json_t *list, const char *node);

/* Whether a device of the guest, or an export, uses a node: 1, 0, or -1 recorded. */
int qmp_node_is_used(struct qmp *q, const char *node);

/*
 * The end of the last byte that was written to a node since QEMU opened it, 0 if the node does not
 * exist.
 */
uint64_t qmp_node_end(json_t *list, const char *node);

/*
 * Removes a node that nothing in QEMU needs any more.  QEMU refuses that for one which is needed or
 * which it removes itself, and then nothing happens.  0, or -1 recorded: the connection was lost.
 */
int qmp_node_remove(struct qmp *q, const char *node);

#endif
