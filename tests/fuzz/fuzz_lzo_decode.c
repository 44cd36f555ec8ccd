/*
 * Decodes arbitrary bytes as LZO1X, with our decoder and with liblzo2's, which must agree.
 * The first two bytes are the room for the output.  Both buffers end where their memory
 * does, so that AddressSanitizer sees a byte too many.
 */
#include <stdlib.h>
#include <string.h>

#include <lzo/lzo1x.h>

#include "lib/block/lzo_decode.h"

#define ROOM_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t *ours, *theirs;
	uint8_t *out, *expected;
	size_t room, n;
	lzo_uint m;
	int r, s;

	if (!ours) {
		ours = malloc(ROOM_MAX);
		theirs = malloc(ROOM_MAX);
		if (!ours || !theirs || lzo_init() != LZO_E_OK)
			abort();
	}
	if (size < 2)
		return 0;
	room = n = m = (size_t)(data[0] << 8 | data[1]) % (ROOM_MAX + 1);
	out = ours + ROOM_MAX - room;
	expected = theirs + ROOM_MAX - room;
	r = lzo_decode(data + 2, size - 2, out, &n);
	s = lzo1x_decompress_safe(data + 2, size - 2, expected, &m, NULL);
	if ((r == 0) != (s == LZO_E_OK) || (r != 0 && r != -1))
		abort();
	if (r == 0 && (n != m || n > room || memcmp(out, expected, n) != 0))
		abort();
	return 0;
}
