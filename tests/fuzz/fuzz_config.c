/*
 * Parses arbitrary bytes as a configuration.  A configuration is accepted or refused
 * as a whole; an error names the line; an allowed directory is never a relative path.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/config.h"
#include "lib/base/err.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct config *c)
{
	const char *value;
	size_t i, at = 0;

	for (i = 0; i < c->count; i++)
		if (!*c->entry[i].value || !config_get(c, c->entry[i].key))
			abort();
	while ((value = config_each(c, "storage.directory", &at)))
		if (*value != '/')
			abort();
	for (at = 0; (value = config_each(c, "storage.group", &at));)
		if (*value == '-' || strchr(value, '/'))
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config c = CONFIG_INIT;

	err_clear();
	if (config_parse(&c, "F", (const char *)data, size) == 0)
		check(&c);
	else if (err_status() != ST_USAGE || c.count || strncmp(err_text(), "F:", 2) != 0)
		abort();
	config_fini(&c);
	return 0;
}
