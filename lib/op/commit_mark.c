/*
 * commit_mark: see commit_mark.h.
 */
#include "lib/op/commit_mark.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/pathname.h"

static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+./-";

static int out_of_memory(void)
{
	return err_set(ST_FAILED, "out of memory");
}

int commit_mark_add(struct commit_record *r, const char *path)
{
	if (r->count == CHAIN_LAYERS_MAX)
		return err_set(ST_CORRUPT, "there are too many layers");
	r->layer[r->count] = strdup(path);
	if (!r->layer[r->count])
		return out_of_memory();
	r->count++;
	return 0;
}

int commit_mark_set_child(struct commit_record *r, const char *path)
{
	free(r->child);
	r->child = strdup(path);
	return r->child ? 0 : out_of_memory();
}

void commit_mark_fini(struct commit_record *r)
{
	free(r->child);
	while (r->count > 0)
		free(r->layer[--r->count]);
	memset(r, 0, sizeof(*r));
}

/* Appends a path as it is written in a record. */
static void add_path(struct buf *out, const char *path, const char *dir)
{
	const char *name = pathname_below(path, dir), *p;

	if (!name || !pathname_is_name(name) || strlen(dir) + 1 + strlen(name) != strlen(path))
		name = path;
	for (p = name; *p; p++)
		if (strchr(plain, *p))
			buf_add(out, p, 1);
		else
			buf_addf(out, "=%02x", (unsigned char)*p);
}

int commit_mark_write(const struct commit_record *r, const char *base, char out[HELD_RECORD_MAX])
{
	char *dir = pathname_parent(base);
	struct buf b = BUF_INIT;
	unsigned i;
	int ret = -1;

	if (!dir)
		return -1;
	if (r->child)
		add_path(&b, r->child, dir);
	for (i = 0; i < r->count; i++) {
		buf_adds(&b, ":");
		add_path(&b, r->layer[i], dir);
	}
	if (buf_failed(&b) < 0)
		goto out;
	if (b.len < HELD_RECORD_MAX) {
		memcpy(out, b.data, b.len);
		out[b.len] = '\0';
		ret = 0;
	} else {
		err_set(ST_REFUSED,
			"the names of the layers are too long, in total, for the mark of '%s' "
			"(commit fewer layers at once)",
			base);
	}
out:
	buf_fini(&b);
	free(dir);
	return ret;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The path that the n bytes at text mean; the caller frees it.  NULL recorded. */
static char *parse_path(const char *text, size_t n, const char *dir)
{
	char *name = malloc(n + 1), *path = NULL;
	size_t i, len = 0;

	if (!name) {
		out_of_memory();
		return NULL;
	}
	for (i = 0; i < n; i++) {
		int byte = (unsigned char)text[i];

		if (byte == '=' && n - i > 2) {
			byte = hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]);
			if (hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0)
				break;
			i += 2;
		} else if (!strchr(plain, byte)) {
			break;
		}
		if (byte == 0)
			break;
		name[len++] = (char)byte;
	}
	name[len] = '\0';
	if (i == n && name[0] == '/')
		return name;
	if (i == n && pathname_is_name(name))
		path = pathname_join(dir, name);
	else
		err_set(ST_CORRUPT, "its unfinished mark is damaged");
	free(name);
	return path;
}

static int add_parsed(
	struct commit_record *r, bool is_child, const char *at, size_t n, const char *dir)
{
	char *path;
	int ret;

	if (is_child && n == 0)
		return 0;
	path = parse_path(at, n, dir);
	if (!path)
		return -1;
	ret = is_child ? commit_mark_set_child(r, path) : commit_mark_add(r, path);
	free(path);
	return ret;
}

int commit_mark_parse(struct commit_record *r, const char *base, const char *text)
{
	char *dir = pathname_parent(base);
	const char *at = text;
	int ret = dir ? 0 : -1;
	size_t n;

	memset(r, 0, sizeof(*r));
	for (; ret == 0; at += n + 1) {
		n = strcspn(at, ":");
		ret = add_parsed(r, at == text, at, n, dir);
		if (!at[n])
			break;
	}
	if (ret == 0 && !r->count)
		ret = err_set(ST_CORRUPT, "its unfinished mark is damaged");
	free(dir);
	if (ret < 0)
		commit_mark_fini(r);
	return ret;
}
