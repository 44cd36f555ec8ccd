/*
 * lzo_decode: a decoder of LZO1X, the compression in lzop's files, that is more than twice
 * as fast as that of liblzo2.
 *
 * The format is what liblzo2 2.10 reads and writes; the Linux kernel describes it in
 * Documentation/staging/lzo.rst.  A stream is a sequence of instructions.  Most are matches:
 * they repeat the bytes that begin `distance` bytes before the end of the output, `length`
 * of them, which may overlap what they make.  An instruction begins with a byte of these
 * bits; d is a byte that follows, and D two, little-endian, of which the upper 14 bits count:
 *
 *	0000xxxx	behind a match without literals: a run of x + 3 literals, which are
 *			bytes of the output that follow
 *	0000xxSS d	behind a match with literals: length 2, distance x + 4d + 1
 *	0000xxSS d	behind a run: length 3, distance x + 4d + 2049
 *	0001xLLL D	length L + 2, distance 16384 (x + 1) + D; the end, if x and D are 0
 *	001LLLLL D	length L + 2, distance D + 1
 *	LLLxxxSS d	L is 2 to 7: length L + 1, distance x + 8d + 1
 *
 * S, or the lower two bits of D, is how many literals follow a match.  A length is extended
 * where x of a run, or L behind 0001 or 001, is 0.  Then further bytes come before d or D or
 * the literals: zeros, and one that is not zero.  x or L is the largest number that its bits
 * can have, and 255 for each of these zeros, and the value of the last byte.
 *
 * A stream begins as behind a match without literals.  But if its very first byte is above
 * 17, this is a number of literals, plus 17: up to 3 count as those of a match, more as a run.
 */
#ifndef IMG_LZO_DECODE_H
#define IMG_LZO_DECODE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Decodes the n bytes at `in` to `out`, which has room for *out_n bytes, and sets *out_n to
 * their number.  The two must not overlap.  0, or -1, without an error recorded, if `in` is
 * not exactly one stream or there is no room for what it has: then `out` has any bytes.
 * Accepts what lzo1x_decompress_safe() of liblzo2 accepts, with the same result.  Any bytes
 * are safe as input.
 */
int lzo_decode(const uint8_t *in, size_t n, uint8_t *out, size_t *out_n);

#endif
