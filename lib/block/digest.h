/*
 * digest: one number for an image's content, whatever its format.
 *
 * XXH3-128 (seed 0) over
 *
 *	u64le length
 *	u64le index, 16 bytes canonical XXH3-128 of the block	repeated
 *
 * with a pair for each BLOCK_SIZE block that is not all zero, in order of
 * index; the last block is padded with zeros.  So holes cost nothing and a
 * raw image, its sparse copy and its archive agree.
 *
 * The length comes first.  When it is not known at the start (a pipe), the
 * pairs are kept until it is: in memory up to DIGEST_KEEP_MAX, then in an
 * unlinked file in $TMPDIR or /var/tmp or /tmp.
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

/* XXH3-128 of n bytes, seed 0. */
void hash_bytes(struct hash *h, const void *p, size_t n);
bool hash_equal(const struct hash *a, const struct hash *b);
char *hash_hex(const struct hash *h, char out[HASH_HEX]);
int hash_from_hex(struct hash *h, const char *hex); /* 0, or -1: not 32 digits; records nothing */

struct digest; /* opaque */

/* len in bytes, or DIGEST_LEN_UNKNOWN.  NULL with ST_FAILED recorded. */
struct digest *digest_new(uint64_t len);
void digest_free(struct digest *d);

/*
 * Adds a block that is not all zero; index rises from call to call.  May
 * block on the spill file.  0, or -1 with an error recorded (ST_CORRUPT: index
 * did not rise).
 */
int digest_add(struct digest *d, uint64_t index, const struct hash *block);

/*
 * The digest of an image of len bytes (which must be what digest_new() was
 * told, if it was, else ST_CORRUPT).  Once.  0, or -1 with an error recorded.
 */
int digest_final(struct digest *d, uint64_t len, struct hash *out);

/*
 * The same without the length, of what was added so far: equal for images that
 * differ in trailing zeros only.
 */
void digest_content(const struct digest *d, struct hash *out);

#endif
