/*
 * vmdk_text: the text is read line by line; a NUL ends it.
 */
#include "lib/format/vmdk_text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/size.h"

#define SECTOR 512
#define EXTENT_LINE_MAX 2048 /* a longer line is no extent */

/* The bytes of the line at p, without its end; *next is the line after it. */
static size_t line_at(const char *p, const char *end, const char **next)
{
	const char *stop = memchr(p, '\n', (size_t)(end - p));

	*next = stop ? stop + 1 : end;
	if (!stop)
		stop = end;
	if (stop > p && stop[-1] == '\r')
		stop--;
	return (size_t)(stop - p);
}

bool vmdk_text_is(const void *head, size_t n)
{
	const char *p = head, *end = p + n, *next;
	size_t len;

	for (; p < end; p = next) {
		len = line_at(p, end, &next);
		if (len && *p != '#' && strspn(p, " ") < len)
			return len == 9 && memcmp(p, "version=", 8) == 0 && p[8] >= '1' &&
			       p[8] <= '3';
	}
	return false;
}

static void add_extent(struct foreign *f, const char *name, size_t n, uint64_t bytes)
{
	if (f->extents == FOREIGN_EXTENTS_MAX || n >= sizeof(f->names) - f->names_len)
		return;
	memcpy(f->names + f->names_len, name, n);
	f->names[f->names_len + n] = '\0';
	f->names_len += n + 1;
	f->bytes[f->extents++] = bytes;
}

/* Skips one of the words and the space after it.  NULL: the line has none of them there. */
static const char *skip_word(const char *line, const char *const *words)
{
	size_t n;

	for (; *words; words++) {
		n = strlen(*words);
		if (strncmp(line, *words, n) == 0 && strspn(line + n, " \t"))
			return line + n + strspn(line + n, " \t");
	}
	return NULL;
}

/* Returns false if the sum of all extents becomes impossible. */
static bool parse_line(struct foreign *f, const char *line)
{
	static const char *const accesses[] = { "RW", "RDONLY", "NOACCESS", NULL };
	const char *name, *stop;
	uint64_t sectors;
	char *end;

	line = skip_word(line, accesses);
	if (!line || *line < '0' || *line > '9')
		return true;
	sectors = strtoull(line, &end, 10);
	if (*end != ' ' && *end != '\t')
		return true;
	if (sectors > (SIZE_LIMIT - f->capacity) / SECTOR)
		return false;
	f->capacity += sectors * SECTOR;
	name = strchr(end, '"');
	stop = name ? strchr(name + 1, '"') : NULL;
	if (stop && stop > name + 1)
		add_extent(f, name + 1, (size_t)(stop - name) - 1, sectors * SECTOR);
	return true;
}

/* Calls each with every line that is not too long, while it returns true. */
static bool each_line(struct foreign *f, const char *p, size_t n,
	bool (*each)(struct foreign *f, const char *line))
{
	const char *end = p + strnlen(p, n), *next;
	char line[EXTENT_LINE_MAX];
	size_t len;

	for (; p < end; p = next) {
		len = line_at(p, end, &next);
		if (len >= sizeof(line))
			continue;
		memcpy(line, p, len);
		line[len] = '\0';
		if (!each(f, line))
			return false;
	}
	return true;
}

bool vmdk_text_parse(struct foreign *f, const void *text, size_t n)
{
	f->capacity = 0;
	return each_line(f, text, n, parse_line);
}

/* Returns false if the line says that there is no parent. */
static bool parse_parent(struct foreign *f, const char *line)
{
	static const char hint[] = "parentFileNameHint=\"";
	const char *name = line + sizeof(hint) - 1, *stop;

	if (strncmp(line, "parentCID=", 10) == 0 && strcasecmp(line + 10, "ffffffff") == 0)
		return false;
	if (strncmp(line, hint, sizeof(hint) - 1) != 0)
		return true;
	stop = strchr(name, '"');
	if (stop && stop - name <= FOREIGN_BACKING_MAX) {
		memcpy(f->backing, name, (size_t)(stop - name));
		f->backing[stop - name] = '\0';
		f->backing_format = "vmdk";
	}
	return true;
}

void vmdk_text_parent(struct foreign *f, const void *text, size_t n)
{
	if (each_line(f, text, n, parse_parent))
		return;
	f->backing[0] = '\0';
	f->backing_format = NULL;
}
