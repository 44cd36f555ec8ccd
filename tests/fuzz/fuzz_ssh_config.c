/*
 * Parses arbitrary bytes as the output of `ssh -G`.
 */
#include <stdint.h>
#include <stdlib.h>

#include "lib/ssh/ssh_config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ssh_config c;

	if (ssh_config_parse(&c, (const char *)data, size, "host") == 0 &&
		(!c.hostname || !c.user || !c.port))
		abort();
	ssh_config_fini(&c);
	return 0;
}
