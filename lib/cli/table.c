/*
 * table: rows are printed at the end, since the widest title sets the column.
 */
#include "lib/cli/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/err.h"
#include "lib/base/text.h"
#include "lib/cli/cli.h"

void table_init(struct table *t)
{
	buf_init(&t->text);
	t->width = 0;
}

void table_fini(struct table *t)
{
	buf_fini(&t->text);
}

static void add_row(struct table *t, const char *title, const char *value)
{
	char *safe = text_safe_dup(value);
	size_t width = text_width(title);

	buf_add(&t->text, title, strlen(title) + 1);
	buf_add(&t->text, safe ? safe : "", safe ? strlen(safe) + 1 : 1);
	if (width > t->width)
		t->width = width;
	free(safe);
}

void table_rowf(struct table *t, const char *title, const char *fmt, ...)
{
	char *value;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&value, fmt, ap) < 0)
		value = NULL;
	va_end(ap);
	if (!value)
		t->text.failed = true;
	else
		add_row(t, title, value);
	free(value);
}

void table_time(struct table *t, const char *title, const char *seconds)
{
	char text[64], *end;
	long long n = seconds ? strtoll(seconds, &end, 10) : 0;
	time_t when = (time_t)n;
	struct tm tm;

	if (seconds && end != seconds && localtime_r(&when, &tm) &&
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S %z", &tm))
		add_row(t, title, text);
}

int table_print(struct table *t)
{
	const char *p, *value, *end;
	size_t pad;

	if (buf_failed(&t->text) < 0)
		return -1;
	p = buf_str(&t->text);
	end = p + t->text.len;
	while (p < end) {
		value = p + strlen(p) + 1;
		pad = t->width - text_width(p);
		if (printf("%s%*s  %s\n", p, (int)pad, "", value) < 0)
			return cli_write_failed();
		p = value + strlen(value) + 1;
	}
	return 0;
}
