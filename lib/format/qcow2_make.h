/*
 * qcow2_make: the bytes of a new, empty qcow2 layer: version 3 (compat 1.1), clusters of 64 KiB,
 * reference counts of 16 bits.  Its header is drawn in qcow2.h; the clusters are:
 *
 *	0	the header, 112 bytes; then extensions: the backing format (0xe2792aca, only if
 *		there is a backing name), the features' names (0x6803f857), the end; then the
 *		backing name
 *	1	the table of reference counts, with one entry
 *	2	the only block of reference counts: 1 for each of these clusters
 *	3 on	the L1 table, all zeros: every cluster of the guest's disk reads as zeros, or as the
 *		backing file
 *
 * All of that is as qemu-img makes it, but for the end: the last cluster of the L1 table is
 * complete here, so that no layer ends within a cluster.
 * Nothing blocks.
 */
#ifndef IMG_QCOW2_MAKE_H
#define IMG_QCOW2_MAKE_H

#include <stddef.h>
#include <stdint.h>

#define QCOW2_MAKE_UNIT 512		   /* the size of the guest's disk is a multiple of this */
#define QCOW2_MAKE_MAX (UINT64_C(1) << 51) /* bytes of the guest's disk, as in QEMU */
#define QCOW2_MAKE_HEAD (3 * 65536)	   /* bytes before the L1 table */

struct qcow2_make {
	uint64_t size;	     /* bytes of the guest's disk: 1 to QCOW2_MAKE_MAX, in units */
	const char *backing; /* as it is to be recorded, 1 to QCOW2_BACKING_MAX bytes; or NULL */
	const char *backing_format; /* QEMU's name, 1 to 63 bytes; NULL without backing */
};

/* Where the metadata of an empty layer ends, in bytes: the length of its file. */
uint64_t qcow2_make_end(uint64_t size);

/*
 * The bytes of a layer in which all of the guest's disk is allocated: what qemu-img measure calls
 * fully allocated.
 */
uint64_t qcow2_make_full(uint64_t size);

/*
 * Sets out to the first QCOW2_MAKE_HEAD bytes of the layer.  What follows up to
 * qcow2_make_end() are zeros.
 */
void qcow2_make(const struct qcow2_make *m, uint8_t out[QCOW2_MAKE_HEAD]);

#endif
