/*
 * A location: an accepted one has no host or user that ssh or a shell could
 * interpret as something else, and its parts are parts of the text.
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

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

static void check_location(const struct location *loc)
{
	bool is_home = !loc->host && loc->text[0] == '~'; /* which $HOME stands for in the path */
	char *base = location_base_name(loc);

	if (is_home ? !ends_with(loc->path, loc->text + 1) : !ends_with(loc->text, loc->path))
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
		check_location(&loc);
		location_fini(&loc);
	} else if (err_status() != ST_USAGE || loc.text) {
		abort();
	}
	free(text);
	return 0;
}
