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

	if (commit_space_numbers(fd, true, &n) < 0 || content_read(content, fd, n.physical) < 0 ||
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

int commit_check_before(const struct commit *c)
{
	bool leaks;

	if (c->is_live || c->is_rebased)
		return 0;
	if (check_depth(c, c->base, &leaks) < 0)
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
