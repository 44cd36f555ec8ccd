/*
 * resize_size: see resize_size.h.
 */
#include "lib/op/resize_size.h"

#include <string.h>

#include "lib/base/err.h"
#include "lib/base/size.h"

int resize_size(uint64_t now, const char *how, uint64_t size, uint64_t *out)
{
	char has[SIZE_HUMAN], by[SIZE_HUMAN];

	if (how && strcmp(how, "less") == 0) {
		if (size >= now)
			return err_set(ST_USAGE, "has %s: without %s nothing would be left of it",
				size_human(now, has), size_human(size, by));
		*out = now - size;
		return 0;
	}
	if (how)
		size = size > SIZE_LIMIT - (now < SIZE_LIMIT ? now : SIZE_LIMIT) ? 0 : now + size;
	if (size == 0 || size > SIZE_LIMIT)
		return err_set(ST_USAGE, "no image can be so large");
	*out = size;
	return 0;
}
