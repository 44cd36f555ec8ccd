/*
 * progress: how far an operation is, on standard error.
 *
 * On a terminal that is one line, redrawn in place.  With --progress=json it is a
 * line for each object, at least PROGRESS_JSON_MS apart:
 *	{"phase", "done", "total", "rate", "wire", "eta"}
 * in bytes, bytes per second and seconds; total and eta are null if unknown.
 */
#ifndef IMG_PROGRESS_H
#define IMG_PROGRESS_H

#include <stdint.h>

#include "lib/cli/cli.h"

#define PROGRESS_JSON_MS 500

/* Decides by the options and the terminal whether and how progress is shown. */
void progress_begin(const struct cli *c);

/* Whether it is shown; if not, progress_show() need not be called. */
bool progress_is_on(void);

/*
 * Shows how far it is, unless it did so a moment ago.  total is 0 if unknown.  From
 * any thread.  The hook of struct transfer; arg is not used.
 */
void progress_show(void *arg, const char *phase, uint64_t done, uint64_t total, uint64_t wire);

/* Clears the live line; nothing is shown after that. */
void progress_end(void);

#endif
