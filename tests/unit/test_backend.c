/*
 * A further backend (memstore.h) through the functions that all backends share: places,
 * images, targets, flows.  test_backend_op.c asks the helper's operations for the same.
 */
#include "lib/base/io.h"
#include "lib/flow/sink.h"
#include "lib/flow/source.h"
#include "lib/format/content.h"
#include "lib/store/snapshot.h"
#include "tests/unit/memflow.h"
#include "tests/unit/memstore.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

#define LEN (7 * (uint64_t)BLOCK_SIZE + 1234)

static const struct policy all = POLICY_INIT;

static struct place *place(const char *path)
{
	struct place *p = place_open(&all, path);

	if (!p)
		abort();
	return p;
}

static struct image *image(const char *path)
{
	struct image *img = image_open(place(path));

	if (!img)
		abort();
	return img;
}

/* The status with which something failed, or ST_OK if it did not. */
#define status_of(made) ((made) ? ST_OK : (int)err_status())

static int place_status(const struct policy *policy, const char *path)
{
	struct place *p;
	int status;

	err_clear();
	p = place_open(policy, path);
	status = status_of(p);
	place_close(p);
	return status;
}

static int image_status(const char *path)
{
	struct image *img;
	int status;

	err_clear();
	img = image_open(place(path));
	status = status_of(img);
	image_close(img);
	return status;
}

static void test_places(void)
{
	struct policy narrow = POLICY_INIT;
	struct place *p, *other;

	p = place("/mem");
	ok(p->backend == &backend_memstore && p->is_container, "the container is found");
	other = place_child(p, "a.img");
	is_str(other ? other->path : NULL, "/mem/a.img", "a child of it");
	place_close(other);
	ok(!place_child(p, "..") && err_status() == ST_REFUSED, "what is no name is none");
	place_close(p);

	p = place("/mem//.///a.img");
	is_str(p->path, "/mem/a.img", "a place whose spelling is odd");
	ok(p->backend == &backend_memstore && !p->is_container, "it is no container");
	place_close(p);

	p = place_for(&all, "/mem/", "b.img");
	is_str(p ? p->path : NULL, "/mem/b.img", "a name in the container");
	place_close(p);
	ok(!place_for(&all, "/mem", NULL) && err_status() == ST_REFUSED, "a name is needed");

	is_int(place_status(&all, "/mem/a/b"), ST_ABSENT, "there are no directories in memory");
	p = place("/memory");
	ok(p->backend == &backend_file, "a path that only begins alike is a file's");
	place_close(p);

	narrow.limited = true;
	narrow.file = "test";
	is_int(place_status(&narrow, "/mem/a.img"), ST_REFUSED, "the access policy holds");
	is_int(memstore_held, 0, "nothing is held");
}

static struct target *make(const char *path, const struct target_want *want)
{
	err_clear();
	return target_make(place(path), want);
}

static int make_status(const char *path, const struct target_want *want)
{
	struct target *t = make(path, want);
	int status = status_of(t);

	target_abort(t);
	return status;
}

/* A new image with a text at its beginning. */
static void make_text(const char *path, const char *text, uint64_t len)
{
	const struct target_want want = { .len = len, .overwrite = true, .fsync = true };
	struct target *t = make(path, &want);

	if (!t || target_write(t, text, strlen(text), 0) < 0 || target_commit(t) < 0)
		abort();
}

static void test_make(void)
{
	struct target_want want = { .len = 10000 };
	struct target *t = make("/mem/a.img", &want);
	char text[5] = "";
	struct image *img;

	if (!ok(t != NULL, "a target"))
		return;
	is_int(target_space(t), MEMSTORE_SPACE, "its space");
	is_int(target_peek(t, text, 4), 0, "nothing is in it");
	is_int(target_write(t, "text", 4, 5000), 0, "it is written");
	is_int(target_zero(t, 100, 6000), 0, "and zeroed");
	ok(target_write(t, "text", 4, MEMSTORE_SPACE - 3) < 0 && err_status() == ST_NOROOM,
		"not beyond its space");
	is_int(target_clone(t, NULL), 0, "it shares no blocks");
	is_int(image_status("/mem/a.img"), ST_ABSENT, "it is absent until it is complete");
	is_int(target_set_len(t, 9000), 0, "it is shorter than was thought");
	is_int(target_commit(t), 0, "complete");
	img = image("/mem/a.img");
	is_int(img->len, 9000, "it has that length");
	ok(image_read(img, text, 4, 5000) == 0 && memcmp(text, "text", 4) == 0, "and its bytes");
	is_int(img->fd, -1, "but no descriptor");
	image_close(img);

	is_int(make_status("/mem/a.img", &want), ST_EXISTS, "what exists is not made");
	want.overwrite = true;
	is_int(make_status("/mem/a.img", &want), ST_OK, "but replaced");
	is_int(image_status("/mem/a.img"), ST_OK, "an aborted one leaves what was there");
	want.len = MEMSTORE_SPACE + 1;
	is_int(make_status("/mem/b.img", &want), ST_NOROOM, "more than it can hold");
	want.len = 1;
	want.dry_run = true;
	is_int(make_status("/mem/b.img", &want), ST_OK, "a dry run");
	is_int(image_status("/mem/b.img"), ST_ABSENT, "makes nothing");
	is_int(make_status("/mem", &want), ST_REFUSED, "the container is no image");
	is_int(memstore_held, 0, "nothing is held");
}

