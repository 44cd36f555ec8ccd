/*
 * resize: see resize.h.
 */
#include "lib/store/resize.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/size.h"
#include "lib/host/inuse.h"
#include "lib/store/backend.h"

#define ZEROED ":zeroed"
#define CHANGING ":changing"

char *resize_record_write(const struct resize_record *c, char out[RESIZE_RECORD_MAX])
{
	snprintf(out, RESIZE_RECORD_MAX, "%" PRIu64 ":%" PRIu64 ":%" PRIu64 "%s%s", c->from, c->to,
		c->fs, c->zeroed ? ZEROED : "", c->changing ? CHANGING : "");
	return out;
}

/* A number up to SIZE_LIMIT, and what follows it; NULL if there is none. */
static const char *parse_number(uint64_t *n, const char *text)
{
	char *end;

	if (*text < '0' || *text > '9')
		return NULL;
	*n = strtoull(text, &end, 10);
	return *n <= SIZE_LIMIT ? end : NULL;
}

/* Whether the text goes on with that word, which is then skipped. */
static bool skip_word(const char **at, const char *word)
{
	if (strncmp(*at, word, strlen(word)) != 0)
		return false;
	*at += strlen(word);
	return true;
}

const char *resize_record_parse(struct resize_record *c, const char *text)
{
	const char *at = parse_number(&c->from, text);

	if (!at || *at != ':' || !(at = parse_number(&c->to, at + 1)) || *at != ':')
		return NULL;
	at = parse_number(&c->fs, at + 1);
	if (!at || c->from == 0 || c->to == 0)
		return NULL;
	c->zeroed = skip_word(&at, ZEROED);
	c->changing = skip_word(&at, CHANGING);
	return at;
}

void *resize_new(size_t size, const struct resize_ops *ops, struct image *img,
	const struct resize_want *want)
{
	struct resize *r = calloc(1, size);

	if (!r) {
		err_set(ST_FAILED, "out of memory");
		return NULL;
	}
	r->ops = ops;
	r->img = img;
	r->want = *want;
	r->fd = -1;
	r->from = img->len;
	return r;
}

int resize_look_for_users(struct image *img, bool *in_use, char who[RESIZE_WHO_MAX])
{
	struct inuse u;
	int r = img->ops->use(img, &u);

	*in_use = u.writers || u.readers;
	snprintf(who, RESIZE_WHO_MAX, "%s", u.who);
	if (r == 0 && u.job)
		r = err_set(ST_BUSY, "in use: %s", who);
	inuse_fini(&u);
	return r;
}

int resize_refuse_unfinished(struct image *img, const char *who)
{
	int r = image_refuse_unfinished(img);

	if (r < 0 && who && err_status() == ST_CORRUPT)
		return err_set(ST_BUSY, "in use: %s", who);
	return r;
}

int resize_refuse_changing(const struct resize *r)
{
	char to[SIZE_HUMAN];

	return err_set(ST_CORRUPT,
		"unfinished: its filesystem may be half changed, since it was being resized to %s; "
		"see --in-place to complete that",
		size_human(r->pending.fs, to));
}

struct resize *resize_open(struct image *img, const struct resize_want *want)
{
	const struct backend *b = img->place->backend;

	if (b->resize)
		return b->resize(img, want);
	err_set(ST_REFUSED, "is a %s, whose size cannot be changed", b->kind);
	return NULL;
}

int resize_plan(struct resize *r, uint64_t len)
{
	r->len = len;
	return r->ops->plan(r);
}

int resize_begin(struct resize *r)
{
	return r->ops->begin ? r->ops->begin(r) : 0;
}

int resize_grow(struct resize *r)
{
	return r->ops->grow(r);
}

int resize_cut(struct resize *r)
{
	return r->ops->cut(r);
}

int resize_finish(struct resize *r)
{
	return r->ops->finish ? r->ops->finish(r) : 0;
}

void resize_close(struct resize *r)
{
	if (!r)
		return;
	if (r->ops->close)
		r->ops->close(r);
	if (r->fd >= 0)
		close(r->fd);
	free(r);
}
