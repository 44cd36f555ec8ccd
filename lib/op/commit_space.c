/*
 * commit_space: the storage enlarges BASE as img-resize does.  The new space below a qcow2 layer
 * need not be zeros, since QEMU writes each cluster completely that it takes into use.
 */
#include "lib/op/commit_space.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/child.h"
#include "lib/base/err.h"
#include "lib/base/kv.h"
#include "lib/format/content.h"
#include "lib/format/qcow2_watermark.h"
#include "lib/op/commit_node.h"
#include "lib/op/op.h"
#include "lib/store/backend.h"
#include "lib/store/resize.h"

#define MEASURE_MEMORY (UINT64_C(2) << 30)
#define MEASURE_MS 600000

static bool is_on_volume(const struct image *img)
{
	return S_ISBLK(img->st.st_mode);
}

typedef int find_watermark(const struct qcow2 *q, int fd, uint64_t len, uint64_t *out);

static int read_numbers(int fd, bool is_qcow2, find_watermark *find, struct commit_numbers *n)
{
	struct content *content;
	off_t end = lseek(fd, 0, SEEK_END);
	struct stat st;
	int r;

	if (end < 0 || fstat(fd, &st) < 0)
		return err_sys("cannot stat");
	n->capacity = n->physical = n->allocation = (uint64_t)end;
	if (S_ISREG(st.st_mode))
		n->allocation = (uint64_t)st.st_blocks * 512;
	if (!is_qcow2)
		return 0;
	content = malloc(sizeof(*content));
	if (!content)
		return err_set(ST_FAILED, "out of memory");
	r = content_read(content, fd, n->physical, true);
	if (r == 0 &&
		(*content->damaged || content->is_archive || strcmp(content->format, "qcow2") != 0))
		r = err_set(ST_CORRUPT, "is no longer a qcow2 image");
	if (r == 0)
		n->capacity = content->qcow2.size;
	if (r == 0 && S_ISBLK(st.st_mode))
		r = find(&content->qcow2, fd, n->physical, &n->allocation);
	free(content);
	return r;
}

int commit_space_numbers(int fd, bool is_qcow2, struct commit_numbers *n)
{
	return read_numbers(fd, is_qcow2, qcow2_watermark, n);
}

int commit_space_numbers_soon(int fd, bool is_qcow2, struct commit_numbers *n)
{
	return read_numbers(fd, is_qcow2, qcow2_watermark_soon, n);
}

/* Reads what `qemu-img measure` printed: "required" and, if there are any, "bitmaps". */
static int parse_measure(const struct buf *text, uint64_t *bytes)
{
	json_t *o = json_loadb((const char *)text->data, text->len, 0, NULL);
	json_int_t required = json_integer_value(json_object_get(o, "required"));
	json_int_t bitmaps = json_integer_value(json_object_get(o, "bitmaps"));

	json_decref(o);
	if (required <= 0 || bitmaps < 0 || required > INT64_MAX - bitmaps)
		return err_set(ST_FAILED, "qemu-img measure did not print a size");
	*bytes = (uint64_t)(required + bitmaps);
	return 0;
}

static int run_measure(
	const char *node, const char *options, const int *fds, size_t count, uint64_t *bytes)
{
	const char *const argv[] = { "qemu-img", "measure", "--output=json", "-O", "qcow2", "-o",
		options, node, NULL };
	struct buf out = BUF_INIT, errors = BUF_INIT;
	const struct child child = { .argv = argv,
		.keep_fd = -1,
		.keep_more = fds,
		.keep_more_count = count,
		.ends_with_job = true,
		.limit_ms = MEASURE_MS,
		.memory = MEASURE_MEMORY,
		.out = &out,
		.errors = &errors };
	int status = child_run(&child), r = -1;

	if (status > 0)
		commit_node_failed("measure", status, &errors, node);
	else if (status == 0)
		r = parse_measure(&out, bytes);
	buf_fini(&out);
	buf_fini(&errors);
	return r;
}

/*
 * How many bytes BASE would take if it were made anew with all that it has, and the layers above it
 * from `first` on.
 */
