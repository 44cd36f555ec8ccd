/*
 * The record in the mark of a base: what is accepted has absolute paths, and is the same when it is
 * written and parsed again.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/op/commit_mark.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_same(const struct commit_record *a, const struct commit_record *b)
{
	unsigned i;

	if (a->count != b->count || !a->child != !b->child ||
		(a->child && strcmp(a->child, b->child) != 0))
		abort();
	for (i = 0; i < a->count; i++)
		if (a->layer[i][0] != '/' || strcmp(a->layer[i], b->layer[i]) != 0)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct commit_record r, again;
	char *text = malloc(size + 1), out[HELD_RECORD_MAX];

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	err_clear();
	if (commit_mark_parse(&r, "/d/base", text) < 0) {
		if (err_status() != ST_CORRUPT || r.child || r.count)
			abort();
	} else {
		if (commit_mark_write(&r, "/d/base", out) == 0) {
			if (commit_mark_parse(&again, "/d/base", out) < 0)
				abort();
			check_same(&r, &again);
			commit_mark_fini(&again);
		}
		commit_mark_fini(&r);
	}
	free(text);
	return 0;
}
