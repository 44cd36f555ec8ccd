/*
 * info: opens the image once, then asks each module for what it knows.
 */
#include "lib/store/info.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/kv.h"
#include "lib/format/content.h"
#include "lib/format/probe.h"
#include "lib/format/qcow2_watermark.h"
#include "lib/store/backend.h"
#include "lib/store/image.h"
#include "lib/store/recorded.h"

#define EXTENTS_MAX (KV_BYTES_MAX / 4 * 3) /* bytes of a record until the last extent */

static void add_nonempty(struct buf *out, const char *key, const char *value)
{
	if (value[0])
		kv_add(out, key, value);
}

static void add_time(struct buf *out, const char *key, const struct timespec *t)
{
	kv_addf(out, key, "%lld.%09ld", (long long)t->tv_sec, t->tv_nsec);
}

static void add_stat(struct buf *out, int fd, const struct stat *st)
{
	char label[256];
	ssize_t n = fgetxattr(fd, "security.selinux", label, sizeof(label) - 1);

	kv_addf(out, "mode", "%04o", (unsigned)(st->st_mode & 07777));
	kv_add_u64(out, "owner", st->st_uid);
	kv_add_u64(out, "group", st->st_gid);
	if (n > 0) {
		label[n] = '\0';
		kv_add(out, "label", label);
	}
	add_time(out, "atime", &st->st_atim);
	add_time(out, "mtime", &st->st_mtim);
	add_time(out, "ctime", &st->st_ctim);
}

static void add_probe(struct buf *out, const struct probe *p)
{
	add_nonempty(out, "fs.type", p->fs_type);
	add_nonempty(out, "fs.label", p->fs_label);
	add_nonempty(out, "fs.uuid", p->fs_uuid);
	add_nonempty(out, "partitions", p->partitions);
}

static int add_backing(
	struct buf *out, const struct image *img, const struct content *c, struct info_layer *layer)
{
	const char *name = content_backing(c), *format = content_backing_format(c);

	if (!*name)
		return 0;
	kv_add(out, "backing.recorded", name);
	add_nonempty(out, "backing.format", format);
	if (info_layer_set_below(layer, img->place, name, format) < 0)
		return -1;
	kv_add(out, "backing.path", layer->below.path);
	return 0;
}

/* A number of an extent; "" keeps its place in the list if there is none. */
static void add_size_of(struct buf *out, const char *key, const struct recorded *r, uint64_t bytes)
{
	if (r->exists)
		kv_add_u64(out, key, bytes);
	else
		kv_add(out, key, "");
}

static int add_extents(struct buf *out, const struct image *img, const struct foreign *f)
{
	struct recorded r;
	const char *name;
	size_t at = 0, i;
	int ret = 0;

	/* Another user may have made more of them than fit into a record. */
	for (i = 0; ret == 0 && out->len < EXTENTS_MAX && (name = foreign_next_name(f, &at)); i++) {
		ret = recorded_look(&r, img->place, name);
		kv_add(out, "extent.recorded", name);
		kv_add(out, "extent.path", r.path ? r.path : "");
		kv_add_u64(out, "extent.capacity", f->bytes[i]);
		add_size_of(out, "extent.allocation", &r, r.allocation);
		add_size_of(out, "extent.physical", &r, r.physical);
		recorded_fini(&r);
	}
	return ret;
}

/* The file may be named by the user of the image and not by its header; then recorded is "". */
static int add_data_file(struct buf *out, const struct image *img, const struct qcow2 *q)
{
	struct recorded r;
	int ret;

	if (!qcow2_has_data_file(q))
		return 0;
	kv_add(out, "data_file.recorded", q->data_file);
	if (!q->data_file[0])
		return 0;
	ret = recorded_look(&r, img->place, q->data_file);
	kv_add(out, "data_file.path", r.path);
	if (r.exists) {
		kv_add_u64(out, "data_file.capacity", r.physical);
		kv_add_u64(out, "data_file.allocation", r.allocation);
		kv_add_u64(out, "data_file.physical", r.physical);
	}
	recorded_fini(&r);
	return ret;
}

/* The other files that the image needs. */
static int add_files(
	struct buf *out, const struct image *img, const struct content *c, struct info_layer *layer)
{
	if (add_backing(out, img, c, layer) < 0)
		return -1;
	return c->foreign.format ? add_extents(out, img, &c->foreign)
				 : add_data_file(out, img, &c->qcow2);
}

