#include "lib/format/crc32c.h"

#define POLYNOMIAL 0x82f63b78u /* 0x1edc6f41, with its bits reversed */

uint32_t crc32c_add(uint32_t crc, const void *p, size_t n)
{
	const uint8_t *byte = p;
	int bit;

	for (; n > 0; n--) {
		crc ^= *byte++;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
	}
	return crc;
}
