/*
 * disk_image: a request goes down the layers until one has the bytes.
 */
#include "lib/store/disk_image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/format/content.h"
#include "lib/format/qcow2_tables.h"
#include "lib/store/backend.h"
#include "lib/store/disk_image_state.h"
#include "lib/store/disk_use.h"
#include "lib/store/recorded.h"

#define EXTENT_MAX (64u << 20) /* bytes of neighbouring data that are found at once */

/* A part of the disk, and the layer that has it; layer is NULL: zeros. */
struct part {
	struct layer *layer;
	struct qcow2_run run; /* off and len always; the rest of a qcow2 layer */
};

/* Finds what is at off, and how far that goes on, at most max bytes.  0, or -1 recorded. */
static int find_part(struct disk_image *d, uint64_t off, uint64_t max, struct part *part)
{
	struct layer *l;
	uint64_t start, end;
	unsigned i;
	int r;

	*part = (struct part){ .run = { .off = off, .len = max } };
	for (i = 0; i < d->count; i++) {
		l = d->layer[i];
		if (off >= l->len)
			return 0; /* it is shorter than the layer above it */
		if (max > l->len - off)
			max = l->len - off;
		if (l->is_qcow2) {
			if (qcow2_map_at(&l->qcow2.map, off, max, &part->run) < 0)
				return -1;
			max = part->run.len;
			if (part->run.kind == QCOW2_UNALLOCATED)
				continue;
			part->layer = part->run.kind == QCOW2_ZEROS ? NULL : l;
			return 0;
		}
		r = l->img->ops->extent(l->img, off, &start, &end);
		if (r < 0)
			return -1;
		part->layer = r && start <= off ? l : NULL;
		end = !r ? l->len : start > off ? start : end;
		part->run.len = end - off < max ? end - off : max;
		return 0;
	}
	part->run.len = max;
	return 0;
}

static int read_part(const struct part *part, void *p)
{
	const struct qcow2_run *run = &part->run;

	if (!part->layer) {
		memset(p, 0, run->len);
		return 0;
	}
	if (!part->layer->is_qcow2)
		return image_read(part->layer->img, p, run->len, run->off);
	return qcow2_layer_read(&part->layer->qcow2, run, run->off, p, run->len);
}

/* Reads the part that begins at off.  Several threads read at once, each a part of its own. */
static int find_and_read(struct disk_image *d, void *p, size_t n, uint64_t off, size_t *got)
{
	struct part part;
	int r;

	pthread_mutex_lock(&d->lock);
	r = find_part(d, off, n, &part);
	pthread_mutex_unlock(&d->lock);
	*got = (size_t)part.run.len;
	return r < 0 ? -1 : read_part(&part, p);
}

static ssize_t disk_read(struct image *img, void *p, size_t n, uint64_t off)
{
	struct disk_image *d = (struct disk_image *)img;
	size_t done, got;

	if (off >= img->len)
		return 0;
	if (n > img->len - off)
		n = (size_t)(img->len - off);
	for (done = 0; done < n; done += got)
		if (find_and_read(d, (uint8_t *)p + done, n - done, off + done, &got) < 0) {
			errno = IMAGE_READ_RECORDED;
			return -1;
		}
	return (ssize_t)n;
}

static int find_extent(struct disk_image *d, uint64_t off, uint64_t *start, uint64_t *end)
{
	struct part part;

	for (;; off += part.run.len) {
		if (off >= d->base.len)
			return 0;
		if (find_part(d, off, d->base.len - off, &part) < 0)
			return -1;
		if (part.layer)
			break;
	}
	*start = off;
	*end = off + part.run.len;
	while (*end < d->base.len && *end - *start < EXTENT_MAX) {
		if (find_part(d, *end, d->base.len - *end, &part) < 0)
			return -1;
		if (!part.layer)
			break;
		*end += part.run.len;
	}
	return 1;
}

