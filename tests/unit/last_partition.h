/*
 * last_partition: images whose last partition gets another size.
 */
#ifndef IMG_LAST_PARTITION_H
#define IMG_LAST_PARTITION_H

#include "lib/base/err.h"
#include "lib/format/ptable.h"
#include "tests/unit/recorded_writes.h"

#define MIB ((uint64_t)GPT_IMAGE_MIB)
#define GIB (1024 * MIB)

/* A descriptor, and its table; -1: it cannot be read. */
static inline int open_table(struct ptable *t, const char *name, uint64_t len)
{
	int fd = open(name, O_RDWR | O_CLOEXEC);

	memset(t, 0x55, sizeof(*t));
	err_clear();
	if (fd >= 0 && ptable_read(t, fd, len) == 0)
		return fd;
	printf("# %s: %s\n", name, err_text());
	close(fd);
	return -1;
}

/* Fits the table of name; the image gets its new length before or after. */
static inline int fit_last(const char *name, uint64_t len, uint64_t end)
{
	uint64_t was = gpt_image_len(name);
	struct ptable t;
	int r, fd = open_table(&t, name, was);

	count = syncs = 0;
	if (fd < 0)
		return -2;
	if (t.odd) {
		printf("# %s: %s\n", name, t.odd);
		close(fd);
		return -2;
	}
	if (len > was && ftruncate(fd, (off_t)len) < 0)
		perror("# ftruncate");
	recording = 1;
	r = ptable_fit_last(&t, fd, was, len, end);
	recording = 0;
	if (r < 0)
		printf("# %s: %s\n", name, err_text());
	if (r == 0 && len < was && ftruncate(fd, (off_t)len) < 0)
		perror("# ftruncate");
	close(fd);
	return r;
}

#define LOGICAL                                                                                    \
	"2048,2048\\nstart=8192,size=40960,type=5\\nstart=10240,size=4096\\nstart=16384,size="     \
	"8192\\n"

/* Creates the file x of len bytes with a DOS table. */
static inline void make_dos(const char *lines, uint64_t len)
{
	scratch_run("rm -f x; truncate -s %llu x; printf '%s' | sfdisk -q --label dos x",
		(unsigned long long)len, lines);
}

#endif
