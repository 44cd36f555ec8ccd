/*
 * commit_show: what img-commit prints.
 */
#ifndef IMG_COMMIT_SHOW_H
#define IMG_COMMIT_SHOW_H

#include "lib/cli/command.h"

/* The tell() of struct command. */
int commit_show(struct command *c, const struct location *loc, const struct kv *record,
	const struct kv *reply, json_t *o);

#endif
