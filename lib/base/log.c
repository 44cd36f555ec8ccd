/*
 * One lock protects the route and the output, so that lines are never mixed and
 * the old sink is no longer in use when log_route() returns.  A line has at most
 * LINE_MAX_BYTES bytes, which a pipe takes atomically.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/base/text.h"

#define LINE_MAX_BYTES 4096
#define STALL_MS 5000 /* less than the other host waits for a sign of life */

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

/* Call with the lock held. */
static void print_line(const char *text)
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
	(void)ignored; /* there is nowhere to report the error */
}

static void log_line(enum log_level level, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

static void log_line(enum log_level level, const char *fmt, va_list ap)
{
	char text[LINE_MAX_BYTES], safe[LINE_MAX_BYTES];
	int saved = errno;

	pthread_mutex_lock(&lock);
	if (route || level <= LOG_LEVEL_WARN || level <= shown) {
		vsnprintf(text, sizeof(text), fmt, ap);
		if (route)
			route(level, text_safe(text, safe, sizeof(safe)), route_arg);
		else
			print_line(text);
	}
	pthread_mutex_unlock(&lock);
	errno = saved;
}

#define LOG_LINE(level)                                                                            \
	do {                                                                                       \
		va_list ap;                                                                        \
		va_start(ap, fmt);                                                                 \
		log_line(level, fmt, ap);                                                          \
		va_end(ap);                                                                        \
	} while (0)

void log_error(const char *fmt, ...)
{
	LOG_LINE(LOG_LEVEL_ERROR);
}

void log_warn(const char *fmt, ...)
{
	LOG_LINE(LOG_LEVEL_WARN);
}

void log_note(const char *fmt, ...)
{
	LOG_LINE(LOG_LEVEL_NOTE);
}

void log_info(const char *fmt, ...)
{
	LOG_LINE(LOG_LEVEL_INFO);
}

void log_debug(const char *fmt, ...)
{
	LOG_LINE(LOG_LEVEL_DEBUG);
}

void log_at(enum log_level level, const char *fmt, ...)
{
	LOG_LINE(level);
}

void log_of_host(enum log_level level, const char *host, const char *text)
{
	static const char warning[] = "warning: ";
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };
	bool warns = strncmp(text, warning, sizeof(warning) - 1) == 0;

	if (!host) {
		log_at(level, "%s", text);
		return;
	}
	/* Whoever reads the connection to the host must also send it signs of life. */
	if (poll(&p, 1, STALL_MS) == 0)
		return;
	if (warns)
		text += sizeof(warning) - 1;
	log_at(level, "%s%s:%s%s", warns ? warning : "", host, *text == '/' ? "" : " ", text);
}