static bool is_unfinished(const char *path)
{
	struct image *img = image(path);
	bool is = img->ops->is_unfinished(img);

	image_close(img);
	return is;
}

static void test_fill(void)
{
	struct target_want want = { .len = 100 };
	struct image *img;
	struct target *t;
	char head[8] = "";

	ok(!target_fill(place("/mem/gone"), &want) && err_status() == ST_ABSENT,
		"what is absent is not filled");
	make_text("/mem/f.img", "before", 8192);
	t = target_fill(place("/mem/f.img"), &want);
	ok(t && is_unfinished("/mem/f.img"), "it is unfinished before the first write");
	is_int(target_peek(t, head, 6), 6, "what was there can be looked at");
	is_str(head, "before", "as it was");
	target_abort(t);
	ok(!is_unfinished("/mem/f.img"), "it is not if nothing was written");
	t = target_fill(place("/mem/f.img"), &want);
	is_int(target_write(t, "after", 5, 0), 0, "it is written");
	target_abort(t);
	ok(is_unfinished("/mem/f.img"), "an interrupted write leaves it unfinished");
	t = target_fill(place("/mem/f.img"), &want);
	ok(target_write(t, "x", 1, 8191) == 0 && target_set_len(t, 100) == 0 &&
			target_commit(t) == 0 && !is_unfinished("/mem/f.img"),
		"until it is complete");
	img = image("/mem/f.img");
	is_int(img->len, 8192, "it keeps its length");
	ok(image_read(img, head, 1, 8191) == 0 && !head[0], "and zeros follow what was written");
	image_close(img);
	want.len = 8193;
	ok(!target_fill(place("/mem/f.img"), &want) && err_status() == ST_NOROOM,
		"a source that is larger is refused");
	is_int(memstore_held, 0, "nothing is held");
}

static void test_content(void)
{
	static const char archive[] = "\x89LZO\0\r\n\x1a\n";
	const struct target_want want = { .len = 6000 };
	const struct content *c;
	struct image *img;
	char byte;

	make_text("/mem/c.img", "guest", 6000);
	img = image("/mem/c.img");
	is_int(image_hold(img), 0, "nobody writes to it");
	c = image_content(img);
	ok(c && !c->is_archive && strcmp(c->format, "raw") == 0, "raw content");
	ok(image_content(img) == c, "which is looked at once");
	ok(image_read(img, &byte, 1, 6000) < 0 && err_status() == ST_CORRUPT, "it ends there");
	is_int(image_check_end(img), 0, "it was the same all the time");
	target_abort(target_fill(place("/mem/c.img"), &want));
	ok(image_check_end(img) < 0 && err_status() == ST_CORRUPT, "a writer is noticed");
	image_close(img);
	make_text("/mem/c.img", archive, 6000);
	img = image("/mem/c.img");
	c = image_content(img);
	ok(c && !c->is_archive && strcmp(c->format, "raw") == 0,
		"an archive's magic is a guest's: nothing is unpacked");
	image_close(img);
	make_text("/mem/c.img", "QFI\xfb", 6000);
	img = image("/mem/c.img");
	c = image_content(img);
	ok(c && *c->damaged && strcmp(c->format, "raw") == 0, "a damaged qcow2 header");
	image_close(img);
	is_int(memstore_held, 0, "nothing is held");
}

/* All bytes of a file or an image, which the caller frees. */
static uint8_t *bytes_of(const char *path, uint64_t *len)
{
	struct image *img = image(path);
	uint8_t *bytes = malloc(img->len);

	*len = img->len;
	if (!bytes || image_read(img, bytes, img->len, 0) < 0)
		abort();
	image_close(img);
	return bytes;
}

static bool is_same(const char *a, const char *b)
{
	uint64_t a_len, b_len;
	uint8_t *a_bytes = bytes_of(a, &a_len), *b_bytes = bytes_of(b, &b_len);
	bool same = a_len == b_len && memcmp(a_bytes, b_bytes, a_len) == 0;

	free(a_bytes);
	free(b_bytes);
	return same;
}

