/*
 * Reads arbitrary bytes as an image of another hypervisor, from a file and from memory.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/format/foreign.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_check(bool good)
{
	if (!good)
		abort();
}

/* A part of them tells less; all of them tell the same. */
static void check_memory(const struct foreign *f, const uint8_t *data, size_t size)
{
	static struct foreign g;

	fuzz_check(foreign_parse(&g, data, size / 2) == 0);
	fuzz_check(foreign_parse(&g, data, size) == 0);
	if (f->format)
		fuzz_check(memcmp(f, &g, sizeof(g)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct foreign f;
	const char *name;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	size_t at = 0, names = 0;

	fuzz_check(fd >= 0 && io_pwrite(fd, data, size, 0) == 0);
	err_clear();
	fuzz_check(foreign_read(&f, fd, size) == 0);
	close(fd);
	check_memory(&f, data, size);
	if (!f.format)
		return 0;
	fuzz_check(f.capacity <= INT64_MAX);
	while ((name = foreign_next_name(&f, &at))) {
		fuzz_check(strlen(name) < FOREIGN_NAMES_MAX && names < FOREIGN_EXTENTS_MAX);
		fuzz_check(f.bytes[names++] <= f.capacity);
	}
	fuzz_check(names == f.extents);
	return 0;
}
