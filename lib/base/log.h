/*
 * log: messages other than the result, one line each.
 *
 * A command writes a line to standard error as "img-copy: text"; the helper sends
 * it to its client.  The text is escaped for the terminal here (text.h), so callers
 * may pass names from outside.  All threads may call these functions.
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

/* Sets the program name, which begins each line; prog must stay valid. */
void log_init(const char *prog);
void log_set_level(enum log_level max);

/*
 * Passes all lines, of whatever level, to sink instead of standard error; NULL ends
 * that.  line has no newline.  sink must not log.
 */
void log_route(void (*sink)(enum log_level level, const char *line, void *arg), void *arg);

/* Sets a function that is called before each line is printed (to clear the progress line). */
void log_before(void (*hook)(void));

void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* As log_error() and the others, with the level as an argument. */
void log_at(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * A message of another host (NULL: of this one), whose name is added, also to a path: "h:/x".  It
 * is dropped if standard error takes nothing for some seconds, as a terminal that is stopped
 * (Ctrl-S).
 */
void log_of_host(enum log_level level, const char *host, const char *text);

#endif
