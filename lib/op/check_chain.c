/*
 * check_chain: chain.h walks, and check_chain_look() verifies one layer.
 */
#include "lib/op/check_chain.h"

#include <string.h>

#include "lib/base/err.h"
#include "lib/base/kv.h"
#include "lib/format/content.h"
#include "lib/op/check_layer.h"
#include "lib/store/image.h"

struct checking {
	bool live;
	bool is_below; /* a layer was looked at before */
	chain_each *each;
	void *arg;
};

/* The layer failed, for the recorded reason. */
static void add_failure(struct buf *record)
{
	enum status status = err_status();
	const char *kind = "damaged";

	if (status == ST_BUSY)
		kind = "busy";
	else if (status == ST_FAILED)
		kind = "failed";
	else if (status == ST_REFUSED)
		kind = "refused";
	if (status != ST_BUSY && status != ST_FAILED)
		status = ST_CORRUPT;
	kv_add(record, "error.kind", kind);
	kv_add(record, "error.message", err_text());
	kv_add_u64(record, "status", status);
	err_clear();
}

static int refuse_unready(const struct checking *c, struct image *img)
{
	if (!c->live && image_refuse_writers(img) < 0)
		return -1;
	return image_refuse_unfinished(img);
}

/* Whether the external data file of a layer exists and can be read.  0, or -1 recorded. */
static int check_data_file(const struct checking *c, const struct image *img)
{
	const char *name = img->content->qcow2.data_file;
	struct image *data = NULL;
	struct place *place;
	int r;

	if (!qcow2_has_data_file(&img->content->qcow2))
		return 0;
	if (!*name)
		return err_set(ST_CORRUPT, "does not name its external data file");
	place = recorded_place(img->place, name);
	if (place)
		data = image_open(place);
	r = data ? refuse_unready(c, data) : -1;
	image_close(data);
	return r < 0 ? err_wrap("external data file '%s'", name) : 0;
}

static int check_chain_qcow2(const struct checking *c, struct image *img, struct buf *record)
{
	struct check_result result;

	if (check_layer(img, c->live, &result) < 0 || check_data_file(c, img) < 0)
		return -1;
	kv_add(record, "result", result.leaks ? "leaks" : "intact");
	kv_add_bool(record, "dirty", result.dirty);
	kv_add(record, "checked_by", result.by);
	return 0;
}

/* Reads the first and the last byte. */
static int check_chain_raw(struct image *img, struct buf *record)
{
	uint8_t byte;

	kv_add(record, "format", "raw");
	if (img->len &&
		(image_read(img, &byte, 1, 0) < 0 || image_read(img, &byte, 1, img->len - 1) < 0))
		return -1;
	kv_add(record, "result", "readable");
	return 0;
}

/* Sets what is below the layer, as its own header records it.  0, or -1 recorded. */
static int set_layer_below(const struct image *img, struct info_layer *layer)
{
	const struct content *c = img->content;

	return info_layer_set_below(
		layer, img->place, content_backing(c), content_backing_format(c));
}

/* taken: what the layer above records of its format, "raw" if it does not; or NULL. */
static int check_chain_content(const struct checking *c, struct image *img, const char *taken,
	struct info_layer *layer, struct buf *record)
{
	const struct content *content;

	if (taken && strcmp(taken, "raw") == 0)
		return check_chain_raw(img, record);
	kv_add(record, "format", taken);
	if (taken && strcmp(taken, "qcow2") != 0 && !foreign_is_known(taken)) {
		kv_add(record, "result", "unchecked");
		return 0;
	}
	content = image_content(img);
	if (!content)
		return -1;
	if (*content->damaged)
		return err_set(ST_CORRUPT, "%s", content->damaged);
	if (taken && (content->is_archive || strcmp(content->format, taken) != 0))
		return err_set(
			ST_CORRUPT, "is not a %s image, as the layer above it records", taken);
	if (content->format && strcmp(content->format, "raw") == 0)
		return check_chain_raw(img, record);
	if (!taken)
		kv_add(record, "format", content->format);
	if (set_layer_below(img, layer) < 0)
		return -1;
	if (!content->foreign.format)
		return check_chain_qcow2(c, img, record);
	kv_add(record, "result", "unchecked");
	return 0;
}

/* Of the image itself, as opposed to a layer below: why it is not a chain.  0, or -1 recorded. */
static int refuse_top(const struct checking *c, struct image *img)
{
	const struct content *content;

	if (refuse_unready(c, img) < 0)
		return -1;
	content = image_content(img);
	if (content && content->is_archive)
		return err_set(ST_REFUSED, "is an archive, whose layers cannot be read (see "
					   "img-unarchive)");
	err_clear(); /* it is told with the layer */
	return 0;
}

static int check_chain_look(
	void *arg, struct place *place, struct info_layer *layer, struct buf *record)
{
	const char *taken = layer->format && !*layer->format ? "raw" : layer->format;
	struct image *img = image_open(place);
	struct checking *c = arg;
	int r;

	if (!img)
		return -1;
	img->use_wait_ms = layer->use_wait_ms;
	kv_add(record, "path", img->place->path);
	kv_add(record, "name", img->place->name);
	if (!c->is_below && refuse_top(c, img) < 0) {
		image_close(img);
		return -1;
	}
	r = c->is_below ? refuse_unready(c, img) : 0;
	if (r < 0)
		add_failure(record);
	c->is_below = true;
	if (r == 0 && check_chain_content(c, img, taken, layer, record) < 0)
		add_failure(record);
	image_close(img);
	return buf_failed(record);
}

static int check_chain_each(void *arg, const struct buf *record)
{
	struct checking *c = arg;

	return c->each(c->arg, record);
}

int check_chain(struct place *top, bool live, chain_each *each, void *arg)
{
	struct checking c = { .live = live, .each = each, .arg = arg };

	return chain_walk(top, check_chain_look, check_chain_each, &c);
}
