/*
 * img-clean: removes what interrupted jobs left unfinished.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/cli/command.h"
#include "lib/cli/each.h"
#include "lib/cli/json.h"

static json_t *entries_of(json_t *o)
{
	if (!json_object_get(o, "entries"))
		json_object_set_new(o, "entries", json_array());
	return json_object_get(o, "entries");
}

static void add_entry(json_t *o, const struct kv *record)
{
	json_t *entry = json_object();

	json_array_append_new(entries_of(o), entry);
	json_set_text(entry, "path", kv_get(record, "path"));
	json_set_text(entry, "state", kv_get(record, "state"));
	json_set_text(entry, "why", kv_get(record, "why"));
}

/* A file or volume that was removed, or a volume that was suspended and works again. */
static int print_done(
	struct command *c, const struct location *loc, const char *path, const char *state)
{
	bool is_removed = strcmp(state, "removed") == 0;
	char *text;

	if (c->cli.json)
		return 0;
	text = location_at(loc, path);
	if (!text)
		return -1;
	cli_print(&c->cli, "%s %s",
		!c->cli.dry_run ? state
		: is_removed	? "would remove"
				: "would resume",
		text);
	free(text);
	return 0;
}

/* One item that was found, and what was done with it. */
static int tell_entry(
	struct command *c, const struct location *loc, const struct kv *record, json_t *o)
{
	const char *path = kv_get(record, "path"), *state = kv_get(record, "state");
	const char *why = kv_get(record, "why");

	if (!path || !state)
		return err_set(ST_PEER, "protocol error: a record without a path");
	add_entry(o, record);
	if (strcmp(state, "removed") == 0 || strcmp(state, "resumed") == 0)
		return print_done(c, loc, path, state);
	if (strcmp(state, "failed") == 0) {
		log_error("%s: '%s': %s", loc->text, path, why ? why : state);
		return command_failed(c, record);
	}
	log_note("%s: left '%s': %s", loc->text, path, why ? why : state);
	return 0;
}

static int tell_end(struct command *c, const struct location *loc, const struct kv *record,
	const struct kv *reply, json_t *o)
{
	(void)c;
	(void)loc;
	(void)record;
	(void)reply;
	entries_of(o); /* an empty array if there were none */
	return 0;
}

int main(int argc, char **argv)
{
	struct command c = { .op = "clean",
		.changes = true,
		.path = COMMAND_PATH_OPTIONAL,
		.each = tell_entry,
		.keeps_records = true, /* what was removed is gone */
		.tell = tell_end };
	struct poptOption options[] = { { NULL, '\0', POPT_ARG_INCLUDE_TABLE, cli_changing_options,
						0, NULL, NULL },
		POPT_TABLEEND };

	cli_begin(&c.cli, "img-clean",
		"[OPTION...] [LOCATION...]\nRemove what interrupted jobs left unfinished, "
		"here or on another host.",
		options, argc, argv);
	each_default(&c.cli, each_this_host);
	return command_end(&c, 0);
}
