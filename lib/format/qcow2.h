/*
 * qcow2: the header of a layer, read without trusting it.  Big-endian.
 *
 *	 0  4  magic 'Q' 'F' 'I' 0xfb	  4  4  version, 2 or 3
 *	 8  8  backing name's offset	 16  4  its length, at most 1023
 *	20  4  cluster_bits, 9 to 21	 24  8  size for the guest
 *	72  8  incompatible features	 80  8  compatible	88  8  autoclear
 *	96  4  refcount_order		100  4  header length	(72 on: version 3)
 *
 * then extensions of (u32 type, u32 length, bytes, padding to 8) up to type 0.
 * Source: QEMU's docs/interop/qcow2.
 */
#ifndef IMG_QCOW2_H
#define IMG_QCOW2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QCOW2_MAGIC "QFI\xfb"
#define QCOW2_HEADER_MAX 65536 /* bytes from the start that are parsed */
#define QCOW2_BACKING_MAX 1023

struct qcow2 {
	int version;	       /* 2: compat 0.10; 3: compat 1.1 */
	uint64_t size;	       /* bytes, of the guest's disk */
	uint32_t cluster_size; /* bytes */
	uint64_t incompatible, compatible, autoclear;
	char backing[QCOW2_BACKING_MAX + 1]; /* as recorded, "" if none */
	char backing_format[64];	     /* as recorded, "" if none */
};

/* Whether the first n bytes are those of a qcow2 image; 4 are enough. */
bool qcow2_is(const void *p, size_t n);

/*
 * Parses the first n bytes of an image (QCOW2_HEADER_MAX, or all if there are fewer).  Makes
 * the checks that QEMU makes, but accepts unknown features.  A name ends at a NUL in it.
 * 0, or -1 with ST_CORRUPT recorded.
 */
int qcow2_parse(struct qcow2 *q, const void *p, size_t n);

/* Incompatible features that have a name here. */
#define QCOW2_INCOMPATIBLE_KNOWN UINT64_C(0x1f)

/*
 * The name, as in libvirt's XML, of feature bit i: 0 to 63 are the incompatible bits, 64 to
 * 127 the compatible ones.  NULL if the image lacks that feature, or it has no name.
 */
#define QCOW2_FEATURES 128
const char *qcow2_feature(const struct qcow2 *q, unsigned i);

#endif
