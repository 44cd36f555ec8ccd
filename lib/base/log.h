/*
 * log: what a program says beside its result, one line at a time.
 *
 * A command writes lines to standard error as "img-copy: text"; the helper
 * routes them to its client.  Text is made safe for a terminal here (text.h),
 * so a caller may pass names from outside.  May be called from any thread.
 */
#ifndef IMG_LOG_H
#define IMG_LOG_H

enum log_level {
	LOG_LEVEL_ERROR, /* always shown */
	LOG_LEVEL_WARN,	 /* always shown */
	LOG_LEVEL_NOTE,	 /* hidden by --quiet */
	LOG_LEVEL_INFO,	 /* shown by -v */
	LOG_LEVEL_DEBUG	 /* shown by -vv */
};

/* prog is shown before each line and must stay valid (program name). */
void log_init(const char *prog);
void log_set_level(enum log_level max);

/*
 * Sends lines to sink instead of standard error, whatever their level; NULL
 * undoes it.  line is not NUL-terminated by '\n'.  sink must not log.
 */
void log_route(void (*sink)(enum log_level level, const char *line, void *arg), void *arg);

/* Called before each line printed, to clear a live progress line; or NULL. */
void log_before(void (*hook)(void));

void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* As log_error() and its siblings, with the level as a value. */
void log_at(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
