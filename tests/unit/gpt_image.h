/*
 * gpt_image: makes images with partition tables by fdisk, which needs no root for sectors of 4096
 * bytes, and changes fields of a GPT, with its checksums.
 */
#ifndef IMG_GPT_IMAGE_H
#define IMG_GPT_IMAGE_H

#include <libdeflate.h>
#include <stdint.h>
#include <sys/stat.h>

#include "lib/format/gpt.h"
#include "lib/format/le.h"
#include "tests/unit/scratch.h"

#define GPT_IMAGE_MIB (1u << 20)

/*
 * Creates the file x of len bytes with a GPT of three partitions at 1, 3 and 2 MiB, the second of
 * which ends last, at 4 MiB.
 */
static inline int gpt_image_make(unsigned sector, uint64_t len)
{
	unsigned mib = GPT_IMAGE_MIB / sector;

	return scratch_run("rm -f x; truncate -s %llu x; "
			   "printf '%%s\\n' g n 1 %u %u n 2 %u %u n 3 %u %u x n 2 system r w |"
			   " fdisk -b %u -w always -W always x && sync x",
		(unsigned long long)len, mib, 2 * mib - 1, 3 * mib, 4 * mib - 1, 2 * mib,
		3 * mib - 2, sector);
}

static inline void gpt_image_get(const char *name, void *p, size_t n, uint64_t off)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || pread(fd, p, n, (off_t)off) < 0 || close(fd) < 0) {
		perror(name);
		exit(99);
	}
}

static inline void gpt_image_put(const char *name, const void *p, size_t n, uint64_t off)
{
	scratch_patch(name, (long)off, p, n);
}

static inline uint64_t gpt_image_len(const char *name)
{
	struct stat st;

	if (stat(name, &st) < 0) {
		perror(name);
		exit(99);
	}
	return (uint64_t)st.st_size;
}

static inline int gpt_image_is_same(const char *name, const char *other)
{
	static uint8_t a[GPT_IMAGE_MIB], b[GPT_IMAGE_MIB];
	uint64_t off, len = gpt_image_len(name);

	if (gpt_image_len(other) != len)
		return 0;
	for (off = 0; off < len; off += sizeof(a)) {
		gpt_image_get(name, a, sizeof(a), off);
		gpt_image_get(other, b, sizeof(b), off);
		if (memcmp(a, b, sizeof(a)) != 0)
			return 0;
	}
	return 1;
}

/* Sets the beginning and the end of an image, 1 MiB each, to those of another one. */
static inline void gpt_image_restore(const char *name, const char *from)
{
	static uint8_t part[GPT_IMAGE_MIB];
	uint64_t len = gpt_image_len(from);

	gpt_image_get(from, part, sizeof(part), 0);
	gpt_image_put(name, part, sizeof(part), 0);
	gpt_image_get(from, part, sizeof(part), len - sizeof(part));
	gpt_image_put(name, part, sizeof(part), len - sizeof(part));
}

/* Stores the checksum of the header at lba. */
static inline void gpt_image_seal(const char *name, unsigned sector, uint64_t lba)
{
	uint8_t raw[GPT_SECTOR_MAX];
	uint32_t size;

	gpt_image_get(name, raw, sector, lba * sector);
	size = get_le32(raw + 12);
	put_le32(raw + 16, gpt_header_crc(raw, size >= 20 && size <= sector ? size : 92));
	gpt_image_put(name, raw, sector, lba * sector);
}

/* Sets width bytes at off of the header at lba. */
static inline void gpt_image_set(const char *name, unsigned sector, uint64_t lba, unsigned off,
	unsigned width, uint64_t value)
{
	uint8_t raw[8];

	put_le64(raw, value);
	gpt_image_put(name, raw, width, lba * sector + off);
	gpt_image_seal(name, sector, lba);
}

#endif
