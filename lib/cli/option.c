/*
 * option: see option.h.
 */
#include "lib/cli/option.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"

int option_word(const char *option, const char *value, const char *const *words)
{
	struct buf list = BUF_INIT;
	int i;

	for (i = 0; words[i]; i++)
		if (strcmp(value, words[i]) == 0)
			return i;
	for (i = 0; words[i]; i++)
		buf_addf(&list, "%s%s", i == 0 ? "" : words[i + 1] ? ", " : " or ", words[i]);
	err_set(ST_USAGE, "--%s: invalid value '%s'; use %s", option, value, buf_str(&list));
	buf_fini(&list);
	return -1;
}

int option_number(const char *option, const char *value, long min, long max, long *out)
{
	char *end;

	errno = 0;
	*out = strtol(value, &end, 10);
	if (errno || *end || end == value || *out < min || *out > max)
		return err_set(ST_USAGE, "--%s: '%s' is not a number from %ld to %ld", option,
			value, min, max);
	return 0;
}
