/*
 * commit: writes layers of a qcow2 image into the layer below them.
 *	OK  path; base, its path, and base.format; previous.capacity, previous.allocation and
 *	    previous.physical of the base, in bytes, and, but for a dry run, capacity, allocation
 *	    and physical of it afterwards; enlarged, the bytes that its storage then has at least;
 *	    layer (each), those that are committed, from the top, and layer.bytes (each), how much
 *	    of each is written at most; child, the layer that has the base as its backing file now,
 *	    and backing, the name that it records; deleted (each); step (each), what is done, or
 *	    would be in a dry run; use=1: the guest has to use the base now; resumed=1: an
 *	    interrupted job is completed; job, the name of QEMU's job, if the guest runs
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/cancel.h"
#include "lib/base/child.h"
#include "lib/base/err.h"
#include "lib/op/commit_check.h"
#include "lib/op/commit_delete.h"
#include "lib/op/commit_live.h"
#include "lib/op/commit_plan.h"
#include "lib/op/commit_rebase.h"
#include "lib/op/commit_run.h"
#include "lib/op/commit_space.h"
#include "lib/op/commit_steps.h"
#include "lib/op/op.h"

static int hold_layer(struct commit *c, unsigned depth, bool was_changed)
{
	const struct held_want want = { .allow_links = op_flag(c->request, "allow_links"),
		.was_changed = was_changed };

	c->held[depth] = held_open(commit_layer(c, depth).img, &want);
	if (c->held[depth])
		return 0;
	return depth ? err_wrap("layer '%s'", commit_path(c, depth)) : -1;
}

static int hold_all(struct commit *c)
{
	unsigned i;

	for (i = 0; i <= c->base; i++)
		if (hold_layer(c, i, false) < 0)
			return -1;
	return 0;
}

static int mark_base(struct commit *c)
{
	char record[HELD_RECORD_MAX];

	if (commit_mark_write(&c->record, commit_path(c, c->base), record) < 0 ||
		held_mark(c->held[c->base], record) < 0)
		return err_wrap("layer '%s'", commit_path(c, c->base));
	return 0;
}

/* Its storage locks it itself meanwhile. */
static int enlarge_base(struct commit *c)
{
	int r;

	held_close(c->held[c->base]);
	c->held[c->base] = NULL;
	r = commit_space_grow(c);
	if (r < 0)
		err_wrap("layer '%s'", commit_path(c, c->base));
	return r < 0 ? -1 : hold_layer(c, c->base, true);
}

static int commit_layers(struct commit *c)
{
	unsigned i;

	for (i = c->base; i-- > c->top;) {
		if (cancel_check() < 0)
			return -1;
		c->is_changed = true;
		commit_run_tell(c, c->done_bytes);
		if (commit_run_layer(c, i) < 0)
			return err_wrap("layer '%s'", commit_path(c, i));
	}
	commit_run_tell(c, c->done_bytes);
	return held_sync(c->held[c->base]);
}

/* After a failure: nothing has changed if qemu-img was not started. */
static int give_up(struct commit *c)
{
	const char *base = commit_path(c, c->base);
	struct err e;

	err_take(&e);
	if (!c->is_changed && !c->was_begun &&
		(c->held[c->base] || hold_layer(c, c->base, true) == 0) &&
		held_unmark(c->held[c->base]) == 0) {
		err_put(&e);
		return -1;
	}
	return err_set(e.status, "%.500s ('%.300s' is unfinished now; run the same command again)",
		e.text, base);
}

static int repair_base(const struct commit *c)
{
	return commit_check_is_dirty(c) ? commit_check_repair(c) : 0;
}

/* Nothing is known of who wrote them, so they are synced before a layer is deleted. */
static int complete_rebased(struct commit *c)
{
	if (commit_check_layer(c, c->base) < 0 || commit_check_layer(c, c->child) < 0 ||
		held_sync(c->held[c->base]) < 0)
		return -1;
	return held_sync(c->held[c->child]) < 0 ? err_wrap("layer '%s'", commit_path(c, c->child))
						: 0;
}

/* Up to the moment at which no layer that was committed is needed any more. */
static int change_chain(struct commit *c)
{
	if (c->is_rebased)
		return complete_rebased(c);
	if (mark_base(c) < 0 || (c->to && enlarge_base(c) < 0) || repair_base(c) < 0 ||
		commit_layers(c) < 0 || commit_check_layer(c, c->base) < 0 || cancel_check() < 0)
		return -1;
	if (!c->has_child)
		return 0;
	return commit_rebase_run(c) < 0 ? err_wrap("layer '%s'", commit_path(c, c->child))
					: commit_check_layer(c, c->child);
}

/* Deletes what is not needed any more, and removes the mark, as the base is complete. */
static int clear_up(const struct commit *c, struct held *base, char *image, struct buf *reply)
{
	bool allow_links = op_flag(c->request, "allow_links");
	bool is_top = strcmp(c->record.layer[0], image) == 0;
	struct commit_record only = { .layer = { image }, .count = 1 };
	struct err e = { .status = ST_OK };

	if (c->deletes && commit_delete_layers(&c->record, base->place, is_top ? image : NULL,
				  allow_links, reply) < 0)
		err_take(&e);
	if (held_unmark(base) < 0)
		return err_wrap("layer '%s'", base->place->path);
	if (e.status != ST_OK) {
		err_put(&e);
		return -1;
	}
	/* Only now, as without IMAGE nothing could complete the rest. */
	return c->deletes && is_top
		       ? commit_delete_layers(&only, base->place, NULL, allow_links, reply)
		       : 0;
}

/* Closes all layers, because what is open cannot be deleted. */
static int finish_commit(struct commit *c, struct buf *reply)
{
	struct held *base = c->held[c->base];
	char *image = strdup(c->image->place->path);
	int r = image ? 0 : err_set(ST_FAILED, "out of memory");

	if (r == 0)
		r = commit_space_numbers(base->fd, commit_layer(c, c->base).qcow2, &c->after);
	c->held[c->base] = NULL;
	commit_plan_close_layers(c);
	if (r == 0)
		r = clear_up(c, base, image, reply);
	held_close(base);
	free(image);
	return r;
}

/* Before BASE is marked.  What remains after the rebase needs no other program. */
static int check_program(const struct commit *c)
{
	if (c->is_rebased || child_has("qemu-img"))
		return 0;
	return err_set(ST_FAILED, "qemu-img, which a commit needs, is not installed");
}

static int run_commit(struct commit *c, struct buf *reply)
{
	if (commit_plan_open(c) < 0 || check_program(c) < 0 || commit_space_plan(c) < 0 ||
		commit_plan_check(c) < 0)
		return -1;
	commit_steps_reply(c, reply);
	if (op_flag(c->request, "dry_run"))
		return 0;
	if (hold_all(c) < 0)
		return -1;
	if (change_chain(c) < 0)
		return give_up(c);
	if (finish_commit(c, reply) < 0)
		return -1;
	commit_steps_reply_end(c, reply);
	return 0;
}

int op_commit(struct session *s, const struct kv *request, struct buf *reply)
{
	struct commit *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return err_set(ST_FAILED, "out of memory");
	c->session = s;
	c->request = request;
	r = commit_live_is_wanted(c) ? commit_live_run(c, reply) : run_commit(c, reply);
	commit_plan_close(c);
	free(c);
	return r;
}
