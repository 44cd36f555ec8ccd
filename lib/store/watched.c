/*
 * watched: see watched.h.
 */
#include "lib/store/watched.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "lib/base/err.h"
#include "lib/format/content.h"
#include "lib/format/qcow2_watermark.h"
#include "lib/store/image.h"
#include "lib/store/resize.h"

static int measure_file(struct image *img, struct watched_numbers *out)
{
	struct statvfs fs;

	if (img->ops->allocated(img, &out->allocation) < 0)
		return -1;
	if (fstatvfs(img->fd, &fs) < 0)
		return err_sys("cannot get the free space of its filesystem");
	out->free = (uint64_t)fs.f_bavail * fs.f_frsize;
	out->is_file = true;
	return 0;
}

/* Only a qcow2 layer can need more than the device on which it is. */
static int measure_device(struct image *img, const struct content *c, struct watched_numbers *out)
{
	if (strcmp(c->format, "qcow2") != 0)
		return err_set(ST_REFUSED,
			"holds a %s image, not a qcow2 layer: nothing can outgrow this device (a "
			"thin pool is watched by LVM itself)",
			c->format);
	if (qcow2_has_data_file(&c->qcow2))
		return err_set(ST_REFUSED,
			"has its data in another file, which has to be watched instead");
	return qcow2_watermark_soon(&c->qcow2, img->fd, img->len, &out->allocation);
}

/* What looks like an archive is not one: it is watched because a guest writes to it. */
static int parse_content(struct image *img, struct content *c)
{
	size_t n = img->len < QCOW2_HEADER_MAX ? (size_t)img->len : QCOW2_HEADER_MAX;
	uint8_t *head;
	int r;

	if (foreign_read(&c->foreign, img->fd, img->len) < 0)
		return -1;
	if (c->foreign.format) {
		c->format = c->foreign.format;
		return 0;
	}
	head = malloc(QCOW2_HEADER_MAX);
	r = head ? image_read(img, head, n, 0) : err_set(ST_FAILED, "out of memory");
	if (r == 0)
		r = content_parse(c, head, n);
	free(head);
	return r;
}

static int measure_content(struct image *img, struct content *c, struct watched_numbers *out)
{
	bool is_qcow2;

	if (parse_content(img, c) < 0)
		return -1;
	if (*c->damaged)
		return err_set(ST_CORRUPT, "%s", c->damaged);
	is_qcow2 = strcmp(c->format, "qcow2") == 0;
	out->capacity = is_qcow2	    ? c->qcow2.size
			: c->foreign.format ? c->foreign.capacity
					    : img->len;
	out->is_dirty = is_qcow2 && c->qcow2.incompatible & QCOW2_DIRTY;
	out->physical = img->len;
	identity_of(&img->st, out->identity);
	out->st = img->st;
	return S_ISBLK(img->st.st_mode) ? measure_device(img, c, out) : measure_file(img, out);
}

static int measure_image(struct image *img, struct watched_numbers *out)
{
	struct content *c = calloc(1, sizeof(*c));
	int r = c ? 0 : err_set(ST_FAILED, "out of memory");

	snprintf(out->path, sizeof(out->path), "%s", img->place->path);
	if (r == 0 && img->fd < 0)
		r = err_set(ST_REFUSED, "cannot be watched: it has no file or device");
	if (r == 0)
		r = measure_content(img, c, out);
	free(c);
	return r;
}

int watched_measure(struct watched *w, struct watched_numbers *out)
{
	struct place *place = w->place ? w->place : place_open(w->policy, w->path);
	struct image *img = place ? image_open(place) : NULL;
	int (*remember)(struct image *);
	int r;

	w->place = NULL;
	memset(out, 0, sizeof(*out));
	if (!img)
		return -1;
	remember = img->place->backend->remember;
	r = measure_image(img, out);
	if (r == 0 && remember)
		r = remember(img);
	if (r == 0) {
		w->place = img->place;
		img->place = NULL;
	}
	image_close(img);
	return r;
}

void watched_fini(struct watched *w)
{
	place_close(w->place);
	w->place = NULL;
}

struct watch_state watched_state(const struct watched_numbers *n)
{
	return (struct watch_state){ .capacity = n->capacity,
		.used = n->allocation,
		.size = n->is_file ? n->allocation + n->free : n->physical };
}

struct image *watched_open_storage(const struct watched *w, struct backend_space *space)
{
	struct place *place = place_open(w->policy, w->path);
	struct image *img = place ? image_open(place) : NULL;
	const struct backend *b = img ? img->place->backend : NULL;

	memset(space, 0, sizeof(*space));
	if (img && b->space && b->space(img, space) < 0) {
		image_close(img);
		return NULL;
	}
	return img;
}

int watched_extend(struct image *img, uint64_t to, uint64_t *size)
{
	const struct resize_want want = { .in_use = true, .unzeroed = true };
	struct resize *r = resize_open(img, &want);
	int ret = -1;

	if (r && r->from >= to)
		err_set(ST_BUSY, "its size was changed meanwhile");
	else if (r && resize_plan(r, to) == 0 && resize_begin(r) == 0 && resize_grow(r) == 0)
		ret = resize_finish(r);
	if (ret == 0)
		*size = r->len;
	resize_close(r);
	return ret;
}
