/*
 * resize_show: what img-resize and img-resizefs print.
 */
#ifndef IMG_RESIZE_SHOW_H
#define IMG_RESIZE_SHOW_H

#include "lib/cli/command.h"

/* The tell() of both commands (command.h). */
int resize_show(struct command *c, const struct location *loc, const struct kv *record,
	const struct kv *reply, json_t *o);

#endif