static int disk_extent(struct image *img, uint64_t off, uint64_t *start, uint64_t *end)
{
	struct disk_image *d = (struct disk_image *)img;
	int r;

	pthread_mutex_lock(&d->lock);
	r = find_extent(d, off, start, end);
	pthread_mutex_unlock(&d->lock);
	return r;
}

static struct image *top_of(const struct image *img)
{
	return ((const struct disk_image *)img)->layer[0]->img;
}

static int disk_allocated(struct image *img, uint64_t *out)
{
	return top_of(img)->ops->allocated(top_of(img), out);
}

static int disk_is_unfinished(struct image *img)
{
	return top_of(img)->ops->is_unfinished(top_of(img));
}

static void free_layer(struct layer *l, bool is_top)
{
	if (l->is_ready)
		qcow2_layer_fini(&l->qcow2);
	image_close(l->data);
	if (!is_top)
		image_close(l->img);
	free(l);
}

static void disk_release(struct image *img)
{
	struct disk_image *d = (struct disk_image *)img;

	while (d->count > 0) {
		d->count--;
		free_layer(d->layer[d->count], d->count == 0);
	}
	qcow2_unpack_fini(&d->unpack);
	pthread_mutex_destroy(&d->lock);
}

static const struct image_ops ops = {
	.read = disk_read,
	.extent = disk_extent,
	.allocated = disk_allocated,
	.use = disk_use_look,
	.is_unfinished = disk_is_unfinished,
	.check = disk_use_check,
	.check_unwritten = disk_use_check_unwritten,
	.hold = disk_use_hold,
	.release = disk_release,
};

/* Opens the image at a place, which it takes over, as top was opened.  NULL recorded. */
static struct image *open_below(const struct disk_image *d, struct place *place)
{
	struct image *img = image_open(place);
	int r;

	if (!img)
		return NULL;
	img->may_change = d->layer[0]->img->may_change;
	r = img->may_change ? 0 : image_hold(img);
	if (r == 0 && (d->any_state || image_refuse_unfinished_layer(img) == 0))
		return img;
	image_close(img);
	return NULL;
}

/* The external data file of a layer.  0, or -1 recorded. */
static int open_data_file(
	struct disk_image *d, struct layer *l, const struct qcow2 *q, const struct place *named)
{
	struct place *place;

	if (!qcow2_has_data_file(q))
		return 0;
	if (!*q->data_file)
		return err_set(ST_REFUSED, "does not name its external data file");
	place = recorded_place(named, q->data_file);
	l->data = place ? open_below(d, place) : NULL;
	if (!l->data)
		return err_wrap("external data file '%s'", q->data_file);
	if (l->data->fd < 0)
		return err_set(ST_REFUSED, "the external data file has no descriptor");
	return 0;
}

static int open_qcow2(struct disk_image *d, struct layer *l, const struct place *named)
{
	const struct qcow2 *q = &l->img->content->qcow2;

	if (l->img->fd < 0)
		return err_set(ST_REFUSED, "is qcow2 in an image that has no descriptor");
	if (q->incompatible & QCOW2_CORRUPT)
		return err_set(ST_CORRUPT, "is marked as corrupt (see img-verify)");
	if (qcow2_tables_check(q, l->img->fd, l->img->len) < 0 ||
		open_data_file(d, l, q, named) < 0 ||
		qcow2_layer_init(&l->qcow2, q, l->img->fd, l->img->len, l->data ? l->data->fd : -1,
			&d->unpack) < 0)
		return -1;
	l->is_qcow2 = l->is_ready = true;
	l->len = q->size;
	return 0;
}

/* QEMU takes a layer of no recorded format for what it looks like. */
static void warn_of_unrecorded(struct image *img)
{
	const struct content *c = image_content(img);

	err_clear();
	if (c && !c->is_archive &&
		(*c->damaged ? !c->archive.bad_header : strcmp(c->format, "raw") != 0))
		log_warn("warning: %s: its format is not recorded in the layer above it, so it is "
			 "read as raw, but it does not look raw (see qemu-img rebase -u -F)",
			img->place->path);
}

