/*
 * block: a piece of an image, the unit in which all data moves.
 *
 * A data block covers at most BLOCK_SIZE bytes and starts at a multiple of
 * BLOCK_SIZE; only the last block of an image is shorter.  A hole has any
 * length and reads as zeros.  A data block has a raw form, a coded form, or
 * both:
 *
 *	raw	if has_raw is set: the bytes of the image, in raw[0..len)
 *	coded	if coded_len is not 0: an lzop block.  If coded_len < len, it
 *		is LZO1X data in enc[0..coded_len).  If coded_len == len, the
 *		block is stored: its bytes are in raw.  adler is the adler32
 *		of the raw bytes, as in an lzop file.
 *
 * A stored block without has_raw came from an archive or a peer: its bytes are
 * in raw, but they have not been compared with adler yet.  block_decode()
 * compares them and sets has_raw.
 *
 * A block is compressed once, where it is read.  Archives, the wire and relays
 * pass it on in its coded form.
 *
 * Zeros within a data block are known by units of BLOCK_UNIT bytes, which is what
 * most filesystems allocate.  They are part of the raw and of the coded form.
 */
#ifndef IMG_BLOCK_H
#define IMG_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/block/digest.h"

#define BLOCK_SIZE 262144u				      /* the most that stock lzop reads */
#define BLOCK_ENC_MAX (BLOCK_SIZE + BLOCK_SIZE / 16 + 64 + 3) /* LZO1X's worst case */

#define BLOCK_UNIT 4096u
#define BLOCK_UNITS (BLOCK_SIZE / BLOCK_UNIT) /* one bit of a uint64_t for each */

enum block_kind { BLOCK_DATA, BLOCK_HOLE };

struct block {
	enum block_kind kind;
	uint64_t seq; /* number of the block within one flow, from 0 */
	uint64_t off; /* of the first byte, in the image */
	uint64_t len; /* raw bytes; never 0 */
	bool has_raw;
	bool has_hash;
	uint32_t coded_len; /* 0: there is no coded form */
	uint32_t adler;
	uint64_t zero_units;	/* bit i: unit i is known to be all zero */
	struct hash hash;	/* if has_hash: of the raw bytes, zero-padded to BLOCK_SIZE */
	struct hash coded_hash; /* after block_hash_coded() */
	uint8_t *raw;		/* BLOCK_SIZE bytes of memory */
	uint8_t *enc;		/* BLOCK_ENC_MAX bytes of memory */
	void *work;		/* LZO's working memory */
};

/*
 * A new block, to be freed by block_free().  It reserves about 680 KiB of memory, of
 * which only the pages used are allocated.  NULL with ST_FAILED recorded.
 */
struct block *block_new(void);
void block_free(struct block *b); /* accepts NULL */

/* Makes b a data block without any form yet, or a hole. */
void block_set_data(struct block *b, uint64_t off, uint64_t len);
void block_set_hole(struct block *b, uint64_t off, uint64_t len);

/* Whether all len bytes at p are zero. */
bool block_all_zero(const uint8_t *p, uint64_t len);

/*
 * Bit i is set for each unit i that has any of the bytes [from, to) of a block; from and
 * to are at most BLOCK_SIZE.
 */
uint64_t block_units(uint64_t from, uint64_t to);

/*
 * Finds all units of a raw data block that are all zero, and adds them to zero_units.
 * Whether they are all of its units.
 */
bool block_find_zeros(struct block *b);

/*
 * The end of the run of units from the offset `from` in a block on that are in zero_units
 * (then *is_zero) or are not.
 */
uint64_t block_run(const struct block *b, uint64_t from, bool *is_zero);

/* How many bytes of b are in its zero_units. */
uint64_t block_zero_bytes(const struct block *b);

/*
 * Gives a raw data block its coded form: LZO1X-1 if compress is set and the
 * result is smaller than the raw bytes, else stored.  Does nothing if the block
 * already has a coded form.  Cannot fail.
 */
void block_encode(struct block *b, bool compress);

/*
 * Gives a coded data block its raw form and compares its adler32.  Does nothing
 * if the block already has a raw form.  0, or -1 with ST_CORRUPT recorded.  Any
 * bytes are safe as input.
 */
int block_decode(struct block *b);

/* As block_decode(), for a block that came without an adler32: computes adler instead. */
int block_decode_unsummed(struct block *b);

/*
 * Computes hash from the raw form, which the block must have.  Does nothing if
 * has_hash is set.  In a short block, sets raw[len..BLOCK_SIZE) to zero first.
 */
void block_hash(struct block *b);

/*
 * Computes coded_hash, of the lengths, the adler32 and the bytes of the coded form, which the
 * block must have.
 */
void block_hash_coded(struct block *b);

/* The coded_len bytes of the coded form: enc, or raw if the block is stored. */
const uint8_t *block_coded(const struct block *b);

/*
 * Whether b is BLOCK_SIZE zeros in the coded form that block_encode() and lzop
 * -1 to -6 produce, with the adler32 of zeros.  Does not decode.  (lzop -7 to -9
 * produce another coded form of zeros, for which this returns false.)
 */
bool block_is_coded_zero(const struct block *b);

#endif
