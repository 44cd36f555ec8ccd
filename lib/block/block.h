/*
 * block: a piece of an image on its way, the unit of everything that moves.
 *
 * A data block covers at most BLOCK_SIZE bytes at a multiple of BLOCK_SIZE;
 * only the last block of an image is shorter.  A hole covers any length and
 * reads as zeros.  A data block is in one or both of two forms:
 *
 *	raw	has_raw: the bytes of the image, in raw[0..len)
 *	coded	coded_len != 0: an lzop block.  coded_len < len: LZO1X in
 *		enc[0..coded_len); coded_len == len: stored, and the bytes are
 *		raw's.  adler is the adler32 of the raw bytes, as lzop has it.
 *
 * A stored block without has_raw came from outside: its bytes are in raw, but
 * nobody has compared them with adler yet.  block_decode() does, and sets it.
 *
 * So a block is compressed once, where it is read, and travels through
 * archives, the wire and relays as it is.
 */
#ifndef IMG_BLOCK_H
#define IMG_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/block/digest.h"

#define BLOCK_SIZE 262144u				      /* all that stock lzop reads */
#define BLOCK_ENC_MAX (BLOCK_SIZE + BLOCK_SIZE / 16 + 64 + 3) /* LZO1X's worst case */

enum block_kind { BLOCK_DATA, BLOCK_HOLE };

struct block {
	enum block_kind kind;
	uint64_t seq; /* its place in the order of one flow */
	uint64_t off; /* of its first byte in the image */
	uint64_t len; /* raw bytes it stands for; never 0 */
	bool has_raw;
	bool has_hash;
	uint32_t coded_len; /* 0: not coded */
	uint32_t adler;
	struct hash hash; /* of the raw bytes, padded to BLOCK_SIZE */
	uint8_t *raw;	  /* BLOCK_SIZE bytes of memory */
	uint8_t *enc;	  /* BLOCK_ENC_MAX bytes of memory */
	void *work;	  /* LZO's working memory */
};

/* About 680 KiB, touched only as used.  NULL with ST_FAILED recorded. */
struct block *block_new(void);
void block_free(struct block *b);

/* Makes b an empty data block or a hole at off. */
void block_set_data(struct block *b, uint64_t off, uint64_t len);
void block_set_hole(struct block *b, uint64_t off, uint64_t len);

/* Whether len bytes are all zero. */
bool block_all_zero(const uint8_t *p, uint64_t len);

/*
 * Gives a raw data block its coded form: LZO1X-1 if compress and if that makes
 * it smaller, else stored.  Does nothing if it has one.  Cannot fail.
 */
void block_encode(struct block *b, bool compress);

/*
 * Gives a coded data block its raw form and compares the adler32.  Does
 * nothing if it has one.  0, or -1 with ST_CORRUPT recorded.  Safe on any bytes.
 */
int block_decode(struct block *b);

/* As block_decode() for a block that came without adler32: it gets one. */
int block_decode_unsummed(struct block *b);

/*
 * Computes hash from the raw form (which it needs), once.  Of a short block it
 * zeroes raw from len to BLOCK_SIZE first.
 */
void block_hash(struct block *b);

/* The coded bytes, coded_len of them. */
const uint8_t *block_coded(const struct block *b);

/*
 * Whether a coded data block of BLOCK_SIZE bytes is the one code that
 * block_encode() and lzop -1 to -6 give zeros, with the adler32 of zeros; tells
 * without decoding.  (What lzop -7 to -9 make of zeros differs: false.)
 */
bool block_is_coded_zero(const struct block *b);

#endif
