/*
 * lzop: the file format of lzop 1.x.  All numbers are big-endian.
 *
 *	9	magic 89 4c 5a 4f 00 0d 0a 1a 0a
 *	2	version of the writer		(checksummed from here)
 *	2	version of its library
 *	2	version needed to extract	only if version >= 0x0940
 *	1	method (1, 2, 3: LZO1X)
 *	1	level				only if version >= 0x0940
 *	4	flags, LZOP_F_*
 *	4	filter				only with LZOP_F_FILTER
 *	4	mode
 *	4	mtime, low half
 *	4	mtime, high half		only if version >= 0x0940
 *	1+n	length of the name, name	(to here)
 *	4	checksum: adler32, or crc32 with LZOP_F_HEADER_CRC32
 *	4+n+4	extra field: length, bytes, checksum of both; only with LZOP_F_EXTRA
 *
 *	then, for each block
 *	4	raw length; 0 ends the member
 *	4	coded length; if it equals the raw length, the block is stored
 *	4	adler32 of the raw bytes	with LZOP_F_ADLER32_D
 *	4	crc32 of the raw bytes		with LZOP_F_CRC32_D
 *	4	adler32 of the coded bytes	with LZOP_F_ADLER32_C, not if stored
 *	4	crc32 of the coded bytes	with LZOP_F_CRC32_C, not if stored
 *	n	the coded bytes
 *
 * This follows what lzop 1.04 reads and writes.  The format has no means to
 * detect a missing block, so our archives record the length and the digest
 * (digest.h) of the image in the extra field, which lzop skips:
 *
 *	8	"img-tool"
 *	8	length of the image in bytes; all bits set: unknown
 *	16	digest
 *
 * All functions work on memory; none blocks.  The parsers accept any bytes.
 */
#ifndef IMG_LZOP_H
#define IMG_LZOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/base/buf.h"
#include "lib/block/block.h"

#define LZOP_MAGIC "\211LZO\000\r\n\032\n"
#define LZOP_MAGIC_LEN 9
#define LZOP_EXTRA_MAX 65536 /* the longest extra field that is accepted */
#define LZOP_HEADER_MAX (9 + 33 + 255 + 4 + 4 + LZOP_EXTRA_MAX + 4)
#define LZOP_BLOCK_HEADER_MAX 24

#define LZOP_F_ADLER32_D 0x00000001u
#define LZOP_F_ADLER32_C 0x00000002u
#define LZOP_F_STDIN 0x00000004u
#define LZOP_F_STDOUT 0x00000008u
#define LZOP_F_EXTRA 0x00000040u
#define LZOP_F_CRC32_D 0x00000100u
#define LZOP_F_CRC32_C 0x00000200u
#define LZOP_F_MULTIPART 0x00000400u
#define LZOP_F_FILTER 0x00000800u
#define LZOP_F_HEADER_CRC32 0x00001000u
#define LZOP_F_UNKNOWN 0x000fc000u /* lzop refuses these */
#define LZOP_F_OS_UNIX 0x03000000u

struct lzop_header {
	uint16_t version, needed;
	uint8_t method, level;
	uint32_t flags;
	uint32_t mode;
	uint64_t mtime;	    /* seconds since 1970 */
	char name[256];	    /* "" if none; may hold any bytes: print it through text_safe() */
	bool has_length;    /* our extra field is there, with a known length; then */
	uint64_t length;    /* is the length of the image in bytes */
	struct hash digest; /* and this its digest */
	size_t size;	    /* bytes of the header itself */
};

/* Whether the n bytes at p start with lzop's magic (LZOP_MAGIC_LEN bytes are enough). */
bool lzop_is(const void *p, size_t n);

/*
 * Parses a header from the first n bytes of an archive.  1: it is complete and h
 * is filled in; 0: more bytes are needed (up to LZOP_HEADER_MAX); -1 with
 * ST_CORRUPT recorded: a wrong magic or checksum, an unknown method or flag, a
 * newer version that is needed to extract, a filter, a multipart archive, an
 * extra field longer than LZOP_EXTRA_MAX, an image length above SIZE_LIMIT.
 */
int lzop_header_parse(struct lzop_header *h, const void *p, size_t n);

/*
 * Appends the header of one of our archives to out: its blocks have an adler32
 * of the raw bytes, and its extra field has length and digest (if digest is NULL,
 * as for a pipe, there is no extra field).  Directories are removed from name,
 * and it is cut to 255 bytes.  The header's size depends only on name and on
 * whether there is a digest, so the header can be overwritten once length and
 * digest are known.
 */
void lzop_header_write(struct buf *out, const char *name, uint32_t mode, uint64_t mtime,
	uint64_t length, const struct hash *digest);

/* The header of a block, as it is in the archive. */
struct lzop_block {
	uint32_t raw_len; /* 0: the end of the archive */
	uint32_t coded_len;
	uint32_t adler_d, crc_d, adler_c, crc_c; /* those that h->flags name */
	size_t size;				 /* bytes of the block's header */
};

/*
 * Parses the header of a block.  1: it is complete and lb is filled in; 0: more
 * bytes are needed (up to LZOP_BLOCK_HEADER_MAX); -1 with ST_CORRUPT recorded: a
 * raw length above BLOCK_SIZE, a coded length of 0 or above the raw length.
 */
int lzop_block_parse(struct lzop_block *lb, const struct lzop_header *h, const void *p, size_t n);

/*
 * Makes b the block that lb describes.  Before the call, the caller reads the
 * lb->coded_len coded bytes into b->enc, or into b->raw if the block is stored.
 * Sets len, coded_len and adler of b; off and seq stay as they are.
 *
 * Compares all checksums that the archive has, except the adler32 of the raw
 * bytes, which block_decode() compares.  Decodes the block only if it has to:
 * to compare a crc32 of the raw bytes, or to compute the adler32 if the archive
 * has none.  lb must not be the end of the archive.  0, or -1 with ST_CORRUPT
 * recorded.
 */
int lzop_block_take(struct block *b, const struct lzop_header *h, const struct lzop_block *lb);

#define LZOP_OWN_BLOCK_HEADER 12

/* Writes the header of a coded block, as it is in our archives and on the wire. */
void lzop_block_write(uint8_t out[LZOP_OWN_BLOCK_HEADER], const struct block *b);

#endif
