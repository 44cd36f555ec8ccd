/*
 * Parses arbitrary text as a location.  If it is accepted, neither ssh nor a shell could
 * misinterpret its host and user, and its parts are parts of the text.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/location.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const char *name, const char *text)
{
	static const char refused[] = " \t\r\n;&|<>$`\\\"'(){}*?[]!~#/";

	if (!*name || *name == '-' || name[strcspn(name, refused)] || !strstr(text, name))
		abort();
}

static void check(const struct location *loc)
{
	size_t len = strlen(loc->text), path_len = strlen(loc->path);
	char *base = location_base_name(loc);

	if (path_len > len || strcmp(loc->text + len - path_len, loc->path) != 0)
		abort();
	if (loc->host)
		check_name(loc->host, loc->text);
	if (loc->user)
		check_name(loc->user, loc->text);
	if (!loc->host && (loc->user || loc->port || !*loc->path))
		abort();
	if (!location_same_host(loc, loc) || !base || strchr(base, '/'))
		abort();
	free(base);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct location loc;

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	err_clear();
	if (location_parse(&loc, text) == 0) {
		check(&loc);
		location_fini(&loc);
	} else if (err_status() != ST_USAGE || loc.text) {
		abort();
	}
	free(text);
	return 0;
}
