/*
 * qcow2: the header of a layer, read without trusting it.  Big-endian.
 *
 *	 0  4  magic 'Q' 'F' 'I' 0xfb	  4  4  version, 2 or 3
 *	 8  8  backing name's offset	 16  4  its length, at most 1023
 *	20  4  cluster_bits, 9 to 21	 24  8  size for the guest
 *	32  4  encryption method	 36  4  entries of the L1 table	 40  8  its offset
 *	48  8  refcount table's offset	 56  4  its clusters
 *	60  4  snapshots		 64  8  offset of their table
 *	72  8  incompatible features	 80  8  compatible	88  8  autoclear
 *	96  4  refcount_order		100  4  header length	(72 on: version 3)
 *	104 1  compression type, if the header is that long
 *
 * then extensions of (u32 type, u32 length, bytes, padding to 8) up to type 0.  That of the
 * features' names has an entry of 48 bytes for each: kind (0: incompatible, 1: compatible, 2:
 * autoclear), bit, name padded with NULs.  That of the bitmaps has their number (u32), 4 bytes that
 * are reserved, and the size and the offset of their directory (u64 each).
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
#define QCOW2_FEATURE_NAME 46 /* bytes, without a NUL */

#define QCOW2_NAMES_MAX 32
#define QCOW2_DIRTY UINT64_C(1) /* bits of `incompatible` */
#define QCOW2_CORRUPT UINT64_C(2)
#define QCOW2_DATA_FILE UINT64_C(4)
#define QCOW2_COMPRESSION UINT64_C(8)
#define QCOW2_EXTENDED_L2 UINT64_C(16)

#define QCOW2_BITMAPS UINT64_C(1) /* a bit of `autoclear`: the bitmaps are consistent */

#define QCOW2_ZLIB 0 /* compression types */
#define QCOW2_ZSTD 1

struct qcow2 {
	int version;	       /* 2: compat 0.10; 3: compat 1.1 */
	uint64_t size;	       /* bytes, of the guest's disk */
	uint32_t cluster_size; /* bytes */
	uint64_t incompatible, compatible, autoclear;
	char backing[QCOW2_BACKING_MAX + 1]; /* as recorded, "" if none */
	char backing_format[64];	     /* as recorded, "" if none */
	uint32_t kept; /* bytes of fields and extensions of the header that are not known here */
	/* As recorded, "" if none: the external data file, which holds the guest's data. */
	char data_file[QCOW2_BACKING_MAX + 1];
	uint32_t crypt;	     /* 0: not encrypted */
	uint8_t compression; /* of compressed clusters, not validated */
	/* The tables, in bytes from the start and entries or clusters; not validated. */
	uint64_t l1_off, refcount_off, snapshots_off;
	uint32_t l1_size, refcount_clusters, snapshots;
	uint64_t bitmaps_off, bitmaps_size; /* of their directory, in bytes */
	uint32_t bitmaps;
	unsigned refcount_order; /* a reference count has 2 to the power of this bits; 0 to 6 */
	struct qcow2_name {
		uint8_t kind, bit;
		char text[QCOW2_FEATURE_NAME + 1];
	} name[QCOW2_NAMES_MAX]; /* of features, as the image says */
	unsigned names;
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

#define QCOW2_TEXT_MAX 64
/*
 * The same of an incompatible bit i that has no name here: the name in the image's own table, or
 * "unknown feature 17".  Returns out, or NULL if the image lacks it or it is known.
 */
const char *qcow2_unknown_feature(const struct qcow2 *q, unsigned i, char out[QCOW2_TEXT_MAX]);

/*
 * How many bytes a backing name can have, beside a backing format of that many bytes, when QEMU
 * writes the header anew, all of which must fit into the first cluster; and QCOW2_BACKING_MAX.
 */
unsigned qcow2_backing_room(const struct qcow2 *q, size_t format);

/* Whether data is in another file, whether or not that is named. */
bool qcow2_has_data_file(const struct qcow2 *q);

#endif
