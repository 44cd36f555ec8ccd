/*
 * progress: how far a copy is, on standard error.
 *
 * On a terminal one live line, redrawn in place; with --progress=json an
 * object a line, PROGRESS_JSON_MS apart at least:
 *	{"phase", "done", "total", "rate", "wire", "eta"}
 * bytes, bytes a second, seconds; total and eta are null when not known.
 */
#ifndef IMG_PROGRESS_H
#define IMG_PROGRESS_H

#include <stdint.h>

#include "lib/cli/cli.h"

#define PROGRESS_JSON_MS 500

/* Decides by the options and the terminal whether and how to show. */
void progress_begin(const struct cli *c);

/* Whether anything is to be shown: else progress_show() need not be called. */
bool progress_is_on(void);

/* Fits struct transfer's hook; arg is not used. */
void progress_show(void *arg, const char *phase, uint64_t done, uint64_t total, uint64_t wire);

/* The live line is cleared. */
void progress_end(void);

#endif
