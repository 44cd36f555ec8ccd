/*
 * Arbitrary bytes as the output of virsh domstate.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/host/guest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size); /* as virsh's output ends with a NUL */
	enum guest_state state = GUEST_STOPPED;

	if (!text)
		abort();
	err_clear();
	if (guest_state_parse(text, &state) < 0) {
		if (err_status() != ST_FAILED && err_status() != ST_BUSY)
			abort();
	} else if (state > GUEST_STOPPED || err_status() != ST_OK) {
		abort();
	}
	free(text);
	return 0;
}
