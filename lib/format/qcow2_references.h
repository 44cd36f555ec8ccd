/*
 * qcow2_references: every part of a qcow2 layer that its header or a table refers to.
 *
 * The tables of qcow2_map.h and qcow2_watermark.h, and:
 *
 *	snapshot	 0  8  offset of its L1 table
 *			 8  4  entries of that
 *			12  2  length of the ID
 *			14  2  length of the name
 *			36  4  length of the extra data, in version 3 at least 16
 *			40     the extra data, the ID, the name, padding to 8
 *
 *	bitmap		 0  8  offset of its table
 *			 8  4  entries of that
 *			18  2  length of the name
 *			20  4  length of the extra data
 *			24     the extra data, the name, padding to 8
 *
 *	its table	bits 9 to 55 of an entry: offset of a cluster; 0 if there is none,
 *			and then bit 0 is the value of all bits of that cluster
 *
 * All other bits of the table are reserved, and must be 0.
 * Source: QEMU's docs/interop/qcow2.
 */
#ifndef IMG_QCOW2_REFERENCES_H
#define IMG_QCOW2_REFERENCES_H

#include "lib/format/qcow2.h"

enum qcow2_copied {
	QCOW2_COPIED_NONE, /* there is no such flag, or it does not count */
	QCOW2_COPIED_NO,   /* it says that the reference count is not 1 */
	QCOW2_COPIED_YES,  /* it says that it is 1 */
};

struct qcow2_reference {
	const char *what;  /* "L2 table", ...; a constant */
	uint64_t off, len; /* bytes of the layer */
	bool is_alone;	   /* nothing else may be in these clusters, not even for a snapshot */
	enum qcow2_copied copied;
};

/* Called for each one.  Returns 0 to go on. */
typedef int qcow2_references_each(void *arg, const struct qcow2_reference *ref);

/* The caller's storage, with 192 KiB on the heap, whatever the image says. */
struct qcow2_references {
	const struct qcow2 *q;
	int fd;
	uint64_t len;
	uint64_t
		left; /* bytes of tables that may still be read; the caller may take of them, too */
	uint8_t *l1, *l2, *piece;
	qcow2_references_each *each;
	void *arg;
};

/*
 * Begins with the layer in fd, which is len bytes long.  q and fd must outlive it, and the layer
 * must not change.  The tables must have passed qcow2_tables_check(), and all features be known.
 * budget: how many bytes may be read.  0, or -1 recorded: ST_CORRUPT.
 */
int qcow2_references_init(
	struct qcow2_references *r, const struct qcow2 *q, int fd, uint64_t len, uint64_t budget);
void qcow2_references_fini(struct qcow2_references *r);

/*
 * Walks through all tables but that of the reference counts, and calls each for every part that
 * they use.  All entries are checked: that no reserved bit is set, that what must be is aligned,
 * and that it begins and ends in a cluster of the file.  May be called again.  Blocks.
 * 0, or -1 recorded: ST_CORRUPT; ST_FAILED: a read error, interrupted, or the budget was spent.
 */
int qcow2_references_walk(struct qcow2_references *r, qcow2_references_each *each, void *arg);

/* Reads n bytes at off, which count; behind the end of the file are zeros.  0, or -1 recorded. */
int qcow2_references_read(struct qcow2_references *r, void *p, size_t n, uint64_t off);

/* Refers to the part: checks where it is, and calls each.  0, or -1 recorded. */
int qcow2_references_add(struct qcow2_references *r, const struct qcow2_reference *ref);

/* How many clusters the file has, the last of which may be shorter. */
uint64_t qcow2_references_clusters(const struct qcow2_references *r);

#endif
