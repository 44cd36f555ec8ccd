/*
 * file_resize_copy: what a file holds is changed in a hidden copy, which then takes its name.
 *
 * The copy is the partial file of a target (partial.h), so a job that is killed leaves the file
 * as it was.  The file stays locked until then, also against QEMU.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/size.h"
#include "lib/host/identity.h"
#include "lib/host/inuse.h"
#include "lib/host/storage.h"
#include "lib/store/backend.h"
#include "lib/store/file/file_place.h"
#include "lib/store/file/file_resize.h"
#include "lib/store/file/file_space.h"
#include "lib/store/target.h"

struct resize_copy {
	struct resize base;
	struct target *copy;
	int lock; /* of the file itself, which it locks; or -1 */
};

static struct resize_copy *copy_of(struct resize *r)
{
	return (struct resize_copy *)r;
}

static bool is_sparse(const struct image *img)
{
	return (uint64_t)img->st.st_blocks * 512 < img->len;
}

static struct target *make_copy(struct resize *r, bool dry_run)
{
	const struct place *p = r->img->place;
	const struct target_want want = { .len = r->img->len,
		.sparse = is_sparse(r->img),
		.overwrite = true,
		.fsync = true,
		.dry_run = dry_run,
		.source = r->img,
		.share = true,
		.replaces_source = true };
	struct place *own = p->backend->beside(p, p->name);
	const struct place_file *now = (const struct place_file *)own;

	/* What has the name now would be replaced, and its owner would get the copy. */
	if (own && (now->node < 0 || !identity_is_same(&now->st, &r->img->st))) {
		place_close(own);
		place_was_replaced();
		return NULL;
	}
	return own ? target_make(own, &want) : NULL;
}

/*
 * For a copy that shares no blocks, beside the `has` bytes of space that it has already; what it
 * grows by counts if it has no holes.
 */
static int check_space(const struct resize *r, uint64_t has)
{
	const struct place_file *p = (const struct place_file *)r->img->place;
	char need[SIZE_HUMAN], have[SIZE_HUMAN];
	uint64_t free_bytes, used = (uint64_t)r->img->st.st_blocks * 512;

	if (used > r->img->len)
		used = r->img->len;
	if (!is_sparse(r->img) && r->len > r->from)
		used += r->len - r->from;
	if (file_space_free(p->dir, &free_bytes) < 0)
		return err_sys("cannot find the free space");
	free_bytes += has;
	if (used <= free_bytes)
		return 0;
	return err_set(ST_NOROOM,
		"a copy of it needs %s, and the filesystem has %s free (see --in-place)",
		size_human(used, need), size_human(free_bytes, have));
}

static int plan_copy(struct resize *r)
{
	const struct place_file *p = (const struct place_file *)r->img->place;
	struct target *t;

	if (!r->want.dry_run)
		return 0;
	if (!storage_can_reflink(p->dir) && check_space(r, 0) < 0)
		return -1;
	t = make_copy(r, true);
	if (!t)
		return -1;
	target_abort(t);
	return 0;
}

/* The bytes of space that it has; without holes, that is all where it can be allocated at once. */
static uint64_t space_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? (uint64_t)st.st_blocks * 512 : 0;
}

static int begin_copy(struct resize *r)
{
	struct resize_copy *c = copy_of(r);
	int shares;

	c->copy = make_copy(r, false);
	if (!c->copy)
		return err_status() == ST_NOROOM
			       ? err_wrap("no space for a copy of it (see --in-place)")
			       : -1;
	shares = target_clone(c->copy, r->img);
	if (shares < 0)
		return -1;
	c->lock = r->fd;
	r->fd = target_rewind(c->copy);
	if (r->fd < 0 || (shares == 0 && check_space(r, space_of(r->fd)) < 0))
		return -1;
	if (shares == 0)
		r->copy = c->copy;
	return 0;
}

static int replace_file(struct resize *r)
{
	struct resize_copy *c = copy_of(r);
	struct target *t = c->copy;

	if (file_resize_allocate(r) < 0 || target_settle(t) < 0)
		return -1;
	/* No program can have locked it meanwhile, but some lock nothing. */
	if (inuse_refuse(c->lock) < 0 || image_check_end(r->img) < 0)
		return -1;
	c->copy = r->copy = NULL;
	r->fd = -1; /* it is the target's */
	return target_commit(t);
}

static void close_copy(struct resize *r)
{
	struct resize_copy *c = copy_of(r);

	if (c->lock >= 0) {
		r->fd = -1;
		close(c->lock);
	}
	target_abort(c->copy);
}

static const struct resize_ops ops = {
	.plan = plan_copy,
	.begin = begin_copy,
	.grow = file_resize_grow,
	.cut = file_resize_cut,
	.finish = replace_file,
	.close = close_copy,
};

static int open_original(struct resize *r)
{
	if (r->img->st.st_nlink > 1 && r->want.allow_links)
		return err_set(ST_REFUSED,
			"has several links, and a copy would replace only one of "
			"them (see --in-place)");
	if (file_resize_lock(r) < 0 || file_resize_look_for_job(r) < 0)
		return -1;
	return r->pending.changing ? resize_refuse_changing(r) : 0;
}

struct resize *file_resize_copy_open(struct image *img, const struct resize_want *want)
{
	struct resize_copy *c = resize_new(sizeof(*c), &ops, img, want);

	if (!c)
		return NULL;
	c->lock = -1;
	if (open_original(&c->base) == 0)
		return &c->base;
	resize_close(&c->base);
	return NULL;
}
