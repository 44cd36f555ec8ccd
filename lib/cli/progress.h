/*
 * progress: how far an operation is, on standard error.
 *
 * On a terminal that is one line, redrawn in place.  With --progress=json it is a
 * line for each object, at least PROGRESS_JSON_MS apart:
 *	{"phase", "done", "total", "rate", "wire", "eta"}
 * and, of a commit, "capacity", "allocation" and "physical" of the layer that is changed; in bytes,
 *bytes per second and seconds; total and eta are null if unknown.  After the last of them comes one
 *with the phase "done" or "failed".
 */
#ifndef IMG_PROGRESS_H
#define IMG_PROGRESS_H

#include <stdint.h>

#include "lib/cli/cli.h"
#include "lib/wire/wire.h"

#define PROGRESS_JSON_MS 500

/* Decides by the options and the terminal whether and how progress is shown. */
void progress_begin(const struct cli *c);

/* Whether it is shown; if not, progress_show() need not be called. */
bool progress_is_on(void);

/*
 * What follows is of that image, the index-th (from 1) of count; on a terminal shows
 * that its host is being connected to.
 */
void progress_item(const char *name, int index, int count);

/* The image's bytes, for the last object, if nothing was shown of it. */
void progress_total(uint64_t total);

/*
 * Shows how far it is, unless it did so a moment ago.  The rate and the time left are
 * those of the data, since holes take no time.  From any thread.  The hook of struct transfer; arg
 * is not used.
 */
void progress_show(void *arg, const char *phase, const struct wire_progress *p, uint64_t wire);

/* Clears the live line, before something is printed; the next progress_show() draws it again. */
void progress_clear(void);

/*
 * Clears the live line, or prints the last object; nothing is shown after that.  What comes before
 * is dropped while the reader of standard error is slow, since it may be told by the connection's
 * thread, which must not wait; for the last object the reader has some seconds.
 */
void progress_end(bool is_done);

#endif
