/*
 * fs_swap: swap areas.  Only the number of the last page in the header changes, so that UUID,
 * label, page size and byte order stay what they are, and no program is needed.
 *
 *	1024  4  version, 1		1028  4  the last page
 *	1032  4  number of bad pages, which are listed from 1536 on
 *
 * The integers are in the order of the machine that made it.  Source: the kernel's
 * include/linux/swap.h, union swap_header.
 */
#include <byteswap.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/fs/fs_kind.h"

#define HEADER 1024
#define HEADER_SIZE 12
#define PAGES_MIN 10 /* as in mkswap */
#define HEADER_VERSION 1

struct header {
	uint32_t version, last_page, bad_pages; /* as they are stored */
};

static int read_header(const struct fs *f, struct header *h)
{
	uint8_t raw[HEADER_SIZE];

	if (io_pread(f->fd, raw, sizeof(raw), f->off + HEADER) != (ssize_t)sizeof(raw))
		return err_sys("cannot read the header of the swap area");
	memcpy(&h->version, raw, 4);
	memcpy(&h->last_page, raw + 4, 4);
	memcpy(&h->bad_pages, raw + 8, 4);
	return 0;
}

static uint64_t fit_swap(const struct fs *f, uint64_t len)
{
	uint64_t pages = len / f->extent.block;

	if (pages > (uint64_t)UINT32_MAX + 1)
		pages = (uint64_t)UINT32_MAX + 1;
	return pages * f->extent.block;
}

static int check_swap(struct fs *f, uint64_t bytes)
{
	struct header h;

	if (read_header(f, &h) < 0)
		return -1;
	if (h.bad_pages && bytes < f->extent.bytes)
		return err_set(ST_REFUSED, "its swap area has a list of bad pages, so it cannot be "
					   "made smaller");
	return 0;
}

static int smallest_swap(struct fs *f, uint64_t *bytes)
{
	*bytes = (uint64_t)PAGES_MIN * f->extent.block;
	return 0;
}

static int resize_swap(struct fs *f, uint64_t bytes)
{
	uint32_t last = (uint32_t)(bytes / f->extent.block - 1);
	struct header h;

	if (read_header(f, &h) < 0)
		return -1;
	if (h.version != HEADER_VERSION)
		last = bswap_32(last);
	if (io_pwrite(f->device, &last, sizeof(last), HEADER + 4) < 0)
		return err_sys("cannot write the header of the swap area");
	return 0;
}

static const char *const types[] = { "swap", NULL };

const struct fs_kind fs_kind_swap = {
	.types = types,
	.programs = { NULL },
	.can_shrink = true,
	.fit = fit_swap,
	.check = check_swap,
	.smallest = smallest_swap,
	.resize = resize_swap,
};
