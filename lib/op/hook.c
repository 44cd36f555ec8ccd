/*
 * hook: see hook.h.
 */
#include "lib/op/hook.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/child.h"
#include "lib/base/err.h"
#include "lib/base/log.h"

#define LINES_MAX 20

static void log_output(const char *name, struct buf *b)
{
	char *text, *line, *save = NULL;
	int n = 0;

	text = b->len ? strdup(buf_str(b)) : NULL;
	for (line = text ? strtok_r(text, "\n", &save) : NULL; line && n < LINES_MAX;
		line = strtok_r(NULL, "\n", &save), n++)
		log_note("%s: %s", name, line);
	free(text);
}

int hook_run(const char *name, const char *command, unsigned seconds)
{
	const char *argv[] = { "/bin/sh", "-c", command, NULL };
	struct buf out = BUF_INIT, errors = BUF_INIT;
	struct child c = { .argv = argv,
		.keep_fd = -1,
		.own_session = true,
		.limit_ms = (int)seconds * 1000,
		.out = &out,
		.errors = &errors };
	int status;

	if (!command)
		return 0;
	log_info("running the %s command", name);
	status = child_run(&c);
	log_output(name, &out);
	log_output(name, &errors);
	buf_fini(&out);
	buf_fini(&errors);
	if (status < 0)
		return err_wrap("%s", name);
	return status ? err_set(ST_FAILED, "%s: failed with status %d", name, status) : 0;
}
