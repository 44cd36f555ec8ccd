/*
 * device_mark: see device_mark.h.
 */
#include "lib/store/device/device_mark.h"

#include <string.h>

#define TEXT_SIZE 32

static const char text[TEXT_SIZE] = "img-tools: unfinished device\n";

bool device_mark_is(const void *first, size_t n)
{
	const uint8_t *p = first;
	size_t i;

	if (n < TEXT_SIZE || memcmp(p, text, TEXT_SIZE) != 0)
		return false;
	for (i = TEXT_SIZE; i < n; i++)
		if (p[i])
			return false;
	return true;
}

void device_mark_put(void *first, size_t n)
{
	memset(first, 0, n);
	memcpy(first, text, n < TEXT_SIZE ? n : TEXT_SIZE);
}
