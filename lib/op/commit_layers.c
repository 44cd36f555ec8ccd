/*
 * commit_layers: an interrupted job has left its mark on its base.  If CHILD stands on the base
 * already, the layers are no longer in the chain, and the mark alone tells which they were.
 */
#include "lib/op/commit_layers.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/kv.h"
#include "lib/op/op.h"
#include "lib/store/backend.h"

#define DEPTH_NONE CHAIN_LAYERS_MAX

/* The number in an argument of digits only, and DEPTH_NONE if that is too large; -1: a path. */
static int parse_depth(const char *text)
{
	unsigned long n;

	if (!*text || text[strspn(text, "0123456789")])
		return -1;
	n = strtoul(text, NULL, 10);
	return n < DEPTH_NONE ? (int)n : DEPTH_NONE;
}

/* The depth of the image at a place; DEPTH_NONE: it is no layer. */
static unsigned depth_of(const struct commit *c, const struct place *p)
{
	char id[IDENTITY_MAX];
	unsigned i;

	if (p->backend->identify(p, id) < 0)
		return DEPTH_NONE;
	for (i = 0; i < c->count; i++)
		if (strcmp(commit_layer(c, i).id, id) == 0)
			return i;
	return DEPTH_NONE;
}

static int find_path(struct commit *c, const char *text, unsigned *depth)
{
	struct place *p = place_open(c->image->place->policy, text);
	char id[IDENTITY_MAX];
	int r = -1;

	if (!p)
		return err_wrap("layer '%s'", text);
	*depth = depth_of(c, p);
	if (*depth < c->count)
		r = 0;
	else if (p->backend->identify(p, id) < 0)
		err_set(ST_ABSENT, "cannot open layer '%s': No such file or directory", text);
	else
		err_set(ST_USAGE, "'%s' is not a layer of it (see img-info --chain)", text);
	place_close(p);
	return r;
}

/* The depth of the layer that an argument means.  0, or -1 recorded. */
static int find_layer(struct commit *c, const char *text, unsigned *depth)
{
	int n = parse_depth(text);

	if (n < 0)
		return find_path(c, text, depth);
	if ((unsigned)n >= c->count)
		return err_set(ST_USAGE,
			"there is no layer %s, only 0 to %u (see img-info --chain)", text,
			c->count - 1);
	*depth = (unsigned)n;
	return 0;
}

static int find_top_and_base(struct commit *c)
{
	const char *top = kv_get(c->request, "top_layer"), *base = kv_get(c->request, "base_layer");

	if (top && find_layer(c, top, &c->top) < 0)
		return -1;
	c->base = c->top + 1;
	if (base && find_layer(c, base, &c->base) < 0)
		return -1;
	if (c->base >= c->count)
		return err_set(ST_USAGE, "'%s' has no backing file", commit_path(c, c->top));
	if (c->base <= c->top)
		return err_set(ST_USAGE, "'%s' is not below '%s' (see img-info --chain)",
			commit_path(c, c->base), commit_path(c, c->top));
	c->has_child = c->top > 0 || (c->deletes && !c->is_live && c->base > c->top + 1);
	c->child = c->top > 0 ? c->top - 1 : 0;
	return 0;
}

/* The same command would complete what the mark of the layer says. */
static int refuse_other_command(const struct commit *c, unsigned depth)
{
	return err_set(ST_CORRUPT,
		"its layer '%s' is unfinished: an img-commit into it was interrupted, with --top "
		"'%s'; run the same command again to complete it",
		commit_path(c, depth), c->record.layer[0]);
}

/* Whether an argument means the layer at a path, which had that depth, and may not exist now. */
static int is_meant(const struct commit *c, const char *text, const char *path, unsigned depth)
{
	struct place *p;
	int n = parse_depth(text), r;

	if (n >= 0)
		return (unsigned)n == depth;
	p = place_open(c->image->place->policy, text);
	if (!p)
		return err_wrap("layer '%s'", text);
	r = strcmp(p->path, path) == 0;
	place_close(p);
	return r;
}

/* After CHILD stands on the base: whether the request is that of the interrupted job. */
static int check_rebased(const struct commit *c)
{
	const char *top = kv_get(c->request, "top_layer"), *base = kv_get(c->request, "base_layer");
	bool is_self = strcmp(c->record.child, c->record.layer[0]) == 0;
	unsigned depth = is_self ? c->child : c->child + 1; /* that TOP had */
	int r;

	r = top ? is_meant(c, top, c->record.layer[0], depth) : 0;
	if (r > 0 && base)
		r = is_meant(c, base, commit_path(c, c->base), depth + c->record.count);
	else if (r > 0)
		r = c->record.count == 1;
	return r > 0 ? 0 : r < 0 ? -1 : refuse_other_command(c, c->base);
}

/* Before that: likewise. */
static int check_begun(struct commit *c, unsigned marked)
{
	if (find_top_and_base(c) < 0)
		return -1;
	if (c->base != marked || c->record.count != c->base - c->top ||
		strcmp(c->record.layer[0], commit_path(c, c->top)) != 0)
		return refuse_other_command(c, marked);
	return 0;
}

/* The layer `marked` has the mark of an interrupted commit. */
static int resume(struct commit *c, unsigned marked, const char *text)
{
	const char *above = commit_path(c, marked - 1), *last;

	if (commit_mark_parse(&c->record, commit_path(c, marked), text) < 0)
		return err_wrap("'%s'", commit_path(c, marked));
	c->was_begun = true;
	last = c->record.layer[c->record.count - 1];
	if (strcmp(above, last) == 0)
		return check_begun(c, marked);
	if (!c->record.child || strcmp(above, c->record.child) != 0)
		return refuse_other_command(c, marked);
	c->is_rebased = c->has_child = true;
	c->base = marked;
	c->child = c->top = marked - 1;
	return check_rebased(c);
}

/* Whether the layer is unfinished by a commit: 1 and *text; 0; -1 recorded, also if by another job.
 */
static int read_mark(struct commit *c, unsigned depth, char **text)
{
	struct image *img = commit_layer(c, depth).img;
	int r = img->ops->is_unfinished(img);

	if (r > 0)
		r = img->ops->commit_record ? img->ops->commit_record(img, text) : 0;
	if (r != 0)
		return r;
	return image_refuse_unfinished(img) < 0 ? err_wrap("layer '%s'", img->place->path) : 0;
}

static int fill_record(struct commit *c)
{
	unsigned i;

	commit_mark_fini(&c->record);
	if (c->has_child && commit_mark_set_child(&c->record, commit_path(c, c->child)) < 0)
		return -1;
	for (i = c->top; i < c->base; i++)
		if (commit_mark_add(&c->record, commit_path(c, i)) < 0)
			return -1;
	return 0;
}

int commit_layers_find(struct commit *c)
{
	char *text = NULL, *other;
	unsigned i, marked = 0;
	int r = 0;

	for (i = 1; r >= 0 && i < c->count; i++) {
		r = read_mark(c, i, &other);
		if (r > 0 && marked) {
			free(other);
			r = image_refuse_unfinished(commit_layer(c, i).img);
		} else if (r > 0) {
			text = other;
			marked = i;
		}
	}
	if (r < 0) {
		free(text);
		return -1;
	}
	r = marked ? resume(c, marked, text) : find_top_and_base(c);
	free(text);
	if (r == 0 && !c->is_rebased)
		r = fill_record(c);
	return r;
}
