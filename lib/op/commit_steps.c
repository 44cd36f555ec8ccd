/*
 * commit_steps: see commit_steps.h.
 */
#include "lib/op/commit_steps.h"

#include <string.h>
#include <sys/stat.h>

#include "lib/base/kv.h"
#include "lib/base/size.h"
#include "lib/op/commit_check.h"

static void add_layers(const struct commit *c, struct buf *reply)
{
	unsigned i;

	for (i = 0; i < c->record.count; i++)
		kv_add(reply, "layer", c->record.layer[i]);
	for (i = c->top; !c->is_rebased && i < c->base; i++)
		kv_add_u64(reply, "layer.bytes", c->bytes[i]);
}

static void add_commit_steps(const struct commit *c, struct buf *reply)
{
	const char *base = commit_path(c, c->base);
	char a[SIZE_HUMAN], b[SIZE_HUMAN];
	unsigned i;

	if (c->takes_up) {
		kv_addf(reply, "step", "follow the job '%s', which is running already", c->job);
		return;
	}
	kv_addf(reply, "step", "mark '%s' as unfinished", base);
	if (c->to)
		kv_addf(reply, "step", "enlarge '%s' from %s to %s (%llu bytes)", base,
			size_human(c->from, a), size_human(c->to, b), (unsigned long long)c->to);
	if (commit_check_is_dirty(c))
		kv_addf(reply, "step", "repair the reference counts of '%s'", base);
	for (i = c->base; i-- > c->top;)
		kv_addf(reply, "step", "commit '%s' into '%s', at most %s", commit_path(c, i), base,
			size_human(c->bytes[i], a));
	if (c->is_live)
		kv_addf(reply, "step", "all of it as the job '%s', while the guest runs", c->job);
}

static void add_check_steps(const struct commit *c, struct buf *reply)
{
	/* What a guest writes to cannot be checked. */
	if (commit_layer(c, c->base).qcow2 && !c->is_active)
		kv_addf(reply, "step", "check '%s'", commit_path(c, c->base));
	if (c->has_child && !c->is_rebased)
		kv_addf(reply, "step", "record '%s' as the backing file of '%s'", c->backing,
			commit_path(c, c->child));
	if (c->has_child && (c->child > 0 || !c->is_live))
		kv_addf(reply, "step", "check '%s'", commit_path(c, c->child));
}

static void add_mark_step(const struct commit *c, struct buf *reply)
{
	kv_addf(reply, "step", "remove the mark of '%s'", commit_path(c, c->base));
}

static void add_steps(const struct commit *c, struct buf *reply)
{
	const char *image = c->image->place->path;
	bool is_top = strcmp(c->record.layer[0], image) == 0;
	unsigned i;

	if (!c->is_rebased)
		add_commit_steps(c, reply);
	add_check_steps(c, reply);
	if (c->is_active) {
		add_mark_step(c, reply);
		kv_addf(reply, "step", "let the guest use '%s'", commit_path(c, c->base));
	}
	for (i = 0; c->deletes && i < c->record.count; i++)
		if (i > 0 || !is_top)
			kv_addf(reply, "step", "delete '%s'", c->record.layer[i]);
	if (!c->is_active)
		add_mark_step(c, reply);
	if (c->deletes && is_top)
		kv_addf(reply, "step", "delete '%s'", image);
}

static void add_numbers(
	struct buf *reply, const struct commit_numbers *n, const char *const keys[3])
{
	kv_add_u64(reply, keys[0], n->capacity);
	kv_add_u64(reply, keys[1], n->allocation);
	kv_add_u64(reply, keys[2], n->physical);
}

void commit_steps_reply(const struct commit *c, struct buf *reply)
{
	static const char *const keys[] = { "previous.capacity", "previous.allocation",
		"previous.physical" };

	kv_add(reply, "path", c->image->place->path);
	kv_add(reply, "base", commit_path(c, c->base));
	kv_add(reply, "base.format", commit_layer(c, c->base).qcow2 ? "qcow2" : "raw");
	add_numbers(reply, &c->before, keys);
	if (c->to)
		kv_add_u64(reply, "enlarged", c->to);
	add_layers(c, reply);
	if (c->has_child)
		kv_add(reply, "child", commit_path(c, c->child));
	kv_add(reply, "backing", c->backing);
	kv_add_bool(reply, "use", strcmp(c->record.layer[0], c->image->place->path) == 0);
	kv_add_bool(reply, "resumed", c->was_begun || c->takes_up);
	kv_add(reply, "job", c->is_live ? c->job : NULL);
	add_steps(c, reply);
}

void commit_steps_reply_end(const struct commit *c, struct buf *reply)
{
	static const char *const keys[] = { "capacity", "allocation", "physical" };

	add_numbers(reply, &c->after, keys);
}
