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
#define QCOW2_HEADER_MAX 65536 /* bytes from the start that are looked at */
#define QCOW2_BACKING_MAX 1023

struct qcow2 {
	int version; /* 2: compat 0.10; 3: compat 1.1 */
	uint64_t size;
	uint32_t cluster_size;
	uint64_t incompatible, compatible, autoclear;
	char backing[QCOW2_BACKING_MAX + 1]; /* as recorded, "" if none */
	char backing_format[64];	     /* as recorded, "" if none */
};

/* Whether n bytes (4 are enough) begin a qcow2 image. */
bool qcow2_is(const void *p, size_t n);

/*
 * Parses the first n bytes of an image, QCOW2_HEADER_MAX of them if it has as
 * many.  What is read is checked as QEMU does; unknown features are no error
 * here.  Names end at a NUL in them.  0, or -1 with ST_CORRUPT recorded.
 */
int qcow2_parse(struct qcow2 *q, const void *p, size_t n);

/* Incompatible features that have a name here; an image with another is refused. */
#define QCOW2_INCOMPATIBLE_KNOWN UINT64_C(0x1f)

/*
 * The name, as libvirt's XML has it, of feature bit i if the image has it: 0 to
 * 63 are the incompatible bits, 64 to 127 the compatible ones.  NULL if it has
 * not, or if the bit has no name.
 */
#define QCOW2_FEATURES 128
const char *qcow2_feature(const struct qcow2 *q, unsigned i);

#endif