static void add_qcow2(struct buf *out, const struct qcow2 *q)
{
	char unknown[QCOW2_TEXT_MAX];
	unsigned i;

	kv_add_u64(out, "capacity", q->size);
	kv_add(out, "compat", q->version == 2 ? "0.10" : "1.1");
	kv_add_u64(out, "cluster_size", q->cluster_size);
	for (i = 0; i < QCOW2_FEATURES; i++)
		if (qcow2_feature(q, i))
			kv_add(out, "feature", qcow2_feature(q, i));
	for (i = 0; i < QCOW2_FEATURES; i++)
		kv_add(out, "feature", qcow2_unknown_feature(q, i, unknown));
}

/* Not known if the tables are damaged, or so odd that it takes long to find. */
static bool has_watermark(const struct image *img, const struct qcow2 *q, uint64_t *out)
{
	if (img->fd >= 0 && qcow2_watermark_soon(q, img->fd, img->len, out) == 0)
		return true;
	err_clear();
	return false;
}

/* How far QEMU has written to the image since it opened it; 0: it has not, or was not asked. */
static uint64_t live_end_of(const struct image *img, const struct info_layer *layer)
{
	const struct live_disk *disk = layer->live ? live_find(layer->live, &img->st) : NULL;

	return disk ? disk->end : 0;
}

/* q: of a qcow2 image whose watermark is wanted, or NULL. */
static int add_storage(
	struct buf *out, struct image *img, const struct qcow2 *q, const struct info_layer *layer)
{
	uint64_t allocation, mark, live = live_end_of(img, layer);

	if (img->ops->allocated(img, &allocation) < 0)
		return -1;
	if (q && has_watermark(img, q, &mark)) {
		kv_add_u64(out, "watermark", mark);
		if (S_ISBLK(img->st.st_mode))
			allocation = live > mark ? live : mark;
	}
	kv_add_u64(out, "allocation", allocation);
	kv_add_u64(out, "physical", img->len);
	return 0;
}

static void add_archive_info(struct buf *out, const struct archive *a)
{
	kv_add(out, "compression", "lzo");
	kv_add(out, "archive",
		!a->is_intact	       ? "truncated"
		: a->header.has_length ? "recorded"
				       : "plain");
	if (a->is_intact) /* else it is not known, whatever part of it exists */
		kv_add_u64(out, "capacity", a->len);
}

static int add_raw(struct buf *out, struct image *img, const struct info_layer *layer)
{
	struct probe p;

	memset(&p, 0, sizeof(p));
	kv_add_u64(out, "capacity", img->len);
	if (img->fd >= 0 && probe_fd(img->fd, img->len, &p) < 0)
		return -1;
	kv_add(out, "format", "raw");
	add_probe(out, &p);
	return add_storage(out, img, NULL, layer);
}

static int add_archive(
	struct buf *out, struct image *img, const struct content *c, struct info_layer *layer)
{
	bool is_raw = strcmp(c->format, "raw") == 0;
	struct probe p;

	memset(&p, 0, sizeof(p));
	add_archive_info(out, &c->archive);
	/* What libblkid finds in a qcow2 layer is not what the guest sees. */
	if (is_raw ? archive_probe(&c->archive, img->fd, img->len, &p) < 0
		   : add_files(out, img, c, layer) < 0)
		return -1;
	kv_add(out, "format", c->format);
	add_probe(out, &p);
	return add_storage(out, img, NULL, layer);
}

static int add_content_info(struct buf *out, struct image *img, struct info_layer *layer)
{
	const char *taken = layer->format && !*layer->format ? "raw" : layer->format;
	bool is_known = !taken || strcmp(taken, "qcow2") == 0 || foreign_is_known(taken);
	const struct content *c;
	bool is_marked;

	/* A guest can write the header of another format into its raw disk. */
	if (taken && strcmp(taken, "raw") == 0)
		return add_raw(out, img, layer);
	if (!is_known) { /* it is only named */
		kv_add(out, "format", taken);
		return add_storage(out, img, NULL, layer);
	}
	c = image_content(img);
	if (!c)
		return -1;
	if (*c->damaged)
		return err_set(ST_CORRUPT, "%s", c->damaged);
	if (taken && (c->is_archive || strcmp(c->format, taken) != 0))
		return err_set(
			ST_CORRUPT, "is not a %s image, as the layer above it records", taken);
	if (!c->is_archive && strcmp(c->format, "raw") == 0)
		return add_raw(out, img, layer);
	if (c->is_archive)
		return add_archive(out, img, c, layer);
	if (c->foreign.format)
		kv_add_u64(out, "capacity", c->foreign.capacity);
	else
		add_qcow2(out, &c->qcow2);
	if (add_files(out, img, c, layer) < 0)
		return -1;
	kv_add(out, "format", c->format);
	is_marked = !c->foreign.format && (!layer->is_entry || S_ISBLK(img->st.st_mode));
	return add_storage(out, img, is_marked ? &c->qcow2 : NULL, layer);
}

