/*
 * defaults: see defaults.h.
 */
#include "lib/peer/defaults.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/config.h"
#include "lib/base/err.h"
#include "lib/base/pathname.h"

/* "~/..." is below the home directory. */
static int defaults_expand(char **out, const char *path)
{
	const char *home = pathname_home();

	if (strncmp(path, "~/", 2) != 0 || !home)
		*out = strdup(path);
	else if (asprintf(out, "%s/%s", home, path + 2) < 0)
		*out = NULL;
	return *out ? 0 : err_set(ST_FAILED, "out of memory");
}

/* Sets what d does not have yet. */
static int defaults_from_file(struct defaults *d, char **client, const char *path, bool must_exist)
{
	struct config c = CONFIG_INIT;
	const char *value;
	int r = config_read(&c, path, must_exist);

	value = r == 0 ? config_get(&c, "ssh.config") : NULL;
	if (value && !d->ssh_config)
		r = defaults_expand(&d->ssh_config, value);
	value = r == 0 ? config_get(&c, "ssh.client") : NULL;
	if (value && !*client && !(*client = strdup(value)))
		r = err_set(ST_FAILED, "out of memory");
	config_fini(&c);
	return r;
}

int defaults_read(struct defaults *d, const struct peer_options *opt)
{
	const char *home = pathname_home();
	char *own = NULL, *client = NULL;
	int r = 0;

	memset(d, 0, sizeof(*d));
	if (!opt->config && home && asprintf(&own, "%s/.config/img-tools/config", home) < 0)
		return err_set(ST_FAILED, "out of memory");
	if (opt->config || own)
		r = defaults_from_file(
			d, &client, opt->config ? opt->config : own, opt->config != NULL);
	if (r == 0)
		r = defaults_from_file(d, &client, CONFIG_SYSTEM, false);
	if (client && strcmp(client, "builtin") == 0)
		d->client = DEFAULTS_BUILTIN;
	else if (client && strcmp(client, "openssh") == 0)
		d->client = DEFAULTS_OPENSSH;
	free(own);
	free(client);
	if (r < 0)
		defaults_fini(d);
	return r;
}

void defaults_fini(struct defaults *d)
{
	free(d->ssh_config);
	d->ssh_config = NULL;
}
