/*
 * Parses arbitrary bytes as a recorded name that is not a path.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cli/network_source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_check(bool good)
{
	if (!good)
		abort();
}

static void check_text(const char *text, size_t size)
{
	fuzz_check(memchr(text, '\0', size) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct network_source s;
	char *name = malloc(size + 1);
	unsigned i;

	fuzz_check(name != NULL);
	memcpy(name, data, size);
	name[size] = '\0';
	if (network_source_parse(&s, name)) {
		fuzz_check(s.type && s.hosts <= NETWORK_SOURCE_HOSTS_MAX);
		fuzz_check((strcmp(s.type, "network") == 0) == (s.protocol != NULL));
		check_text(s.name, sizeof(s.name));
		check_text(s.query, sizeof(s.query));
		check_text(s.snapshot, sizeof(s.snapshot));
		for (i = 0; i < s.hosts; i++) {
			check_text(s.host[i].name, sizeof(s.host[i].name));
			check_text(s.host[i].port, sizeof(s.host[i].port));
			check_text(s.host[i].socket, sizeof(s.host[i].socket));
		}
		network_source_is_valid(&s);
	}
	free(name);
	return 0;
}