/* Copies one image to another by a flow, as op_copy does. */
static int copy(const char *from, const char *to, unsigned jobs, struct flow_stats *stats)
{
	struct flow_options opt = { .jobs = jobs, .digest = true };
	struct image *img = image(from);
	struct target_want want = { .len = img->len, .fsync = true, .source = img };
	struct target *t = make(to, &want);
	struct source *source = source_image(img);
	struct sink *sink = t ? sink_image(t) : NULL;
	int r = -1;

	if (!t || !source || !sink)
		abort();
	is_int(target_clone(t, img), 0, "no blocks are shared");
	ok(!sink->ops->parallel, "a file is written to by one worker at a time");
	r = flow_run(source, sink, &opt, stats);
	sink_free(sink);
	source_free(source);
	if (r == 0)
		r = target_commit(t);
	else
		target_abort(t);
	image_close(img);
	return r;
}

/* Removes an image, or with dry_run only says whether that is possible. */
static int remove_status(const char *path, bool dry_run)
{
	const struct change_want want = { .dry_run = dry_run };
	struct place *p = place(path);
	int status;

	err_clear();
	status = p->backend->remove(p, &want) == 0 ? ST_OK : (int)err_status();
	place_close(p);
	return status;
}

static void test_flow(unsigned jobs)
{
	struct flow_stats there, back;
	uint8_t *raw = malloc(BLOCK_SIZE);
	FILE *f = fopen("from", "wb");
	struct hash digest;
	uint64_t i;

	if (!f || !raw)
		abort();
	for (i = 0; i < memflow_blocks(LEN); i++) {
		memflow_fill(raw, memflow_block_len(LEN, i), i);
		fwrite(raw, 1, memflow_block_len(LEN, i), f);
	}
	free(raw);
	fclose(f);
	memflow_digest(LEN, &digest);
	is_int(copy("from", "/mem/flow", jobs, &there), 0, "from a file into memory");
	ok(is_same("from", "/mem/flow"), "with the same bytes");
	ok(memcmp(&there.end.digest, &digest, sizeof(digest)) == 0, "and their digest");
	is_int(copy("/mem/flow", "/mem/flow2", jobs, &back), 0, "from memory into memory");
	is_int(copy("/mem/flow2", "to", jobs, &back), 0, "from memory into a file");
	ok(is_same("from", "to"), "with the same bytes");
	ok(memcmp(&back.end.digest, &digest, sizeof(digest)) == 0, "and their digest");
	is_int(back.end.data_bytes, there.end.data_bytes, "holes stay holes");
	is_int(scratch_run("cmp from to && rm from to"), 0, "cmp agrees");
	ok(remove_status("/mem/flow", false) == ST_OK &&
			remove_status("/mem/flow2", false) == ST_OK,
		"the copies are removed");
	is_int(memstore_held, 0, "nothing is held");
}

static void test_snapshot(void)
{
	struct snapshot_want want = { .percent = 10 };
	struct image *img = image("/mem/f.img");
	char *path = NULL;

	err_clear();
	ok(!snapshot_prepare(img, &want) && err_status() == ST_FAILED, "it has no snapshots");
	err_clear();
	want.keep = true;
	ok(snapshot_keep(&path, img, &want) < 0 && !path && err_status() == ST_FAILED,
		"nor any that stay");
	image_close(img);
	is_int(memstore_held, 0, "nothing is held");
}

static int rename_status(const char *path, const char *to)
{
	const struct change_want want = { .dry_run = false };
	struct place *p = place(path);
	int status;

	err_clear();
	status = p->backend->rename(p, to, &want) == 0 ? ST_OK : (int)err_status();
	place_close(p);
	return status;
}

static void test_change(void)
{
	struct place *p;

	make_text("/mem/x", "x", 10);
	make_text("/mem/y", "y", 10);
	is_int(rename_status("/mem/x", "y"), ST_EXISTS, "a name that is taken");
	is_int(rename_status("/mem/x", "z"), ST_OK, "another name");
	is_int(image_status("/mem/x"), ST_ABSENT, "the name of before is free");
	is_int(remove_status("/mem/x", false), ST_ABSENT, "what is absent is not removed");
	is_int(remove_status("/mem/y", true), ST_OK, "a dry run");
	is_int(image_status("/mem/y"), ST_OK, "removes nothing");
	p = place("/mem/y");
	is_int(remove_status("/mem/y", false), ST_OK, "it is removed");
	make_text("/mem/y", "y", 10);
	ok(!image_open(p) && err_status() == ST_BUSY, "a place is of one image, not of its name");
	remove_status("/mem/y", false);
	remove_status("/mem/z", false);
	is_int(memstore_held, 0, "nothing is held");
}

int main(void)
{
	scratch_open();
	is_int(place_status(&all, "/mem/a.img"), ST_ABSENT, "nobody knows it before");
	is_int(backend_add(&backend_memstore), 0, "a further backend");
	ok(backend_at(0) == &backend_memstore && backend_at(backend_count() - 1) == &backend_file,
		"is asked first");
	test_places();
	test_make();
	test_fill();
	test_content();
	test_flow(1);
	test_flow(4);
	test_change();
	test_snapshot();
	scratch_close(tap_failed);
	return tap_done();
}
