/*
 * The record is thread-local and of fixed size, so that "out of memory" can be
 * recorded without allocating any.  Text is formatted into a scratch buffer
 * first, since an argument may be the recorded text itself.  If "what: why" does
 * not fit, what is truncated first, because why tells the user more.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"

static __thread struct err record;

/* record.text = what ": " why, truncated if both do not fit. */
static void record_joined(const char *what, const char *why)
{
	char text[ERR_TEXT_MAX];
	size_t space = sizeof(text) - sizeof(": ");
	size_t what_len = strlen(what);
	size_t why_len = strlen(why);

	if (what_len + why_len > space) {
		if (why_len > space / 2)
			why_len = what_len < space / 2 ? space - what_len : space / 2;
		what_len = space - why_len;
	}
	snprintf(text, sizeof(text), "%.*s: %.*s", (int)what_len, what, (int)why_len, why);
	memcpy(record.text, text, sizeof(text));
}

int err_set(enum status status, const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	int saved = errno;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	record.status = status;
	record.sys = 0;
	memcpy(record.text, text, sizeof(text));
	errno = saved;
	return -1;
}

int err_sys(const char *fmt, ...)
{
	char text[ERR_TEXT_MAX], why[128];
	int sys = errno;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	record_joined(text, strerror_r(sys, why, sizeof(why)));
	record.status = err_status_of(sys);
	record.sys = sys;
	errno = sys;
	return -1;
}

int err_wrap(const char *fmt, ...)
{
	char text[ERR_TEXT_MAX];
	int saved = errno;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	record_joined(text, record.text);
	errno = saved;
	return -1;
}

enum status err_status_of(int sys)
{
	switch (sys) {
	case ENOENT:
	case ENOTDIR:
		return ST_ABSENT;
	case EACCES:
	case EPERM:
	case ELOOP:
	case EROFS:
	case EISDIR:
	case EXDEV: /* from openat2(): the path leads outside */
		return ST_REFUSED;
	case EEXIST:
	case ENOTEMPTY:
		return ST_EXISTS;
	case EBUSY:
	case ETXTBSY:
		return ST_BUSY;
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return ST_NOROOM;
	case ENOTCONN:
	case ECONNREFUSED:
	case ECONNRESET:
	case ECONNABORTED:
		return ST_PEER;
	default:
		return ST_FAILED;
	}
}

enum status err_status(void)
{
	return record.status;
}

int err_errno(void)
{
	return record.sys;
}

const char *err_text(void)
{
	return record.text;
}

void err_clear(void)
{
	record.status = ST_OK;
	record.sys = 0;
	record.text[0] = '\0';
}

void err_take(struct err *out)
{
	*out = record;
	err_clear();
}

void err_put(const struct err *in)
{
	record = *in;
}
