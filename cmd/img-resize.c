/*
 * img-resize: grows an image, or cuts it, and its filesystem with it.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/cli/command.h"
#include "lib/cli/resize_show.h"
#include "lib/cli/usage.h"

static bool is_negative_size(const char *word)
{
	return word[0] == '-' && word[1] >= '0' && word[1] <= '9';
}

/*
 * The words in another order, since a size with a '-' would be read as options: such words come
 * last, after "--".  The caller frees it.  NULL recorded.
 */
static char **put_sizes_last(int *argc, char **argv)
{
	static char end_of_options[] = "--";
	char **words = calloc((size_t)*argc + 2, sizeof(*words));
	int i, end, n = 0;

	if (!words) {
		err_set(ST_FAILED, "out of memory");
		return NULL;
	}
	for (end = 1; end < *argc && strcmp(argv[end], "--") != 0; end++)
		;
	for (i = 0; i < end; i++)
		if (i == 0 || !is_negative_size(argv[i]))
			words[n++] = argv[i];
	if (n < end || end < *argc)
		words[n++] = end_of_options;
	for (i = end + 1; i < *argc; i++)
		words[n++] = argv[i];
	for (i = 1; i < end; i++)
		if (is_negative_size(argv[i]))
			words[n++] = argv[i];
	*argc = n;
	return words;
}

/* Adds the keys of SIZE, +SIZE or -SIZE.  0, or -1 recorded. */
static int add_size(struct buf *keys, const char *text)
{
	uint64_t size;

	if (cli_size("SIZE", *text == '+' || *text == '-' ? text + 1 : text, &size) < 0)
		return -1;
	kv_add_u64(keys, "size", size);
	kv_add(keys, "how", *text == '+' ? "more" : *text == '-' ? "less" : NULL);
	return 0;
}

int main(int argc, char **argv)
{
	struct command c = { .op = "resize",
		.path = COMMAND_PATH_IMAGE,
		.changes = true,
		.reply = "path previous size",
		.tell = resize_show };
	char **words = put_sizes_last(&argc, argv);
	int shrink = 0, physical = 0, fs = 0, in_place = 0, allow_links = 0, r = 0;
	char *format = NULL;
	struct poptOption options[] = { { "shrink", '\0', POPT_ARG_NONE, &shrink, 0,
						"allow to make the image smaller", NULL },
		{ "fs", '\0', POPT_ARG_NONE, &fs, 0,
			"also resize its filesystem, and the last partition", NULL },
		{ "in-place", '\0', POPT_ARG_NONE, &in_place, 0,
			"with --fs: neither a copy nor a snapshot as the way back", NULL },
		{ "physical", '\0', POPT_ARG_NONE, &physical, 0,
			"of a qcow2 image, resize the volume or file that it is in", NULL },
		{ "format", '\0', POPT_ARG_STRING, &format, 0,
			"raw: resize the image whatever it holds", "FORMAT" },
		{ "allow-links", '\0', POPT_ARG_NONE, &allow_links, 0,
			"resize a file even if it has several links", NULL },
		{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, cli_changing_options, 0, NULL, NULL },
		POPT_TABLEEND };

	if (!words) {
		cli_print_error();
		return ST_FAILED;
	}
	cli_begin(&c.cli, "img-resize",
		"[OPTION...] LOCATION SIZE|+SIZE|-SIZE\nGrow an image, or make it smaller.",
		options, argc, words);
	free(words);
	cli_need_args(&c.cli, 2);
	c.cli.count = 1; /* the second argument is the size */
	if (format && strcmp(format, "raw") != 0)
		r = usage_error("--format takes raw, not '%s'", format);
	if (r == 0)
		r = add_size(&c.keys, c.cli.args[1]);
	kv_add_bool(&c.keys, "shrink", shrink);
	kv_add_bool(&c.keys, "fs", fs);
	kv_add_bool(&c.keys, "in_place", in_place);
	kv_add_bool(&c.keys, "physical", physical);
	kv_add_bool(&c.keys, "as_raw", format != NULL);
	kv_add_bool(&c.keys, "allow_links", allow_links);
	free(format);
	return command_end(&c, r);
}
