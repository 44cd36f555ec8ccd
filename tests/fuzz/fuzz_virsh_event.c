/*
 * Arbitrary bytes as a line of `virsh event`.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/size.h"
#include "lib/host/guest_watch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char node[] = "vda[1]";
	struct live_disk disk = { .node = node };
	struct guest_watch g = { .live = { &disk, 1 } };
	char *line = malloc(size + 1);

	if (!line)
		abort();
	memcpy(line, data, size);
	line[size] = '\0';
	guest_watch_virsh_note(&g, line);
	free(line);
	if (disk.passed > SIZE_LIMIT)
		abort();
	return 0;
}