/* For an image that cannot be read. */
static int add_sizes_only(struct buf *out, struct image *img, const struct info_layer *layer)
{
	kv_add_u64(out, "capacity", img->len);
	return add_storage(out, img, NULL, layer);
}

/* A key for each of the texts, which end with a NUL. */
static void add_texts(struct buf *out, const char *key, const struct buf *texts)
{
	const char *text = (const char *)texts->data;
	const char *end = text ? text + texts->len : NULL;

	for (; text < end; text += strlen(text) + 1)
		kv_add(out, key, text);
}

static void add_inuse(struct buf *out, const struct inuse *u)
{
	kv_add_bool(out, "mounted", u->mounted);
	add_texts(out, "mountpoint", &u->mountpoints);
	add_texts(out, "used_by", &u->holders);
	kv_add_bool(out, "in_use", u->mounted || u->readers || u->writers);
}

static int add_image(struct buf *out, struct image *img, struct info_layer *layer)
{
	int unfinished = img->ops->is_unfinished(img), r = -1;
	bool is_readable; /* an invalid snapshot is not */
	struct inuse u;

	if (unfinished < 0)
		return -1;
	kv_add(out, "kind", img->kind);
	if (img->fd >= 0)
		add_stat(out, img->fd, &img->st);
	if (img->ops->describe)
		img->ops->describe(img, out);
	if (layer->live)
		kv_add_bool(out, "live", live_find(layer->live, &img->st) != NULL);
	is_readable = img->ops->check(img) == 0;
	if (!is_readable)
		err_clear();
	if ((is_readable ? add_content_info(out, img, layer) : add_sizes_only(out, img, layer)) < 0)
		return -1;
	if (img->ops->use(img, &u) == 0) {
		add_inuse(out, &u);
		kv_add_bool(out, "unfinished", unfinished);
		r = buf_failed(out);
	}
	inuse_fini(&u);
	return r;
}

int info_add_directory(struct buf *out, int fd)
{
	struct inuse u;
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return err_sys("cannot stat");
	kv_add(out, "kind", "directory");
	kv_add_bool(out, "unfinished", false);
	add_stat(out, fd, &st);
	r = inuse_look(fd, NULL, &u);
	if (r == 0)
		add_inuse(out, &u);
	inuse_fini(&u);
	return r;
}

static void add_names(struct buf *out, const struct place *place, const char *name)
{
	kv_add(out, "path", place->path);
	kv_add(out, "name", name ? name : place->name);
}

static int collect(struct place *place, const char *name, struct info_layer *layer, struct buf *out)
{
	struct image *img;
	int r = place->backend->describe(place, out);

	if (r) {
		add_names(out, place, name);
		place_close(place);
		return r < 0 ? -1 : buf_failed(out);
	}
	img = image_open(place);
	if (!img)
		return -1;
	add_names(out, img->place, name);
	img->use_wait_ms = layer->use_wait_ms;
	r = add_image(out, img, layer);
	image_close(img);
	return r;
}

int info_collect(struct place *place, const char *name, struct buf *out)
{
	struct info_layer layer = { .is_entry = true };
	int r = collect(place, name, &layer, out);

	info_layer_fini(&layer);
	return r;
}

int info_collect_layer(struct place *place, struct info_layer *layer, struct buf *out)
{
	return collect(place, NULL, layer, out);
}

int info_layer_set_below(
	struct info_layer *layer, const struct place *place, const char *name, const char *format)
{
	if (!*name)
		return 0;
	layer->backing = strdup(name);
	layer->backing_format = *format ? strdup(format) : NULL;
	if (!layer->backing || (*format && !layer->backing_format))
		return err_set(ST_FAILED, "out of memory");
	return recorded_look(&layer->below, place, name);
}

void info_layer_fini(struct info_layer *layer)
{
	free(layer->backing);
	free(layer->backing_format);
	recorded_fini(&layer->below);
	layer->backing = layer->backing_format = NULL;
}
