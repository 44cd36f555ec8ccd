/*
 * qcow2_tables: whether the tables that the header of a qcow2 layer names can be what they should
 * be.  This is checked before another program follows them: a header that an attacker has written
 * can make that program read for hours.
 */
#ifndef IMG_QCOW2_TABLES_H
#define IMG_QCOW2_TABLES_H

#include "lib/format/qcow2.h"

#define QCOW2_L1_MAX (32u << 20)      /* bytes of the table, as in QEMU */
#define QCOW2_REFCOUNT_MAX (8u << 20) /* bytes of the table of reference counts */
#define QCOW2_SNAPSHOTS_MAX 65536

/*
 * Checks the table of the image in fd, which is len bytes long: that each table is aligned and
 * begins within the image, that it is not larger than QEMU accepts, and that no L2 table is
 * entered twice.  0, or -1 recorded: ST_CORRUPT, or a read error.
 */
int qcow2_tables_check(const struct qcow2 *q, int fd, uint64_t len);

/* The same only of what the header says of the table of reference counts. */
int qcow2_tables_check_refcounts(const struct qcow2 *q, uint64_t len);

/* The same only of what it says of the L1 table. */
int qcow2_tables_check_l1(const struct qcow2 *q, uint64_t len);

/* Records that the table called `what` is corrupt, and why.  Returns -1. */
int qcow2_tables_refuse(const char *what, const char *why);

#endif
