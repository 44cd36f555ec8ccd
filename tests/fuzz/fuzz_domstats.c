/*
 * Arbitrary bytes as the output of virsh domstats.
 */
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/host/domstats.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct policy anything = POLICY_INIT;
	struct live live = LIVE_INIT;
	size_t i;

	err_clear();
	if (domstats_parse((const char *)data, size, &anything, &live) < 0 &&
		err_status() != ST_FAILED)
		abort();
	for (i = 0; i < live.count; i++)
		if (!live_find(&live, &live.disk[i].st))
			abort();
	live_fini(&live);
	return 0;
}