/* format: as it is recorded, "" if it is not; NULL: of the uppermost layer. */
static int open_layer(
	struct disk_image *d, struct layer *l, const char *format, const struct place *named)
{
	const struct content *c;

	if (format && (!*format || strcmp(format, "raw") == 0)) {
		l->len = l->img->len;
		if (!*format && !d->any_state) /* else the caller looks */
			warn_of_unrecorded(l->img);
		return 0;
	}
	if (format && strcmp(format, "qcow2") != 0)
		return err_set(
			ST_REFUSED, "is a %s image, which cannot be read as a layer", format);
	c = image_content(l->img);
	if (!c)
		return -1;
	if (*c->damaged)
		return err_set(ST_CORRUPT, "%s", c->damaged);
	if (!c->is_archive && strcmp(c->format, "qcow2") == 0)
		return open_qcow2(d, l, named);
	if (format)
		return err_set(ST_CORRUPT, "is not a qcow2 image, as the layer above it records");
	return err_set(
		ST_REFUSED, "is a %s image, and only the layers of qcow2 can be read", c->format);
}

static int check_loop(const struct disk_image *d, const char *id)
{
	unsigned i;

	for (i = 0; *id && i < d->count; i++)
		if (strcmp(d->layer[i]->id, id) == 0)
			return err_set(ST_CORRUPT, "is also a layer above itself");
	return 0;
}

/* Adds a layer; of a lower one img is taken over, also on failure.  0, or -1 recorded. */
static int add_layer(
	struct disk_image *d, struct image *img, const struct place *named, const char *format)
{
	struct layer *l = calloc(1, sizeof(*l));
	bool is_top = d->count == 0;

	if (!l) {
		if (!is_top)
			image_close(img);
		return err_set(ST_FAILED, "out of memory");
	}
	l->img = img;
	if (named->backend->identify(named, l->id) < 0)
		l->id[0] = '\0';
	if (check_loop(d, l->id) < 0) {
		free_layer(l, is_top);
		return -1;
	}
	d->layer[d->count++] = l;
	return open_layer(d, l, format, named);
}

/* The layer below the last one: 1; 0: there is none; -1 recorded. */
static int add_below(struct disk_image *d, const struct place *named)
{
	const struct layer *above = d->layer[d->count - 1];
	const struct qcow2 *q;
	struct place *place;
	struct image *img;

	if (!above->is_qcow2)
		return 0;
	q = &above->img->content->qcow2;
	if (!*q->backing)
		return 0;
	if (d->count == CHAIN_LAYERS_MAX)
		return err_set(ST_CORRUPT, "the chain has more than %d layers", CHAIN_LAYERS_MAX);
	place = recorded_place(named, q->backing);
	img = place ? open_below(d, place) : NULL;
	if (!img || add_layer(d, img, img->place, q->backing_format) < 0) {
		if (err_status() == ST_ABSENT)
			err_set(ST_CORRUPT, "%s", err_text()); /* the image itself exists */
		return err_wrap("backing file '%s'", q->backing);
	}
	return 1;
}

static struct image *open_disk(struct image *top, const struct place *named, bool any_state)
{
	struct disk_image *d = image_new(sizeof(*d), &ops, top->kind, NULL);
	int r;

	if (!d)
		return NULL;
	pthread_mutex_init(&d->lock, NULL);
	qcow2_unpack_init(&d->unpack);
	d->any_state = any_state;
	r = add_layer(d, top, named, NULL) < 0 ? -1 : 1;
	while (r == 1)
		r = add_below(d, d->count > 1 ? d->layer[d->count - 1]->img->place : named);
	if (r < 0) {
		image_close(&d->base);
		return NULL;
	}
	d->base.len = d->layer[0]->len;
	return &d->base;
}

struct image *disk_image_open(struct image *top, const struct place *named)
{
	return open_disk(top, named, false);
}

struct image *disk_image_open_any(struct image *top, const struct place *named)
{
	return open_disk(top, named, true);
}
