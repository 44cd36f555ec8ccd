/*
 * commit_plan: see commit_plan.h.
 */
#include "lib/op/commit_plan.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/kv.h"
#include "lib/base/size.h"
#include "lib/format/content.h"
#include "lib/format/qcow2_tables.h"
#include "lib/format/qcow2_tail.h"
#include "lib/op/commit_check.h"
#include "lib/op/commit_layers.h"
#include "lib/op/commit_rebase.h"
#include "lib/op/grow_qcow2.h"
#include "lib/op/op.h"
#include "lib/store/backend.h"
#include "lib/store/dependents.h"

/* Bytes of a base that are read, at most, to find out whether they are zeros. */
#define TAIL_MAX (64u << 20)

static int open_image(struct commit *c)
{
	struct place *place = place_open(&c->session->policy, kv_get(c->request, "path"));
	const struct content *content;

	if (place && place->is_link) {
		place_close(place);
		return err_set(ST_REFUSED, "is a symbolic link");
	}
	c->image = place ? image_open(place) : NULL;
	if (!c->image)
		return -1;
	c->image->may_change = c->is_live;
	if ((!c->is_live && image_hold(c->image) < 0) || image_refuse_unfinished(c->image) < 0)
		return -1;
	content = image_content(c->image);
	if (!content)
		return -1;
	if (*content->damaged)
		return err_set(ST_CORRUPT, "%s", content->damaged);
	if (content->is_archive || strcmp(content->format, "qcow2") != 0)
		return err_set(ST_REFUSED, "is not a qcow2 image");
	return 0;
}

int commit_plan_open(struct commit *c)
{
	c->deletes = op_flag(c->request, "delete");
	if (c->deletes && !c->is_live && !kv_get(c->request, "top_layer"))
		return err_set(ST_REFUSED,
			"this would also delete the image itself (use --top 0 to allow that, or "
			"name another TOP)");
	if (open_image(c) < 0)
		return -1;
	c->disk = disk_image_open_any(c->image, c->image->place);
	if (!c->disk)
		return -1;
	c->count = disk_layers_count(c->disk);
	return commit_layers_find(c);
}

void commit_plan_close_layers(struct commit *c)
{
	unsigned i;

	for (i = 0; i < CHAIN_LAYERS_MAX; i++) {
		held_close(c->held[i]);
		c->held[i] = NULL;
	}
	image_close(c->disk);
	image_close(c->image);
	c->disk = c->image = NULL;
}

void commit_plan_close(struct commit *c)
{
	commit_plan_close_layers(c);
	commit_mark_fini(&c->record);
	free(c->backing);
}

/* A layer that QEMU writes to may be dirty meanwhile, and BASE if its writer was killed. */
static int check_qcow2(const struct commit *c, unsigned depth)
{
	const struct qcow2 *q = commit_layer(c, depth).qcow2;

	if ((q->incompatible & QCOW2_DIRTY) && !c->is_live &&
		(depth != c->base || !commit_check_is_dirty(c)))
		return err_set(ST_CORRUPT,
			"the qcow2 image was not closed by its last user (see qemu-img check -r "
			"all)");
	if (qcow2_has_data_file(q))
		return err_set(ST_REFUSED, "the qcow2 image has its data in another file, '%s'",
			q->data_file);
	return 0;
}

/* QEMU would take a layer of no recorded format for what it looks like, and we take it for raw. */
static int check_raw(const struct commit *c, unsigned depth)
{
	const struct disk_layer l = commit_layer(c, depth);
	const struct content *content;

	if (*commit_layer(c, depth - 1).qcow2->backing_format)
		return 0;
	content = image_content(l.img);
	if (!content)
		return -1;
	if (content->is_archive || *content->damaged || strcmp(content->format, "raw") != 0)
		return err_set(ST_REFUSED,
			"its format is not recorded in the layer above it, and it does not look "
			"raw (see qemu-img rebase -u -F)");
	return 0;
}

static int check_layer(const struct commit *c, unsigned depth)
{
	const struct held_want want = { .allow_links = op_flag(c->request, "allow_links") };
	const struct disk_layer l = commit_layer(c, depth);
	int r = l.qcow2 ? check_qcow2(c, depth) : check_raw(c, depth);

	if (r == 0 && depth <= c->base)
		r = held_check(l.img, &want);
	return r;
}

static int check_layers(const struct commit *c)
{
	unsigned i;

	for (i = 0; i < c->count; i++)
		if (check_layer(c, i) < 0)
			return i ? err_wrap("layer '%s'", commit_path(c, i)) : -1;
	return 0;
}

static bool is_zeros(const uint8_t *p, size_t n)
{
	return p[0] == 0 && memcmp(p, p + 1, n - 1) == 0;
}

/* Whether a raw base of that length reads as zeros from off on: 1, 0, or -1 recorded. */
static int has_zeros_behind(struct image *img, uint64_t off, uint64_t end)
{
	uint8_t piece[65536];
	size_t n;

	if (end - off > TAIL_MAX)
		return 0;
	for (; off < end; off += n) {
		n = end - off < sizeof(piece) ? (size_t)(end - off) : sizeof(piece);
		if (image_read(img, piece, n, off) < 0)
			return -1;
		if (!is_zeros(piece, n))
			return 0;
	}
	return 1;
}

