/*
 * digest: a hash of an image's content that does not depend on its format.
 *
 * It is the XXH3-128 (seed 0) of
 *
 *	u64le length
 *	u64le index, 16 bytes canonical XXH3-128 of the block	repeated
 *
 * with one pair (index, hash) for each block of BLOCK_SIZE bytes that is not all
 * zero, in order of index; the last block is padded with zeros.  So holes cost
 * nothing, and a raw image, its sparse copy and its archive have the same digest.
 *
 * The length is hashed first.  If it is not known at the start (a pipe), the
 * pairs are kept until it is: up to DIGEST_KEEP_MAX bytes in memory, the rest in
 * an unnamed file (the "spill file") in $TMPDIR, /var/tmp or /tmp.
 */
#ifndef IMG_DIGEST_H
#define IMG_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HASH_SIZE 16
#define HASH_HEX (2 * HASH_SIZE + 1) /* with the NUL */
#define DIGEST_KEEP_MAX (4u << 20)
#define DIGEST_LEN_UNKNOWN UINT64_MAX

struct hash {
	uint8_t byte[HASH_SIZE]; /* canonical: big-endian */
};

/* XXH3-128 of n bytes, seed 0; and whether two of them are equal. */
void hash_bytes(struct hash *h, const void *p, size_t n);
bool hash_equal(const struct hash *a, const struct hash *b);

/* Writes h as 32 lower-case digits; returns out. */
char *hash_hex(const struct hash *h, char out[HASH_HEX]);

/* Parses exactly 32 hexadecimal digits.  0, or -1; records no error. */
int hash_from_hex(struct hash *h, const char *hex);

struct digest; /* opaque */

/*
 * A new digest, to be freed by digest_free().  len is the image's length in
 * bytes, or DIGEST_LEN_UNKNOWN.  NULL with ST_FAILED recorded.
 */
struct digest *digest_new(uint64_t len);
void digest_free(struct digest *d); /* accepts NULL */

/*
 * Adds a block that is not all zero, by its hash.  index is the block's offset
 * divided by BLOCK_SIZE and must increase from call to call.  May block on the
 * spill file.  0, or -1 with an error recorded (ST_CORRUPT: index did not
 * increase).
 */
int digest_add(struct digest *d, uint64_t index, const struct hash *block);

/*
 * Computes the digest of an image of len bytes.  May be called once, and may
 * block on the spill file.  0, or -1 with an error recorded (ST_CORRUPT: len
 * differs from the length given to digest_new()).
 */
int digest_final(struct digest *d, uint64_t len, struct hash *out);

/*
 * Computes the hash of the pairs added so far, without the length: it is equal
 * for images that differ only in the number of zeros at the end.
 */
void digest_content(const struct digest *d, struct hash *out);

#endif
