/*
 * memstore: a backend whose images are in memory.  /mem is its only container, and
 * /mem/NAME are its images.  There is no descriptor of anything.
 *
 * It knows the library's headers for backends and nothing else, as any further backend.
 */
#ifndef IMG_MEMSTORE_H
#define IMG_MEMSTORE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/store/backend.h"
#include "lib/store/image.h"
#include "lib/store/info.h"
#include "lib/store/target_ops.h"
#include "tests/unit/memplace.h"

struct memimage {
	struct image base;
	const struct memfile *file;
	unsigned changes; /* of it, when it was held */
};

static inline ssize_t memimage_read(struct image *base, void *p, size_t n, uint64_t off)
{
	const struct memfile *f = ((const struct memimage *)base)->file;

	if (off >= f->len)
		return 0;
	n = n < f->len - off ? n : (size_t)(f->len - off);
	memcpy(p, f->data + off, n);
	return (ssize_t)n;
}

static inline bool memstore_is_zero(const struct memfile *f, uint64_t page)
{
	static const uint8_t zeros[MEMSTORE_PAGE];

	return memcmp(f->data + page, zeros, MEMSTORE_PAGE) == 0;
}

static inline int memimage_extent(struct image *base, uint64_t off, uint64_t *start, uint64_t *end)
{
	const struct memfile *f = ((const struct memimage *)base)->file;

	while (off < base->len && memstore_is_zero(f, off - off % MEMSTORE_PAGE))
		off += MEMSTORE_PAGE - off % MEMSTORE_PAGE;
	if (off >= base->len)
		return 0;
	*start = off;
	while (off < base->len && !memstore_is_zero(f, off - off % MEMSTORE_PAGE))
		off += MEMSTORE_PAGE - off % MEMSTORE_PAGE;
	*end = off < base->len ? off : base->len;
	return 1;
}

static inline int memimage_allocated(struct image *base, uint64_t *out)
{
	const struct memfile *f = ((const struct memimage *)base)->file;
	uint64_t off;

	*out = 0;
	for (off = 0; off < base->len; off += MEMSTORE_PAGE)
		*out += memstore_is_zero(f, off) ? 0 : MEMSTORE_PAGE;
	return 0;
}

static inline int memimage_use(struct image *base, struct inuse *u)
{
	(void)base;
	memset(u, 0, sizeof(*u));
	return 0;
}

static inline int memimage_is_unfinished(struct image *base)
{
	return ((const struct memimage *)base)->file->is_unfinished;
}

static inline int memimage_check(struct image *base)
{
	return ((const struct memimage *)base)->file->len == base->len
		       ? 0
		       : err_set(ST_CORRUPT, "the source is no longer what it was");
}

static inline int memimage_check_unwritten(struct image *base)
{
	const struct memimage *img = (const struct memimage *)base;

	return img->file->changes == img->changes
		       ? 0
		       : err_set(ST_CORRUPT, "the source was written to while it was read");
}

static inline void memimage_release(struct image *base)
{
	(void)base;
	memstore_held--;
}

static inline struct image *memimage_open(struct place *place)
{
	static const struct image_ops ops = {
		.read = memimage_read,
		.extent = memimage_extent,
		.allocated = memimage_allocated,
		.use = memimage_use,
		.is_unfinished = memimage_is_unfinished,
		.check = memimage_check,
		.check_unwritten = memimage_check_unwritten,
		.release = memimage_release,
	};
	const struct memfile *f = memplace_file(place);
	struct memimage *img;

	if (!f) {
		place_close(place);
		return NULL;
	}
	img = image_new(sizeof(*img), &ops, "memory", place);
	if (!img)
		return NULL;
	memstore_held++;
	img->file = f;
	img->changes = f->changes;
	img->base.len = f->len;
	return &img->base;
}

struct memtarget {
	struct target base;
	struct memfile *old; /* what it replaces, or fills */
	bool fills;
	bool was_unfinished;
	struct memfile own; /* a new one until it has its name */
};

static inline struct memfile *memtarget_file(struct target *base)
{
	struct memtarget *t = (struct memtarget *)base;

	return t->fills ? t->old : &t->own;
}

static inline ssize_t memtarget_peek(struct target *base, void *p, size_t n)
{
	const struct memtarget *t = (const struct memtarget *)base;

	if (!t->fills)
		return 0;
	n = n < t->old->len ? n : (size_t)t->old->len;
	memcpy(p, t->old->data, n);
	return (ssize_t)n;
}

/* Several threads write, each another range. */
static inline int memtarget_write(struct target *base, const void *p, size_t n, uint64_t off)
{
	memcpy(memtarget_file(base)->data + off, p, n);
	return 0;
}

static inline int memtarget_zero(struct target *base, uint64_t len, uint64_t off)
{
	memset(memtarget_file(base)->data + off, 0, len);
	return 0;
}

static inline int memtarget_set_len(struct target *base, uint64_t len)
{
	struct memfile *f = memtarget_file(base);

	memset(f->data + len, 0, MEMSTORE_SPACE - len);
	if (f != ((struct memtarget *)base)->old)
		f->len = len;
	return 0;
}

