/*
 * digest: if the length is known, every pair is hashed at once, into one XXH3
 * state.  Otherwise pairs are collected in keep[0..kept).  When that holds
 * KEEP_BYTES, it is appended to the spill file and emptied.  digest_final() then
 * hashes the length, the spill file and keep, in this order.
 *
 * Invariants: kept <= cap <= KEEP_BYTES, all multiples of PAIR_SIZE; the spill
 * file, if there is one, holds the `spilled` bytes that precede keep.
 */
#include "lib/block/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xxhash.h>

#include "lib/base/err.h"
#include "lib/base/io.h"

#define PAIR_SIZE (8 + HASH_SIZE)
#define KEEP_BYTES ((size_t)DIGEST_KEEP_MAX / PAIR_SIZE * PAIR_SIZE) /* the most */
#define KEEP_FIRST ((size_t)4096 / PAIR_SIZE * PAIR_SIZE)	     /* initially */

struct digest {
	XXH3_state_t *state;
	XXH3_state_t *content; /* over the pairs, without the length */
	uint64_t len;
	uint64_t next; /* the next pair's index is at least this */
	uint8_t *keep;
	size_t kept, cap;
	int spill; /* descriptor of the spill file, or -1 */
	uint64_t spilled;
};

static void put_le64(uint8_t *p, uint64_t v)
{
	int i;

	for (i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static void hash_from_xxh(struct hash *h, XXH128_hash_t x)
{
	XXH128_canonical_t c;

	XXH128_canonicalFromHash(&c, x);
	memcpy(h->byte, c.digest, HASH_SIZE);
}

void hash_bytes(struct hash *h, const void *p, size_t n)
{
	hash_from_xxh(h, XXH3_128bits(p, n));
}

bool hash_equal(const struct hash *a, const struct hash *b)
{
	return memcmp(a->byte, b->byte, HASH_SIZE) == 0;
}

char *hash_hex(const struct hash *h, char out[HASH_HEX])
{
	static const char digit[] = "0123456789abcdef";
	int i;

	for (i = 0; i < HASH_SIZE; i++) {
		out[2 * i] = digit[h->byte[i] >> 4];
		out[2 * i + 1] = digit[h->byte[i] & 15];
	}
	out[2 * HASH_SIZE] = '\0';
	return out;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int hash_from_hex(struct hash *h, const char *hex)
{
	struct hash out;
	int i, hi, lo;

	for (i = 0; i < HASH_SIZE; i++) {
		hi = hex_value(hex[2 * i]);
		lo = hi < 0 ? -1 : hex_value(hex[2 * i + 1]);
		if (lo < 0)
			return -1;
		out.byte[i] = (uint8_t)(hi << 4 | lo);
	}
	if (hex[2 * HASH_SIZE] != '\0')
		return -1;
	*h = out;
	return 0;
}

static void digest_add_length(struct digest *d, uint64_t len)
{
	uint8_t le[8];

	put_le64(le, len);
	XXH3_128bits_update(d->state, le, sizeof(le));
}

struct digest *digest_new(uint64_t len)
{
	struct digest *d = calloc(1, sizeof(*d));

	if (!d)
		goto out;
	d->spill = -1;
	d->len = len;
	d->state = XXH3_createState();
	d->content = XXH3_createState();
	if (!d->state || !d->content)
		goto out;
	XXH3_128bits_reset(d->state);
	XXH3_128bits_reset(d->content);
	if (len != DIGEST_LEN_UNKNOWN)
		digest_add_length(d, len);
	return d;
out:
	digest_free(d);
	err_set(ST_FAILED, "out of memory");
	return NULL;
}

void digest_free(struct digest *d)
{
	if (!d)
		return;
	if (d->spill >= 0)
		close(d->spill);
	XXH3_freeState(d->state);
	XXH3_freeState(d->content);
	free(d->keep);
	free(d);
}

/* Creates an unnamed file in dir.  A descriptor, or -1 with errno set. */
static int open_unnamed(const char *dir)
{
	char path[PATH_MAX];
	int fd, n;

	fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	/* Some filesystems do not support O_TMPFILE. */
	n = snprintf(path, sizeof(path), "%s/img-tools.XXXXXX", dir);
	if (n < 0 || (size_t)n >= sizeof(path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = mkostemp(path, O_CLOEXEC);
	if (fd >= 0)
		unlink(path);
	return fd;
}

static int spill_open(struct digest *d)
{
	const char *dirs[] = { getenv("TMPDIR"), "/var/tmp", "/tmp" };
	size_t i;

	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		if (!dirs[i] || !*dirs[i])
			continue;
		d->spill = open_unnamed(dirs[i]);
		if (d->spill >= 0)
			return 0;
	}
	/* Not err_sys(): its status would say that an image is absent or refused. */
	return err_set(
		ST_FAILED, "cannot create a temporary file in $TMPDIR, /var/tmp or /tmp: %m");
}

static int spill_write(struct digest *d)
{
	if (d->spill < 0 && spill_open(d) != 0)
		return -1;
	if (io_pwrite(d->spill, d->keep, d->kept, d->spilled) != 0)
		return err_sys("cannot write to the temporary file");
	d->spilled += d->kept;
	d->kept = 0;
	return 0;
}

/* Makes space for one more pair at keep + kept.  0, or -1 recorded. */
static int keep_reserve(struct digest *d)
{
	uint8_t *p;
	size_t cap;

	if (d->kept < d->cap)
		return 0;
	if (d->cap == KEEP_BYTES)
		return spill_write(d);
	cap = d->cap == 0 ? KEEP_FIRST : 2 * d->cap;
	if (cap > KEEP_BYTES)
		cap = KEEP_BYTES;
	p = realloc(d->keep, cap);
	if (!p)
		return err_set(ST_FAILED, "out of memory");
	d->keep = p;
	d->cap = cap;
	return 0;
}

int digest_add(struct digest *d, uint64_t index, const struct hash *block)
{
	uint8_t pair[PAIR_SIZE];

	if (index < d->next)
		return err_set(ST_CORRUPT, "blocks are out of order: %llu follows %llu",
			(unsigned long long)index, (unsigned long long)d->next - 1);
	put_le64(pair, index);
	memcpy(pair + 8, block->byte, HASH_SIZE);
	XXH3_128bits_update(d->content, pair, PAIR_SIZE);
	if (d->len != DIGEST_LEN_UNKNOWN) {
		XXH3_128bits_update(d->state, pair, PAIR_SIZE);
	} else {
		if (keep_reserve(d) != 0)
			return -1;
		memcpy(d->keep + d->kept, pair, PAIR_SIZE);
		d->kept += PAIR_SIZE;
	}
	d->next = index + 1;
	return 0;
}

static int spill_hash(struct digest *d)
{
	uint8_t buf[16384];
	uint64_t off;
	ssize_t got;
	size_t n;

	for (off = 0; off < d->spilled; off += n) {
		n = d->spilled - off < sizeof(buf) ? (size_t)(d->spilled - off) : sizeof(buf);
		got = io_pread(d->spill, buf, n, off);
		if (got < 0)
			return err_sys("cannot read the temporary file");
		if ((size_t)got != n)
			return err_set(
				ST_FAILED, "cannot read the temporary file: it was truncated");
		XXH3_128bits_update(d->state, buf, n);
	}
	return 0;
}

int digest_final(struct digest *d, uint64_t len, struct hash *out)
{
	if (d->len == DIGEST_LEN_UNKNOWN) {
		digest_add_length(d, len);
		if (spill_hash(d) != 0)
			return -1;
		if (d->kept > 0)
			XXH3_128bits_update(d->state, d->keep, d->kept);
	} else if (d->len != len) {
		return err_set(ST_CORRUPT,
			"the image's length (%llu bytes) is not the announced one (%llu bytes)",
			(unsigned long long)len, (unsigned long long)d->len);
	}
	hash_from_xxh(out, XXH3_128bits_digest(d->state));
	return 0;
}

void digest_content(const struct digest *d, struct hash *out)
{
	hash_from_xxh(out, XXH3_128bits_digest(d->content));
}
