/*
 * ssh_hash: SHA-1 (FIPS 180-4) and HMAC (RFC 2104), because libssh keeps its own to
 * itself.  The hash only hides names; nothing relies on its strength.
 */
#include "lib/ssh/ssh_hash.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "lib/base/buf.h"

#define BLOCK 64
#define DIGEST 20

static uint32_t rotate(uint32_t x, int n)
{
	return x << n | x >> (32 - n);
}

static void hash_block(uint32_t h[5], const uint8_t p[BLOCK])
{
	static const uint32_t add[] = { 0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6 };
	uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4], f, next;
	int i;

	for (i = 0; i < 16; i++)
		w[i] = get_be32(p + 4 * i);
	for (; i < 80; i++)
		w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
	for (i = 0; i < 80; i++) {
		if (i < 20)
			f = (b & c) | (~b & d);
		else if (i >= 40 && i < 60)
			f = (b & c) | (b & d) | (c & d);
		else
			f = b ^ c ^ d;
		next = rotate(a, 5) + f + e + add[i / 20] + w[i];
		e = d;
		d = c;
		c = rotate(b, 30);
		b = a;
		a = next;
	}
	h[0] += a;
	h[1] += b;
	h[2] += c;
	h[3] += d;
	h[4] += e;
}

/* The SHA-1 of a block and then len bytes. */
static void hash_after(
	const uint8_t first[BLOCK], const uint8_t *p, size_t len, uint8_t out[DIGEST])
{
	uint32_t h[5] = { 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0 };
	uint8_t last[2 * BLOCK] = { 0 };
	size_t done = 0, end;
	int i;

	hash_block(h, first);
	for (; len - done >= BLOCK; done += BLOCK)
		hash_block(h, p + done);
	memcpy(last, p + done, len - done);
	last[len - done] = 0x80;
	end = len - done < BLOCK - 8 ? BLOCK : 2 * BLOCK;
	put_be64(last + end - 8, (uint64_t)(BLOCK + len) * 8);
	for (done = 0; done < end; done += BLOCK)
		hash_block(h, last + done);
	for (i = 0; i < 5; i++)
		put_be32(out + 4 * i, h[i]);
}

static void put_base64(const uint8_t in[DIGEST], char out[DIGEST * 4 / 3 + 4])
{
	static const char digit[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t padded[DIGEST + 1] = { 0 }; /* 20 bytes are 27 digits and one '=' */
	int i;

	memcpy(padded, in, DIGEST);
	for (i = 0; i < DIGEST + 1; i += 3) {
		uint32_t bits =
			(uint32_t)padded[i] << 16 | (uint32_t)padded[i + 1] << 8 | padded[i + 2];

		*out++ = digit[bits >> 18];
		*out++ = digit[bits >> 12 & 63];
		*out++ = digit[bits >> 6 & 63];
		*out++ = digit[bits & 63];
	}
	out[-1] = '=';
	*out = '\0';
}

int ssh_hash_name(const char *name, char out[SSH_HASH_MAX])
{
	uint8_t salt[DIGEST], inner[BLOCK], outer[BLOCK], digest[DIGEST];
	char salt_text[32], digest_text[32];
	int i;

	if (getrandom(salt, sizeof(salt), 0) != sizeof(salt))
		return -1;
	memset(inner, 0x36, sizeof(inner));
	memset(outer, 0x5c, sizeof(outer));
	for (i = 0; i < DIGEST; i++) {
		inner[i] ^= salt[i];
		outer[i] ^= salt[i];
	}
	hash_after(inner, (const uint8_t *)name, strlen(name), digest);
	hash_after(outer, digest, sizeof(digest), digest);
	put_base64(salt, salt_text);
	put_base64(digest, digest_text);
	snprintf(out, SSH_HASH_MAX, "|1|%s|%s", salt_text, digest_text);
	return 0;
}
