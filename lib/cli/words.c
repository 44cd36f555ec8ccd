#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cli/words.h"

/* The options with an optional value, and what they mean without one. */
static const struct bare {
	const char *option, *full;
} bare_options[] = {
	{ "--progress", "--progress=always" },
	{ "--sudo", "--sudo=peers" },
	{ "--xml", "--xml=volume" },
};

/* Whether word is an option of the command that never has a value. */
static bool is_flag(const char *word, const struct poptOption *own)
{
	for (; own->longName || own->arg; own++)
		if (own->longName && strcmp(word + 2, own->longName) == 0)
			return (own->argInfo & POPT_ARG_MASK) == POPT_ARG_NONE;
	return false;
}

static const char *expand_bare(const char *word, const struct poptOption *own)
{
	size_t i;

	for (i = 0; i < sizeof(bare_options) / sizeof(bare_options[0]); i++)
		if (strcmp(word, bare_options[i].option) == 0 && !is_flag(word, own))
			return bare_options[i].full;
	return word;
}

const char **words_expand(int argc, char **argv, const struct poptOption *own)
{
	const char **words = calloc((size_t)argc + 1, sizeof(*words));
	bool options = true;
	int i;

	for (i = 0; words && i < argc; i++) {
		options = options && strcmp(argv[i], "--") != 0;
		words[i] = options ? expand_bare(argv[i], own) : argv[i];
	}
	return words;
}
