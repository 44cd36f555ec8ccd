/*
 * domstats: see domstats.h.
 *
 * A path may contain a newline, and then the rest of it would be taken for lines of their own.  So
 * text in which a layer has a path or an allocation twice is refused.
 */
#include "lib/host/domstats.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/host/virsh.h"

#define NODE_MAX 128 /* bytes of a layer's name, with the NUL */
#define SHUT_OFF 5   /* VIR_DOMAIN_SHUTOFF */

struct domstats {
	struct domstats_layer {
		char *path, *name;
		uint64_t allocation, threshold, index;
		bool has_allocation, has_index;
	} layer[LIVE_DISKS_MAX];
	size_t count;
	bool is_shut_off;
};

/* What follows prefix at the beginning of text, or NULL. */
static const char *domstats_after(const char *text, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

static int domstats_number(const char *text, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && !errno ? 0 : -1;
}

/* Takes "KEY=VALUE" of a layer.  0, or -1 with nothing recorded. */
static int domstats_take(struct domstats_layer *layer, const char *text)
{
	const char *value;

	if ((value = domstats_after(text, "path="))) {
		if (layer->path)
			return -1;
		layer->path = strdup(value);
		return layer->path ? 0 : -1;
	}
	if ((value = domstats_after(text, "name="))) {
		if (layer->name)
			return -1;
		layer->name = strdup(value);
		return layer->name ? 0 : -1;
	}
	if ((value = domstats_after(text, "backingIndex="))) {
		if (layer->has_index)
			return -1;
		layer->has_index = true;
		return domstats_number(value, &layer->index);
	}
	if ((value = domstats_after(text, "allocation="))) {
		if (layer->has_allocation)
			return -1;
		layer->has_allocation = true;
		return domstats_number(value, &layer->allocation);
	}
	if ((value = domstats_after(text, "threshold=")))
		return domstats_number(value, &layer->threshold);
	return 0;
}

/* One line.  0, or -1 with nothing recorded. */
static int domstats_line(struct domstats *d, const char *line)
{
	const char *text = line + strspn(line, " "), *rest;
	uint64_t n;
	char *end;

	if ((rest = domstats_after(text, "state.state=")))
		d->is_shut_off |= domstats_number(rest, &n) == 0 && n == SHUT_OFF;
	rest = domstats_after(text, "block.");
	if (!rest || *rest < '0' || *rest > '9')
		return 0;
	n = strtoull(rest, &end, 10);
	if (n >= LIVE_DISKS_MAX || *end != '.')
		return -1;
	if (n >= d->count)
		d->count = n + 1;
	return domstats_take(&d->layer[n], end + 1);
}

/* The layer as virsh takes it, "vda" or "vda[1]"; NULL: it has no such name. */
static const char *domstats_node(const struct domstats_layer *layer, char out[NODE_MAX])
{
	const char *name = layer->name;

	if (!name || !*name || *name == '-' || strlen(name) > NODE_MAX / 2 ||
		name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789_.:-")])
		return NULL;
	if (layer->has_index)
		snprintf(out, NODE_MAX, "%s[%" PRIu64 "]", name, layer->index);
	else
		snprintf(out, NODE_MAX, "%s", name);
	return out;
}

/* The layers of a disk follow each other, the uppermost first. */
static bool domstats_is_lower(const struct domstats *d, const struct domstats_layer *layer)
{
	const char *above = layer > d->layer ? layer[-1].name : NULL;

	return above && layer->name && strcmp(above, layer->name) == 0;
}

/* Adds the layers to out.  0, or -1 recorded. */
static int domstats_add(const struct domstats *d, const struct policy *policy, struct live *out)
{
	const struct domstats_layer *layer;
	struct live_disk *disk;
	char node[NODE_MAX];

	for (layer = d->layer; !d->is_shut_off && layer < d->layer + d->count; layer++) {
		disk = layer->path ? live_add(out, policy, NULL, layer->path,
					     domstats_node(layer, node))
				   : NULL;
		if (disk) {
			disk->end = layer->allocation;
			disk->threshold = layer->threshold;
			disk->is_lower = domstats_is_lower(d, layer);
		} else if (layer->path && err_status() != ST_OK) {
			return -1;
		}
	}
	return 0;
}

int domstats_parse(const char *text, size_t len, const struct policy *policy, struct live *out)
{
	struct domstats *d = calloc(1, sizeof(*d));
	char *copy = strndup(text, len), *line, *save = NULL;
	int r = d && copy ? 0 : err_set(ST_FAILED, "out of memory");
	size_t i;

	for (line = r == 0 ? strtok_r(copy, "\n", &save) : NULL; line && r == 0;
		line = strtok_r(NULL, "\n", &save))
		if (domstats_line(d, line) < 0)
			r = err_set(ST_FAILED, "cannot parse the output of virsh");
	if (r == 0)
		r = domstats_add(d, policy, out);
	for (i = 0; d && i < d->count; i++) {
		free(d->layer[i].path);
		free(d->layer[i].name);
	}
	free(copy);
	free(d);
	return r;
}

int domstats_list(const char *domain, const struct policy *policy, struct live *out)
{
	const char *const argv[] = { "virsh", "--quiet", "--readonly", "domstats", "--state",
		"--block", "--backing", "--raw", "--domain", domain, NULL };
	struct buf text = BUF_INIT;
	int r = virsh_run(argv, domain, &text);

	if (r == 0)
		r = domstats_parse(buf_str(&text), text.len, policy, out);
	buf_fini(&text);
	return r;
}