/* The length of the longest of the layers from one depth to before another. */
static uint64_t find_longest(const struct commit *c, unsigned depth, unsigned end)
{
	uint64_t longest = 0;

	for (; depth < end; depth++)
		if (commit_layer(c, depth).len > longest)
			longest = commit_layer(c, depth).len;
	return longest;
}

/* How far the base, behind len, has bytes that are not zeros; a volume may be rounded up. */
static int find_base_end(const struct commit *c, uint64_t len, uint64_t *end)
{
	const struct disk_layer b = commit_layer(c, c->base);
	int zeros = 0;

	*end = b.qcow2 ? b.len : c->from;
	if (*end > len && !b.qcow2)
		zeros = has_zeros_behind(b.img, len, *end);
	if (zeros > 0)
		*end = len;
	return zeros < 0 ? -1 : 0;
}

/*
 * A layer that is shorter than one below it hides the end of that.  The result would show it to a
 * layer above that is longer or, if there is none, to the guest.
 */
static int check_lengths(const struct commit *c)
{
	char small[SIZE_HUMAN], large[SIZE_HUMAN];
	uint64_t len, below, shown, end;
	unsigned i;

	for (i = c->top; i < c->base; i++) {
		len = commit_layer(c, i).len;
		below = find_longest(c, i + 1, c->base);
		shown = c->top > 0 ? find_longest(c, c->child, i) : UINT64_MAX;
		if (shown <= len)
			continue;
		if (find_base_end(c, len, &end) < 0)
			return -1;
		if (end > below)
			below = end;
		if (below > len)
			return err_set(ST_REFUSED,
				"layer '%s' is shorter than one below it, %s instead of %s, so the "
				"result would show other bytes",
				commit_path(c, i), size_human(len, small),
				size_human(below, large));
	}
	return 0;
}

/* Layers that would change, or go, must have no other child than the layer above them. */
static int check_children(const struct commit *c)
{
	unsigned i, first = c->deletes ? c->top : c->top + 1;
	char *other;
	int r;

	for (i = first; i <= c->base; i++) {
		r = dependents_find_other(commit_layer(c, i).img->place,
			i > 0 ? commit_layer(c, i - 1).id : NULL, &other);
		if (r > 0) {
			r = err_set(ST_REFUSED, "'%s' also needs layer '%s' as it is", other,
				commit_path(c, i));
			free(other);
		}
		if (r < 0)
			return -1;
	}
	return 0;
}

static int check_deletions(const struct commit *c)
{
	const struct change_want want = { .allow_links = op_flag(c->request, "allow_links"),
		.is_unneeded = true,
		.dry_run = true };
	const struct place *p;
	unsigned i;

	for (i = c->top; c->deletes && i < c->base; i++) {
		p = commit_layer(c, i).img->place;
		if (commit_layer(c, i).qcow2->snapshots)
			return err_set(ST_REFUSED,
				"layer '%s': has internal snapshots, which would be lost with it "
				"(see qemu-img snapshot -l)",
				p->path);
		if (p->backend->remove(p, &want) < 0)
			return err_wrap("layer '%s'", p->path);
	}
	return 0;
}

static int check_growth_of(const struct commit *c, const struct disk_layer *b, uint64_t to)
{
	const struct qcow2 *q = b->qcow2;
	bool is_longer = c->base + 1 < c->count && commit_layer(c, c->base + 1).len > b->len;
	struct qcow2_tail tail;

	if (qcow2_tables_check(q, b->img->fd, b->img->len) < 0 ||
		grow_qcow2_check(q, b->img->fd, b->img->len, to) < 0 ||
		qcow2_tail_read(&tail, q, b->img->fd, b->img->len) < 0)
		return -1;
	if (q->version == 2 && is_longer)
		return grow_qcow2_refuse_version("its backing file is longer");
	/* QEMU writes zeros to its new space only to hide that of a longer backing file. */
	if (tail.is_stale && !is_longer)
		return err_set(ST_REFUSED,
			"it has old data behind its end, which would be shown (see img-resize)");
	return 0;
}

/* What QEMU would find out when BASE is marked already. */
static int check_growth(const struct commit *c)
{
	const struct disk_layer b = commit_layer(c, c->base);
	uint64_t to = find_longest(c, c->top, c->base);

	if (!b.qcow2 || to <= b.len || check_growth_of(c, &b, to) == 0)
		return 0;
	return err_wrap("layer '%s' would have to grow", b.img->place->path);
}

static int add_up_bytes(struct commit *c)
{
	unsigned i;

	for (i = c->top; i < c->base; i++) {
		if (disk_layers_bytes(c->disk, i, &c->bytes[i]) < 0)
			return err_wrap("layer '%s'", commit_path(c, i));
		c->all_bytes += c->bytes[i];
	}
	return 0;
}

int commit_plan_check(struct commit *c)
{
	char record[HELD_RECORD_MAX];

	if (check_layers(c) < 0)
		return -1;
	if (c->is_rebased)
		return 0;
	if (!c->takes_up && (check_lengths(c) < 0 || check_growth(c) < 0 || check_children(c) < 0 ||
				    check_deletions(c) < 0))
		return -1;
	if (add_up_bytes(c) < 0)
		return -1;
	if (commit_mark_write(&c->record, commit_path(c, c->base), record) < 0)
		return -1;
	if (c->has_child && commit_rebase_plan(c) < 0)
		return -1;
	return commit_check_before(c);
}
