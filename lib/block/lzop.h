/*
 * lzop: the file format of lzop 1.x, drawn once.  Big-endian.
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
 *	1+n	name's length, name		(to here)
 *	4	adler32, or crc32 with LZOP_F_HEADER_CRC32
 *	4+n+4	extra field: length, bytes, checksum of both; only with LZOP_F_EXTRA
 *
 *	then for each block
 *	4	raw length; 0 ends the member
 *	4	coded length; equal: stored
 *	4	adler32 of the raw bytes	with LZOP_F_ADLER32_D
 *	4	crc32 of the raw bytes		with LZOP_F_CRC32_D
 *	4	adler32 of the coded bytes	with LZOP_F_ADLER32_C, not if stored
 *	4	crc32 of the coded bytes	with LZOP_F_CRC32_C, not if stored
 *	n	the coded bytes
 *
 * Source: lzop 1.04's own reader and writer, by behaviour.  lzop's format
 * cannot tell that a block is missing, so archives of ours carry length and
 * digest (digest.h) in the extra field, which lzop skips:
 *
 *	8	"img-tool"
 *	8	length of the image in bytes; all ones: not known
 *	16	digest
 *
 * Everything here works on memory; nothing blocks.  Parsers take any bytes.
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
#define LZOP_EXTRA_MAX 65536 /* bytes of a foreign extra field that are read past */
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
	uint64_t mtime;	 /* seconds since 1970 */
	char name[256];	 /* "" if none; any bytes: show through text_safe() */
	bool has_length; /* our extra field, with a known length: */
	uint64_t length; /* bytes of the whole image, raw */
	struct hash digest;
	size_t size; /* bytes of the header itself */
};

/* Whether n bytes (9 or more are enough) begin an lzop file. */
bool lzop_is(const void *p, size_t n);

/*
 * Parses a header from its first n bytes.  1: whole, h filled; 0: more bytes
 * are needed (up to LZOP_HEADER_MAX); -1 with ST_CORRUPT recorded: bad magic,
 * checksum, method, a version that is needed and not known, a filter, a
 * multipart archive, a flag that lzop does not know, an extra field over
 * LZOP_EXTRA_MAX, a length of the image over SIZE_LIMIT.
 */
int lzop_header_parse(struct lzop_header *h, const void *p, size_t n);

/*
 * Appends the header of an archive of ours: adler32 of the raw bytes, our
 * extra field with length and digest (NULL digest: without extra field, for
 * a pipe).  name is cut to 255 bytes at most, without directories.  As long
 * as name is the same its size is, so it can be written again when length and
 * digest are known.
 */
void lzop_header_write(struct buf *out, const char *name, uint32_t mode, uint64_t mtime,
	uint64_t length, const struct hash *digest);

/* A block's header as found. */
struct lzop_block {
	uint32_t raw_len; /* 0: the end of the member */
	uint32_t coded_len;
	uint32_t adler_d, crc_d, adler_c, crc_c; /* as h->flags tell */
	size_t size;				 /* bytes of the block's header */
};

/*
 * Parses a block's header.  1: whole; 0: more bytes are needed (up to
 * LZOP_BLOCK_HEADER_MAX); -1 with ST_CORRUPT recorded: a raw length above
 * BLOCK_SIZE, a coded length of 0 or above the raw one.
 */
int lzop_block_parse(struct lzop_block *lb, const struct lzop_header *h, const void *p, size_t n);

/*
 * Takes the coded bytes, lb->coded_len of which the caller has put into
 * b->enc (b->raw if stored), into b: sets coded_len and adler, decoding if it
 * must.  Checks every checksum that h says there is on the coded bytes, and
 * those on raw bytes other than adler32_d (which block_decode() checks; where
 * the archive has none, the block is decoded and gets one).  b->len is
 * lb->raw_len; off and seq stay the caller's.  lb must not be the end.  0, or -1
 * with ST_CORRUPT recorded.
 */
int lzop_block_take(struct block *b, const struct lzop_header *h, const struct lzop_block *lb);

#define LZOP_OWN_BLOCK_HEADER 12
/* The header of a coded block in an archive of ours, and on the wire. */
void lzop_block_write(uint8_t out[LZOP_OWN_BLOCK_HEADER], const struct block *b);

#endif