static int measure(const struct commit *c, unsigned first, uint64_t *bytes)
{
	const struct qcow2 *q = commit_layer(c, c->base).qcow2;
	int fds[CHAIN_LAYERS_MAX], r;
	struct buf node = BUF_INIT;
	char options[160];
	size_t count;

	snprintf(options, sizeof(options), "compat=%s,cluster_size=%u%s",
		q->version == 2 ? "0.10" : "1.1", q->cluster_size,
		q->incompatible & QCOW2_EXTENDED_L2 ? ",extended_l2=on" : "");
	if (q->version > 2)
		snprintf(options + strlen(options), sizeof(options) - strlen(options),
			",refcount_bits=%u", 1u << q->refcount_order);
	commit_node_begin(&node);
	count = commit_node_add_chain(&node, c, first, first + 1, c->base, fds);
	r = buf_failed(&node);
	if (r == 0)
		r = run_measure(buf_str(&node), options, fds, count, bytes);
	buf_fini(&node);
	return r;
}

/*
 * Clusters of BASE that are lost, or that it has and that read as zeros, are not measured, and
 * neither is what its internal snapshots hold, beside which all of the disk may be written anew.
 */
static int find_qcow2_need(const struct commit *c, uint64_t *need)
{
	uint64_t alone = 0;

	if (measure(c, c->top, need) < 0)
		return -1;
	if (!commit_layer(c, c->base).qcow2->snapshots && measure(c, c->base, &alone) < 0)
		return -1;
	if (c->before.allocation > alone)
		*need += c->before.allocation - alone;
	return 0;
}

/* The size that BASE needs, which may be less than what it has. */
static int find_need(struct commit *c, uint64_t *need)
{
	const struct disk_layer b = commit_layer(c, c->base);
	unsigned i;

	*need = 0;
	if (c->is_rebased || c->takes_up || (b.qcow2 && !is_on_volume(b.img)))
		return 0;
	/* QEMU enlarges a file itself, which it then knows the size of. */
	if (c->is_live && !is_on_volume(b.img))
		return 0;
	c->unzeroed = b.qcow2;
	if (b.qcow2)
		return find_qcow2_need(c, need);
	for (i = c->top; i < c->base; i++)
		if (commit_layer(c, i).len > *need)
			*need = commit_layer(c, i).len;
	return 0;
}

static struct resize *open_resize(const struct commit *c, bool dry_run)
{
	const struct resize_want want = { .allow_links = op_flag(c->request, "allow_links"),
		.unzeroed = c->unzeroed,
		.is_unused = c->was_begun, /* no layer is written before the space is complete */
		.in_use = c->is_live,
		.dry_run = dry_run };
	struct image *img = commit_layer(c, c->base).img;
	bool is_link = img->place->is_link;
	struct resize *r;

	img->place->is_link = false; /* the user named IMAGE, and not this link to a layer */
	r = resize_open(img, &want);
	img->place->is_link = is_link;
	return r;
}

/* An interrupted job may have extended BASE, whose new space then still has to be zeroed. */
static int plan_growth(struct commit *c, uint64_t need)
{
	struct resize *r = open_resize(c, true);
	int ret = 0;

	if (!r)
		return -1;
	c->from = r->from;
	if (need > r->from) {
		ret = resize_plan(r, need);
		c->to = r->len;
	}
	resize_close(r);
	return ret;
}

int commit_space_plan(struct commit *c)
{
	const struct disk_layer b = commit_layer(c, c->base);
	uint64_t need;

	if (commit_space_numbers(b.img->fd, b.qcow2, &c->before) < 0)
		return err_wrap("layer '%s'", b.img->place->path);
	c->from = b.img->len;
	if (find_need(c, &need) < 0)
		return -1;
	if (b.img->place->backend->resize && need && plan_growth(c, need) < 0)
		return err_wrap("layer '%s'", b.img->place->path);
	if (!b.qcow2)
		c->before.capacity = c->before.physical = c->from;
	return 0;
}

int commit_space_grow(struct commit *c)
{
	struct image *img = commit_layer(c, c->base).img;
	struct resize *r = open_resize(c, false);
	int ret = -1;

	if (!r)
		return -1;
	if (resize_plan(r, c->to) == 0 && resize_begin(r) == 0 && resize_grow(r) == 0 &&
		resize_finish(r) == 0)
		ret = image_refresh(img);
	resize_close(r);
	return ret;
}
