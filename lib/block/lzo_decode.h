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
 *	000xxxx		a run of x + 3 literals, bytes of the output that follow; but behind
 *	0000xxSS d	literals, a match of length 2 and distance x + 4d + 1; or behind a
 *			run, of length 3 and distance x + 4d + 2049
 *	0001xLLL D	length L + 2, distance 16384 (x + 1) + D; the end, if x and D are 0
 *	001LLLLL D	length L + 2, distance D + 1
 *	LLLxxxSS d	L is 2 to 7: length L + 1, distance x + 8d + 1
 *
 * S, or the lower two bits of D, is how many literals follow a match.  Where x of a run or
 * L of the two longer matches is 0, it is instead the largest number that these bits can
 * have, and 255 for each of the zero bytes that follow, and the byte behind those.
 *
 * Only the first byte of a stream can be 18 or more and not be a match: then that many
 * literals less 17 follow, as behind a match if they are at most 3, else as a run.
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