/* There is no disk to sync. */
static inline int memtarget_settle(struct target *base)
{
	(void)base;
	return 0;
}

static inline int memtarget_commit(struct target *base)
{
	struct memtarget *t = (struct memtarget *)base;
	struct memfile *to = t->old;
	size_t i;

	if (t->fills) {
		to->is_unfinished = false;
		memstore_held--;
		return 0;
	}
	for (i = 0; !to && i < MEMSTORE_FILES; i++)
		if (!memstore[i].name[0])
			to = &memstore[i];
	if (!to)
		return err_set(ST_NOROOM, "the memory has no more names");
	free(to->data);
	*to = t->own;
	snprintf(to->name, sizeof(to->name), "%s", base->place->name);
	to->serial = ++memstore_serial;
	memstore_held--;
	return 0;
}

static inline void memtarget_abort(struct target *base)
{
	struct memtarget *t = (struct memtarget *)base;

	if (t->fills && !atomic_load(&base->touched))
		t->old->is_unfinished = t->was_unfinished;
	free(t->own.data);
	memstore_held--;
}

static const struct target_ops memtarget_ops = {
	.peek = memtarget_peek,
	.write = memtarget_write,
	.zero = memtarget_zero,
	.set_len = memtarget_set_len,
	.settle = memtarget_settle,
	.commit = memtarget_commit,
	.abort = memtarget_abort,
};

static inline int memtarget_prepare(struct memtarget *t)
{
	const struct target_want *want = &t->base.want;
	char id[IDENTITY_MAX];

	if (t->old && want->source_id && memplace_identify(t->base.place, id) == 0 &&
		strcmp(id, want->source_id) == 0)
		return err_set(ST_REFUSED, "source and target are the same image");
	if (t->old && !t->fills && !want->overwrite)
		return err_set(ST_EXISTS, "exists already");
	t->base.space = t->fills ? t->old->len : MEMSTORE_SPACE;
	if (target_check_len(&t->base) < 0)
		return -1;
	if (want->dry_run)
		return 0;
	if (t->fills) {
		t->old->is_unfinished = true;
		t->old->changes++;
		return 0;
	}
	t->own.len = want->len == TARGET_LEN_UNKNOWN ? 0 : want->len;
	t->own.data = calloc(1, MEMSTORE_SPACE);
	return t->own.data ? 0 : err_set(ST_FAILED, "out of memory");
}

static inline struct target *memtarget_open(
	struct place *place, const struct target_want *want, bool fills)
{
	struct memfile *old = memplace_file(place);
	struct memtarget *t;

	if (!old && (fills || place->is_container)) {
		place_close(place);
		return NULL;
	}
	err_clear();
	t = target_new(sizeof(*t), &memtarget_ops, place, want);
	if (!t)
		return NULL;
	memstore_held++;
	t->old = old;
	t->fills = fills;
	t->was_unfinished = old && old->is_unfinished;
	if (memtarget_prepare(t) == 0)
		return &t->base;
	target_abort(&t->base);
	return NULL;
}

static inline struct target *memtarget_make(struct place *place, const struct target_want *want)
{
	return memtarget_open(place, want, false);
}

static inline struct target *memtarget_fill(struct place *place, const struct target_want *want)
{
	return memtarget_open(place, want, true);
}

static inline int memstore_remove(const struct place *p, const struct change_want *want)
{
	struct memfile *f = memplace_file(p);

	if (!f)
		return -1;
	if (!want->dry_run) {
		free(f->data);
		memset(f, 0, sizeof(*f));
	}
	return 0;
}

static inline int memstore_rename(
	const struct place *p, const char *name, const struct change_want *want)
{
	struct memfile *f = memplace_file(p);

	if (!f)
		return -1;
	if (memstore_get(name))
		return err_set(ST_EXISTS, "'%s' exists already", name);
	if (!want->dry_run)
		snprintf(f->name, sizeof(f->name), "%s", name);
	return 0;
}

static inline int memstore_list(
	const struct place *container, bool recursive, backend_each *each, void *arg)
{
	struct buf record = BUF_INIT;
	struct place *p;
	size_t i;
	int r = 0;

	(void)recursive;
	for (i = 0; r == 0 && i < MEMSTORE_FILES; i++) {
		if (!memstore[i].name[0])
			continue;
		buf_clear(&record);
		p = place_child(container, memstore[i].name);
		r = p ? info_collect(p, NULL, &record) : -1;
		if (r == 0)
			r = each(arg, &record);
	}
	buf_fini(&record);
	return r;
}

static const struct backend backend_memstore = {
	.kind = "memory",
	.find = memplace_find,
	.child = memplace_beside,
	.beside = memplace_beside,
	.identify = memplace_identify,
	.describe = memplace_describe,
	.open = memimage_open,
	.make = memtarget_make,
	.fill = memtarget_fill,
	.remove = memstore_remove,
	.rename = memstore_rename,
	.list = memstore_list,
	.release = memplace_release,
};

#endif
