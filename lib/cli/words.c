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
};

static const char *expand_bare(const char *word)
{
	size_t i;

	for (i = 0; i < sizeof(bare_options) / sizeof(bare_options[0]); i++)
		if (strcmp(word, bare_options[i].option) == 0)
			return bare_options[i].full;
	return word;
}

const char **words_expand(int argc, char **argv)
{
	const char **words = calloc((size_t)argc + 1, sizeof(*words));
	bool options = true;
	int i;

	for (i = 0; words && i < argc; i++) {
		options = options && strcmp(argv[i], "--") != 0;
		words[i] = options ? expand_bare(argv[i]) : argv[i];
	}
	return words;
}
