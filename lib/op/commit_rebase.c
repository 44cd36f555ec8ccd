/*
 * commit_rebase: qemu-img writes the header of CHILD, and opens no other file for that.
 */
#include "lib/op/commit_rebase.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/child.h"
#include "lib/base/err.h"
#include "lib/base/pathname.h"
#include "lib/op/commit_node.h"
#include "lib/op/qemu_img.h"
#include "lib/store/recorded.h"

/* What a name means that an image records which is itself named `from`.  NULL recorded. */
static char *follow_name(const char *from, const char *name)
{
	char *dir, *path;

	if (*name == '/' || !strchr(from, '/') || !recorded_is_path(name) ||
		strncmp(name, "file:", 5) == 0) {
		path = strdup(name);
		if (!path)
			err_set(ST_FAILED, "out of memory");
		return path;
	}
	dir = pathname_parent(from);
	path = dir ? pathname_join(dir, name) : NULL;
	free(dir);
	return path;
}

/* The names that lead from CHILD to BASE, as one.  NULL recorded. */
static char *join_names(const struct commit *c)
{
	char *name = strdup(commit_layer(c, c->child).qcow2->backing), *next;
	unsigned i;

	if (!name)
		err_set(ST_FAILED, "out of memory");
	for (i = c->child + 1; name && i < c->base; i++) {
		next = follow_name(name, commit_layer(c, i).qcow2->backing);
		free(name);
		name = next;
	}
	return name;
}

/* Whether a name is relative, and leads from CHILD to BASE.  1, 0, or -1 recorded. */
static int is_usable(const struct commit *c, const char *name)
{
	const struct disk_layer base = commit_layer(c, c->base);
	const struct place *child = commit_layer(c, c->child).img->place;

	if (*commit_layer(c, c->child).qcow2->backing == '/' || *name == '/' ||
		strncmp(name, "file:", 5) == 0 || strlen(name) > QCOW2_BACKING_MAX)
		return 0;
	return recorded_leads_to(
		child->policy, child->spelled, name, base.id, base.img->place->path);
}

/*
 * The absolute name of BASE.  As it was spelled, since a name that it records itself starts there,
 * and links in it may be meant; but without "..", which its resolved path does not have.
 */
static const char *absolute_name(const struct commit *c)
{
	const struct place *base = commit_layer(c, c->base).img->place;

	return strstr(base->spelled, "/../") && !base->is_link ? base->path : base->spelled;
}

/* QEMU would find that out when BASE is written already. */
static int check_room(const struct commit *c)
{
	const char *format = commit_layer(c, c->base).qcow2 ? "qcow2" : "raw";
	unsigned room = qcow2_backing_room(commit_layer(c, c->child).qcow2, strlen(format));

	if (strlen(c->backing) <= room)
		return 0;
	return err_set(ST_REFUSED,
		"the name '%s' is too long to be recorded in '%s', which has space for %u bytes",
		c->backing, commit_path(c, c->child), room);
}

int commit_rebase_plan(struct commit *c)
{
	char *name = join_names(c);
	int usable = name ? is_usable(c, name) : -1;

	if (usable == 0) {
		free(name);
		name = strdup(absolute_name(c));
		usable = name ? 0 : err_set(ST_FAILED, "out of memory");
	}
	c->backing = name;
	if (usable < 0)
		return -1;
	return check_room(c);
}

static int change_header(const struct commit *c, const char *node)
{
	const char *format = commit_layer(c, c->base).qcow2 ? "qcow2" : "raw";
	const char *const argv[] = { "qemu-img", "rebase", "-q", "-u", "-F", format, "-b",
		c->backing, node, NULL };
	struct buf errors = BUF_INIT;
	const struct child child = { .argv = argv,
		.keep_fd = c->held[c->child]->fd,
		.own_session = true,
		.errors = &errors };
	int status = child_run(&child);

	if (status > 0)
		commit_node_failed("rebase", status, &errors, node);
	buf_fini(&errors);
	return status == 0 ? 0 : -1;
}

int commit_rebase_run(struct commit *c)
{
	struct buf node = BUF_INIT;
	int r;

	commit_node_begin(&node);
	commit_node_add_alone(&node, c->held[c->child]->fd);
	r = buf_failed(&node);
	if (r == 0)
		r = change_header(c, buf_str(&node));
	buf_fini(&node);
	return r < 0 ? -1 : held_sync(c->held[c->child]);
}
