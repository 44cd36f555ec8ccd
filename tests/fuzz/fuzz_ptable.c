/*
 * Reads arbitrary bytes as an image with a partition table, first as they are and then with right
 * checksums of a GPT.  A table that is not odd is made to fit other lengths, and its last partition
 * other ends.
 */
#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/format/le.h"
#include "lib/format/ptable.h"

/* A header that the image's end cuts would become complete when the image grows. */
#define LEN_MIN 8192

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_check(bool good)
{
	if (!good)
		abort();
}

static void check_table(const struct ptable *t, uint64_t len)
{
	if (t->kind == PTABLE_NONE || t->odd) {
		fuzz_check(t->used == 0 && t->min_len == 0 && t->last == 0 && t->sector == 0);
		fuzz_check(t->kind != PTABLE_NONE || !t->odd);
		return;
	}
	fuzz_check(t->sector == 512 || t->sector == 4096);
	fuzz_check(t->used <= len && t->min_len >= t->used);
	fuzz_check(t->last_end <= t->used && t->last_start <= t->last_end);
	fuzz_check(t->last == 0 ? t->last_end == 0 : t->last_start < t->last_end);
}

/*
 * What a DOS table counts in may become ambiguous when its image grows, because what follows its
 * partitions may look like those of sectors of another size.
 */
static bool is_ambiguous(const struct ptable *t, const struct ptable *fitted)
{
	return t->kind == PTABLE_DOS && fitted->kind == PTABLE_DOS && fitted->sector != t->sector;
}

/* Makes the table fit, and checks that it is the same table then. */
static void check_fit(const struct ptable *t, int fd, uint64_t len, uint64_t new_len)
{
	struct ptable fitted;

	if (new_len > len)
		fuzz_check(ftruncate(fd, (off_t)new_len) == 0);
	fuzz_check(ptable_fit(t, fd, len, new_len) == 0);
	fuzz_check(ftruncate(fd, (off_t)new_len) == 0);
	fuzz_check(ptable_read(&fitted, fd, new_len) == 0);
	check_table(&fitted, new_len);
	if (is_ambiguous(t, &fitted))
		return;
	fuzz_check(fitted.kind == t->kind && !fitted.odd && fitted.sector == t->sector);
	fuzz_check(fitted.used == t->used && fitted.min_len == t->min_len);
	fuzz_check(fitted.last == t->last && fitted.last_start == t->last_start);
	fuzz_check(fitted.last_end == t->last_end);
}

/*
 * Gives the last partition of an image of len bytes another end, and checks that it is the same
 * table otherwise.  Returns the length that the image has then.
 */
static uint64_t check_last(int fd, unsigned sector, uint64_t len, uint64_t end)
{
	struct ptable t, fitted;
	uint64_t new_len;

	fuzz_check(ptable_read(&t, fd, len) == 0);
	if (t.sector != sector)
		return len; /* it became ambiguous */
	if (t.fixed) {
		fuzz_check(ptable_fit_last(&t, fd, len, len, end) == -1);
		return len;
	}
	new_len = ptable_last_min_len(&t, end);
	if (new_len > len)
		fuzz_check(ftruncate(fd, (off_t)new_len) == 0);
	if (new_len < len)
		new_len = len; /* the image itself is not cut */
	fuzz_check(ptable_last_limit(&t, new_len) >= end || t.kind == PTABLE_GPT);
	if (ptable_last_limit(&t, new_len) < end) {
		fuzz_check(ptable_fit_last(&t, fd, len, new_len, end) == -1);
		return new_len;
	}
	fuzz_check(ptable_fit_last(&t, fd, len, new_len, end) == 0);
	fuzz_check(ptable_read(&fitted, fd, new_len) == 0);
	check_table(&fitted, new_len);
	if (is_ambiguous(&t, &fitted))
		return new_len;
	fuzz_check(fitted.kind == t.kind && !fitted.odd && !fitted.fixed);
	fuzz_check(fitted.last == t.last && fitted.last_start == t.last_start);
	fuzz_check(fitted.last_end == end && fitted.used == end);
	return new_len;
}

/* The last partition grows, and shrinks, to unaligned and to aligned ends. */
static void try_last(const struct ptable *t, int fd, uint64_t len)
{
	uint64_t start = t->last_start, end;

	if (t->fixed) {
		check_last(fd, t->sector, len, start + t->sector);
		return;
	}
	end = ptable_last_end_for(t, t->last_end - start);
	fuzz_check(end == t->last_end);
	end = ptable_last_end_for(t, t->last_end - start + 1);
	fuzz_check(end > t->last_end && end % (1u << 20) == 0);
	len = check_last(fd, t->sector, len, end);
	end = ptable_last_end_max(t, len);
	fuzz_check(end == 0 || end > start);
	if (end && end % t->sector == 0)
		len = check_last(fd, t->sector, len, end);
	len = check_last(fd, t->sector, len, start + t->sector);
	check_last(fd, t->sector, len, start + 3 * (uint64_t)t->sector);
}

static void try_lengths(struct ptable *t, int fd, uint64_t len)
{
	uint64_t longer = t->min_len + len + 4096;

	check_fit(t, fd, len, longer);
	fuzz_check(ptable_read(t, fd, longer) == 0);
	if (t->odd)
		return;
	check_fit(t, fd, longer, t->min_len);
	len = t->min_len;
	fuzz_check(ptable_read(t, fd, len) == 0);
	if (!t->odd)
		try_last(t, fd, len);
}

static void try_image(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct ptable t;

	fuzz_check(fd >= 0 && io_pwrite(fd, data, size, 0) == 0);
	if (size < LEN_MIN) {
		size = LEN_MIN;
		fuzz_check(ftruncate(fd, LEN_MIN) == 0);
	}
	err_clear();
	fuzz_check(ptable_read(&t, fd, size) == 0);
	check_table(&t, size);
	if (t.kind != PTABLE_NONE && !t.odd && t.min_len < (64u << 20))
		try_lengths(&t, fd, size);
	close(fd);
}

/* Stores the checksums of the primary header, for sectors of that size, if it has them. */
static void seal(uint8_t *image, size_t size, unsigned sector)
{
	uint8_t *h = image + sector;
	uint64_t lba, bytes;
	uint32_t len;

	if (size < 2 * (size_t)sector)
		return;
	len = get_le32(h + 12);
	lba = get_le64(h + 72);
	bytes = (uint64_t)get_le32(h + 80) * get_le32(h + 84);
	if (lba < size / sector && bytes <= size - lba * sector)
		put_le32(h + 88, libdeflate_crc32(0, image + lba * sector, (size_t)bytes));
	if (len >= 92 && len <= sector)
		put_le32(h + 16, gpt_header_crc(h, len));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned sector[] = { 512, 4096 };
	uint8_t *copy = malloc(size ? size : 1);
	size_t i;

	fuzz_check(copy);
	try_image(data, size);
	for (i = 0; i < 2; i++) {
		if (size)
			memcpy(copy, data, size);
		seal(copy, size, sector[i]);
		try_image(copy, size);
	}
	free(copy);
	return 0;
}
