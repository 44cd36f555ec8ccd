/*
 * defaults: see defaults.h.
 */
#include "lib/peer/defaults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/config.h"
#include "lib/base/err.h"

/* "~/..." is below the home directory. */
static int defaults_expand(char **out, const char *path)
{
	const char *home = getenv("HOME");

	if (strncmp(path, "~/", 2) != 0 || !home)
		*out = strdup(path);
	else if (asprintf(out, "%s/%s", home, path + 2) < 0)
		*out = NULL;
	return *out ? 0 : err_set(ST_FAILED, "out of memory");
}

static int defaults_from_file(char **out, const char *path, bool must_exist)
{
	struct config c = CONFIG_INIT;
	const char *value;
	int r = config_read(&c, path, must_exist);

	value = r == 0 ? config_get(&c, "ssh.config") : NULL;
	if (value)
		r = defaults_expand(out, value);
	config_fini(&c);
	return r;
}

int defaults_ssh_config(char **out, const struct peer_options *opt)
{
	const char *home = getenv("HOME");
	char *own = NULL;
	int r = 0;

	*out = NULL;
	if (!opt->config && home && asprintf(&own, "%s/.config/img-tools/config", home) < 0)
		return err_set(ST_FAILED, "out of memory");
	if (opt->config || own)
		r = defaults_from_file(out, opt->config ? opt->config : own, opt->config != NULL);
	free(own);
	if (r == 0 && !*out)
		r = defaults_from_file(out, CONFIG_SYSTEM, false);
	return r;
}
