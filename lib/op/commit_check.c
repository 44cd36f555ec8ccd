/*
 * commit_check: what is read has changed since the layer was opened, so the header is read again.
 */
#include "lib/op/commit_check.h"

#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/format/content.h"
#include "lib/format/qcow2_tables.h"
#include "lib/op/commit_space.h"
#include "lib/op/qemu_check.h"

static int check_fd(const struct commit *c, int fd, struct content *content, bool *leaks)
{
	struct commit_numbers n;

	if (commit_space_numbers(fd, true, &n) < 0 ||
		content_read(content, fd, n.physical, true) < 0 ||
		qcow2_tables_check(&content->qcow2, fd, n.physical) < 0)
		return -1;
	return qemu_check_layer(fd, &content->qcow2, n.allocation,
		c->is_live ? QEMU_CHECK_LIVE : QEMU_CHECK_LOCKED, leaks);
}

static int check_depth(const struct commit *c, unsigned depth, bool *leaks)
{
	const struct disk_layer l = commit_layer(c, depth);
	struct content *content;
	int r;

	*leaks = false;
	if (!l.qcow2)
		return 0;
	content = malloc(sizeof(*content));
	r = content ? check_fd(c, c->held[depth] ? c->held[depth]->fd : l.img->fd, content, leaks)
		    : err_set(ST_FAILED, "out of memory");
	free(content);
	return r < 0 ? err_wrap("layer '%s'", commit_path(c, depth)) : 0;
}

bool commit_check_is_dirty(const struct commit *c)
{
	const struct qcow2 *q = commit_layer(c, c->base).qcow2;

	return c->was_begun && !c->is_rebased && !c->is_live && q &&
	       (q->incompatible & QCOW2_DIRTY);
}

int commit_check_repair(const struct commit *c)
{
	const struct disk_layer b = commit_layer(c, c->base);
	bool leaks;
	int r;

	r = qcow2_tables_check(b.qcow2, b.img->fd, b.img->len);
	if (r == 0)
		r = qemu_check_repair(c->held[c->base]->fd, b.qcow2);
	return r < 0 ? err_wrap("layer '%s'", b.img->place->path) : check_depth(c, c->base, &leaks);
}

int commit_check_before(const struct commit *c)
{
	bool leaks;

	if (c->is_live || c->is_rebased)
		return 0;
	if (!commit_check_is_dirty(c) && check_depth(c, c->base, &leaks) < 0)
		return -1;
	return c->has_child ? check_depth(c, c->child, &leaks) : 0;
}

int commit_check_layer(const struct commit *c, unsigned depth)
{
	bool leaks;

	if (check_depth(c, depth, &leaks) < 0)
		return -1;
	/* Of a guest that runs, QEMU may have written the counts, and the references not yet. */
	if (leaks && !c->is_live)
		log_warn("warning: %s: some clusters are leaked: they take space, but do no other "
			 "harm (see qemu-img check -r leaks)",
			commit_path(c, depth));
	return 0;
}
