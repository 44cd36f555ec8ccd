/*
 * resizing: see resizing.h.
 */
#include "lib/op/resizing.h"

#include "lib/base/log.h"
#include "lib/base/size.h"
#include "lib/op/op.h"
#include "lib/op/resize_cut.h"
#include "lib/store/backend.h"

static bool flag(const struct resizing *z, const char *key)
{
	return op_flag(z->request, key);
}

static void add_fs_steps(const struct resizing *z, struct buf *reply)
{
	const char *type = z->fs.fs.extent.type;
	uint64_t was = z->fs.fs.extent.bytes;
	char size[SIZE_HUMAN];

	kv_addf(reply, "step", "check the %s filesystem, and repair what needs no decision", type);
	if (z->fs.bytes != was)
		kv_addf(reply, "step", "%s the %s filesystem to %s (%llu bytes)",
			z->fs.bytes < was ? "shrink" : "grow", type, size_human(z->fs.bytes, size),
			(unsigned long long)z->fs.bytes);
	kv_addf(reply, "step", "check the %s filesystem again", type);
}

/* What makes the way back, before and after the other steps. */
static void add_way_back(const struct resizing *z, struct buf *reply, bool before)
{
	bool copies = z->img->place->backend->resizes_copy;

	if (!z->with_fs)
		return;
	if (flag(z, "in_place"))
		kv_add(reply, "step", before ? "mark the image as unfinished" : "remove the mark");
	else if (copies)
		kv_add(reply, "step",
			before ? "copy the file, sharing its blocks where that is possible"
			       : "replace the file by the copy");
	else
		kv_add(reply, "step",
			before ? "take a snapshot, as the way back" : "remove the snapshot");
}

static void add_table_step(const struct resizing *z, struct buf *reply)
{
	bool moves = z->table.kind == PTABLE_GPT && !z->table.odd && !z->in_use && !z->child;
	char end[SIZE_HUMAN];

	if (z->with_fs && z->fs.table && z->fs.end != z->table.last_end)
		kv_addf(reply, "step", "let partition %u, the last, end at %s", z->table.last,
			size_human(z->fs.end, end));
	if (moves && z->r->len != z->r->from)
		kv_add(reply, "step", "move the backup of the GPT to the new end");
}

static void add_steps(const struct resizing *z, struct buf *reply)
{
	bool is_volume = z->img->place->backend->rounds_size;
	const struct resize *r = z->r;

	if (!is_volume || r->len <= r->from)
		add_way_back(z, reply, true);
	if (r->len > r->from) {
		kv_add(reply, "step", is_volume ? "extend the volume" : "extend the file");
		if (is_volume)
			kv_add(reply, "step", "zero the new space");
		if (is_volume)
			add_way_back(z, reply, true);
	}
	if (r->len < r->from && z->with_fs)
		add_fs_steps(z, reply);
	add_table_step(z, reply);
	if (r->len >= r->from && z->with_fs)
		add_fs_steps(z, reply);
	if (is_volume)
		add_way_back(z, reply, false);
	if (r->len < r->from)
		kv_add(reply, "step", "cut the image");
	if (!is_volume)
		add_way_back(z, reply, false);
}

void resizing_note(const struct resizing *z)
{
	char size[SIZE_HUMAN], untouched[RESIZE_UNTOUCHED_MAX];
	const char *path = z->img->place->path;

	if (z->r->len != z->asked)
		log_note("%s: rounded up to full extents: %s (%llu bytes)", path,
			size_human(z->r->len, size), (unsigned long long)z->r->len);
	if (z->r->len <= z->r->from)
		return;
	if (!z->in_use && !z->child && !z->with_fs)
		resize_cut_untouched(z->img->fd, z->table_len, &z->table, untouched);
	else
		*untouched = '\0';
	if (z->in_use)
		log_note("%s: is in use (%s), so what it holds is not touched; a guest of libvirt "
			 "is told by: virsh blockresize DOMAIN %s %lluB",
			path, z->who, path, (unsigned long long)z->r->len);
	else if (z->child)
		log_note("%s: '%s' needs it as it is, so its partition table does not change", path,
			z->child);
	else if (*untouched)
		log_note("%s: %s, which is left as it is", path, untouched);
}

void resizing_add_reply(const struct resizing *z, struct buf *reply)
{
	const struct resize *r = z->r;

	kv_add(reply, "path", z->img->place->path);
	kv_add_u64(reply, "previous", r->from);
	if (z->with_fs) {
		kv_add(reply, "filesystem", z->fs.fs.extent.type);
		kv_add_u64(reply, "filesystem_previous", z->fs.fs.extent.bytes);
		kv_add_u64(reply, "filesystem_size", z->fs.bytes);
	}
	if (z->smallest)
		kv_add_u64(reply, "smallest", z->smallest);
	kv_add_bool(reply, "is_estimate", z->smallest && z->with_fs);
	if (r->len != r->from || z->with_fs)
		add_steps(z, reply);
}
