/*
 * file_names: when the memory is full, the greater half of its names is dropped,
 * and no name above the greatest one left is taken until the next reading.
 */
#include "lib/store/file/file_names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"

/* The number of the array below is that of the name, counted from the end of the memory. */
static uint32_t *offsets_of(const struct file_names *n)
{
	return (uint32_t *)(void *)(n->names + n->size) - n->count;
}

static int by_name(const void *a, const void *b, void *names)
{
	const char *first = names;

	return strcmp(first + *(const uint32_t *)a, first + *(const uint32_t *)b);
}

static int by_offset(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void names_sort(struct file_names *n)
{
	qsort_r(offsets_of(n), n->count, sizeof(uint32_t), by_name, n->names);
}

/* Moves the names that are left together at the beginning of the memory. */
static void names_compact(struct file_names *n)
{
	uint32_t *at = offsets_of(n);
	size_t i, len;

	qsort(at, n->count, sizeof(*at), by_offset);
	n->used = 0;
	for (i = 0; i < n->count; i++) {
		len = strlen(n->names + at[i]) + 1;
		memmove(n->names + n->used, n->names + at[i], len);
		at[i] = (uint32_t)n->used;
		n->used += len;
	}
}

static void names_drop_half(struct file_names *n)
{
	uint32_t *at;
	size_t kept = (n->count + 1) / 2;

	names_sort(n);
	at = offsets_of(n);
	snprintf(n->limit, sizeof(n->limit), "%s", n->names + at[kept - 1]);
	memmove(at + n->count - kept, at, kept * sizeof(*at));
	n->count = kept;
	names_compact(n);
}

static void names_add(struct file_names *n, const char *name)
{
	size_t len = strlen(name) + 1;

	if (strcmp(name, n->last) <= 0 || (n->limit[0] && strcmp(name, n->limit) > 0))
		return;
	if (n->used + len + (n->count + 1) * sizeof(uint32_t) > n->size) {
		names_drop_half(n);
		if (strcmp(name, n->limit) > 0)
			return;
	}
	memcpy(n->names + n->used, name, len);
	n->count++;
	offsets_of(n)[0] = (uint32_t)n->used;
	n->used += len;
}

/* Reads the directory from its beginning.  0, or -1 recorded. */
static int names_read(struct file_names *n)
{
	struct dirent *e;

	n->used = n->count = n->next = 0;
	n->limit[0] = '\0';
	rewinddir(n->dir);
	for (errno = 0; (e = readdir(n->dir)); errno = 0)
		if (n->is_wanted(e->d_name) && strlen(e->d_name) < sizeof(n->last))
			names_add(n, e->d_name);
	if (errno)
		return err_sys("cannot list");
	names_sort(n);
	if (!n->limit[0]) {
		closedir(n->dir);
		n->dir = NULL;
	}
	return 0;
}

int file_names_open(struct file_names *n, int fd, size_t size, bool (*is_wanted)(const char *name))
{
	memset(n, 0, sizeof(*n));
	n->is_wanted = is_wanted;
	n->size = (size < FILE_NAMES_MIN ? FILE_NAMES_MIN : size) / sizeof(uint32_t) *
		  sizeof(uint32_t);
	n->names = malloc(n->size);
	n->dir = fdopendir(fd);
	if (!n->dir) {
		err_sys("cannot list");
		close(fd);
	} else if (!n->names) {
		err_set(ST_FAILED, "out of memory");
	} else if (names_read(n) == 0) {
		return 0;
	}
	file_names_close(n);
	return -1;
}

int file_names_next(struct file_names *n, const char **name)
{
	if (n->next == n->count && n->dir && names_read(n) < 0)
		return -1;
	if (n->next == n->count)
		return 0;
	*name = n->names + offsets_of(n)[n->next++];
	if (n->dir && n->next == n->count)
		snprintf(n->last, sizeof(n->last), "%s", *name);
	return 1;
}

void file_names_close(struct file_names *n)
{
	if (n->dir)
		closedir(n->dir);
	free(n->names);
	memset(n, 0, sizeof(*n));
}
