/*
 * One lock around the route and the output, so that a line is never mixed
 * with another and a sink is not in use any more when log_route() returns.  A
 * line is at most LINE_MAX_BYTES, which a pipe takes in one piece.
 */
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/base/text.h"

#define LINE_MAX_BYTES 4096

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *program = "img-tools";
static enum log_level shown = LOG_LEVEL_NOTE;
static void (*route)(enum log_level level, const char *line, void *arg);
static void *route_arg;
static void (*before)(void);

void log_init(const char *prog)
{
	pthread_mutex_lock(&lock);
	program = prog;
	pthread_mutex_unlock(&lock);
}

void log_set_level(enum log_level max)
{
	pthread_mutex_lock(&lock);
	shown = max;
	pthread_mutex_unlock(&lock);
}

void log_route(void (*sink)(enum log_level level, const char *line, void *arg), void *arg)
{
	pthread_mutex_lock(&lock);
	route = sink;
	route_arg = arg;
	pthread_mutex_unlock(&lock);
}

void log_before(void (*hook)(void))
{
	pthread_mutex_lock(&lock);
	before = hook;
	pthread_mutex_unlock(&lock);
}

/* With the lock held. */
static void print(const char *text)
{
	char line[LINE_MAX_BYTES];
	ssize_t ignored;
	int used;

	if (before)
		before();
	used = snprintf(line, sizeof(line) / 2, "%s: ", program);
	if (used < 0 || (size_t)used >= sizeof(line) / 2)
		used = 0;
	text_safe(text, line + used, sizeof(line) - (size_t)used - 1);
	strcat(line, "\n");
	ignored = write(STDERR_FILENO, line, strlen(line));
	(void)ignored; /* there is nowhere left to say so */
}

static void emit(enum log_level level, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

static void emit(enum log_level level, const char *fmt, va_list ap)
{
	char text[LINE_MAX_BYTES], safe[LINE_MAX_BYTES];
	int saved = errno;

	pthread_mutex_lock(&lock);
	if (route || level <= LOG_LEVEL_WARN || level <= shown) {
		vsnprintf(text, sizeof(text), fmt, ap);
		if (route)
			route(level, text_safe(text, safe, sizeof(safe)), route_arg);
		else
			print(text);
	}
	pthread_mutex_unlock(&lock);
	errno = saved;
}

#define EMIT(level)                                                                                \
	do {                                                                                       \
		va_list ap;                                                                        \
		va_start(ap, fmt);                                                                 \
		emit(level, fmt, ap);                                                              \
		va_end(ap);                                                                        \
	} while (0)

void log_error(const char *fmt, ...)
{
	EMIT(LOG_LEVEL_ERROR);
}

void log_warn(const char *fmt, ...)
{
	EMIT(LOG_LEVEL_WARN);
}

void log_note(const char *fmt, ...)
{
	EMIT(LOG_LEVEL_NOTE);
}

void log_info(const char *fmt, ...)
{
	EMIT(LOG_LEVEL_INFO);
}

void log_debug(const char *fmt, ...)
{
	EMIT(LOG_LEVEL_DEBUG);
}

void log_at(enum log_level level, const char *fmt, ...)
{
	EMIT(level);
}
