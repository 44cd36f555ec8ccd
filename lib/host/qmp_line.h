/*
 * qmp_line: the connection to a QMP socket, as lines of JSON.  Only for qmp.c.
 */
#ifndef IMG_QMP_LINE_H
#define IMG_QMP_LINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "lib/base/buf.h"
#include "lib/base/deadline.h"
#include "lib/base/policy.h"

struct qmp_line {
	int fd;		/* does not block */
	pid_t peer;	/* the process that listens, or 0 */
	struct buf in;	/* what has arrived; of that, */
	size_t taken;	/* these bytes were handed over, */
	size_t scanned; /* and these have no newline after the bytes taken */
	bool is_broken; /* nothing more can be read or written */
};

int qmp_line_connect(
	const struct policy *policy, const char *path, uid_t owner); /* qmp_connect() */

/* Begins with such a descriptor, which it takes over. */
void qmp_line_init(struct qmp_line *l, int fd);
void qmp_line_fini(struct qmp_line *l);

/*
 * Reads the next line, a JSON object: 1, and the caller drops the reference of *object, and *bytes
 * is the length of its line; 0: the time is over (limit NULL: no line has arrived); -1 recorded.
 */
int qmp_line_read(struct qmp_line *l, struct deadline *limit, json_t **object, size_t *bytes);

/* Writes a line.  0, or -1 recorded. */
int qmp_line_write(struct qmp_line *l, struct deadline *limit, const json_t *object);

#endif
