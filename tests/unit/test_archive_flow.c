/*
 * Archives as source and sink of a flow: regrouping of foreign blocks, damage, and
 * stock lzop on our archives.
 */
#include <fcntl.h>
#include <signal.h>

#include "lib/flow/sink.h"
#include "lib/flow/source.h"
#include "tests/unit/memflow.h"
#include "tests/unit/places.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

#define IMAGE_LEN (5 * BLOCK_SIZE + 4321)

static uint8_t image[IMAGE_LEN]; /* text, zeros, noise, zeros, text, and a short one of noise */
static struct flow_stats stats;

static void make_image(void)
{
	conns_fill(image, BLOCK_SIZE, 1, true);
	conns_fill(image + 2 * BLOCK_SIZE, BLOCK_SIZE, 2, false);
	conns_fill(image + 4 * BLOCK_SIZE, BLOCK_SIZE, 3, true);
	conns_fill(image + 5 * BLOCK_SIZE, IMAGE_LEN - 5 * BLOCK_SIZE, 4, false);
	scratch_save("image", image, IMAGE_LEN);
}

/* A sink that compares blocks with the image, and can fail at a block. */
struct checker {
	struct sink base;
	uint64_t off, fail_at;
	unsigned bad, coded;
};

static int check(struct sink *base, struct block *b)
{
	struct checker *c = (struct checker *)base;

	if (b->off == c->fail_at)
		return err_set(ST_NOROOM, "put");
	c->bad += b->off != c->off || b->len > IMAGE_LEN - c->off;
	c->coded += b->coded_len != 0;
	if (!c->bad && b->kind == BLOCK_HOLE)
		c->bad += !block_all_zero(image + b->off, b->len);
	else if (!c->bad)
		c->bad += block_decode(b) < 0 || memcmp(b->raw, image + b->off, b->len) != 0;
	c->off += b->len;
	return 0;
}

static const struct sink_ops checker_ops = { .wants = SINK_ANY, .put = check };

/* Reads an archive from a descriptor and closes it.  0 and the good bytes, or the status. */
static unsigned coded_blocks;

static int unpack(int fd, uint64_t len, uint64_t fail_at)
{
	struct flow_options opt = { .jobs = 3, .digest = true };
	struct checker *to = sink_new(sizeof(*to), &checker_ops);
	struct source *from;
	int r = -1;

	err_clear();
	to->fail_at = fail_at;
	from = source_archive(fd, NULL, 0, FLOW_LEN_UNKNOWN);
	if (from)
		r = flow_run(from, &to->base, &opt, &stats);
	if (r == 0 && (to->bad || to->off != len))
		r = 99;
	coded_blocks = to->coded;
	source_free(from);
	sink_free(&to->base);
	close(fd);
	return r < 0 ? (int)err_status() : r;
}

static int open_bytes(const struct buf *b, size_t n)
{
	scratch_save("bytes", b->data, n);
	return open("bytes", O_RDONLY | O_CLOEXEC);
}

static int unpack_bytes(const struct buf *b, uint64_t len)
{
	return unpack(open_bytes(b, b->len), len, UINT64_MAX);
}

static int unpack_file(const char *name)
{
	return unpack(open(name, O_RDONLY | O_CLOEXEC), IMAGE_LEN, UINT64_MAX);
}

static void add_block(struct buf *out, size_t at, size_t len)
{
	struct block *b = block_new();
	uint8_t head[LZOP_OWN_BLOCK_HEADER];

	if (!b)
		abort();
	block_set_data(b, 0, len);
	memcpy(b->raw, image + at, len);
	b->has_raw = true;
	block_encode(b, true);
	lzop_block_write(head, b);
	buf_add(out, head, sizeof(head));
	buf_add(out, block_coded(b), b->coded_len);
	block_free(b);
}

/* An archive of the start of the image, in blocks of these sizes; the last is repeated. */
static void build(struct buf *out, size_t len, const size_t *size, const struct hash *digest)
{
	size_t at = 0, n;

	buf_clear(out);
	lzop_header_write(out, "image", 0600, 1, len, digest);
	while (at < len) {
		n = len - at < *size ? len - at : *size;
		add_block(out, at, n);
		at += n;
		size += size[1] ? 1 : 0;
	}
	buf_u32(out, 0);
}

static void test_regroup(void)
{
	static const size_t odd[] = { 1, 2, 3, 100000, BLOCK_SIZE, 5, BLOCK_SIZE - 1, 77777, 0 };
	static const size_t small[] = { 5000, 0 }, near[] = { BLOCK_SIZE - 1, 0 };
	static const size_t late[] = { BLOCK_SIZE, BLOCK_SIZE, 9, BLOCK_SIZE, 0 };
	static const size_t half[] = { BLOCK_SIZE / 2, 0 }, whole[] = { BLOCK_SIZE, 0 };
	struct buf b = BUF_INIT;

	build(&b, IMAGE_LEN, whole, NULL);
	is_int(unpack_bytes(&b, IMAGE_LEN), 0, "blocks of BLOCK_SIZE");
	is_int(coded_blocks, stats.end.data_blocks, "are passed on in their coded form");
	is_int(stats.end.hole_bytes, 2 * BLOCK_SIZE, "blocks of zeros as holes");
	build(&b, IMAGE_LEN, odd, NULL);
	is_int(unpack_bytes(&b, IMAGE_LEN), 0, "blocks of odd lengths");
	is_int(stats.end.data_blocks, 4, "are regrouped into blocks of BLOCK_SIZE");
	is_int(stats.end.hole_bytes, 2 * BLOCK_SIZE, "and holes");
	build(&b, IMAGE_LEN, small, NULL);
	is_int(unpack_bytes(&b, IMAGE_LEN), 0, "many small blocks");
	build(&b, IMAGE_LEN, near, NULL);
	is_int(unpack_bytes(&b, IMAGE_LEN), 0, "blocks that are one byte short");
	build(&b, IMAGE_LEN, late, NULL);
	is_int(unpack_bytes(&b, IMAGE_LEN), 0, "a short block in the middle");
	build(&b, 4 * BLOCK_SIZE, half, NULL);
	is_int(unpack_bytes(&b, 4 * BLOCK_SIZE), 0, "half blocks that make full blocks");
	build(&b, BLOCK_SIZE - 1, half, NULL);
	is_int(unpack_bytes(&b, BLOCK_SIZE - 1), 0, "half blocks that make less than one block");
	build(&b, 1, whole, NULL);
	is_int(unpack_bytes(&b, 1), 0, "one byte");
	build(&b, 0, whole, NULL);
	is_int(unpack_bytes(&b, 0), 0, "an empty archive");
	buf_fini(&b);
}

static void test_stock(void)
{
	int i, bad = 0;
	static const char *const how[] = { "-1", "-3", "-5", "-9", "-1 --crc32", "-1 --no-checksum",
		"-1 -C", "-1 -CC", "-1 --no-name" };

	for (i = 0; i < (int)(sizeof(how) / sizeof(how[0])); i++) {
		bad += scratch_run("lzop -f %s -o stock.lzo image", how[i]) != 0;
		bad += unpack_file("stock.lzo") != 0;
		bad += scratch_run("lzop %s <image >stock.lzo", how[i]) != 0;
		bad += unpack_file("stock.lzo") != 0;
	}
	is_int(bad, 0, "archives of stock lzop");
}

/* Writes the archive to a pipe, a few bytes at a time. */
struct feeder {
	const struct buf *b;
	size_t n, step;
	int fd;
	bool stays; /* keeps the pipe open until it is joined */
};

static void *feed(void *arg)
{
	struct feeder *f = arg;
	size_t at, n;

	for (at = 0; at < f->n; at += n) {
		n = f->n - at < f->step ? f->n - at : f->step;
		if (io_write(f->fd, f->b->data + at, n) < 0)
			break;
	}
	if (!f->stays)
		close(f->fd);
	return NULL;
}

static int unpack_pipe(const struct buf *b, size_t n, size_t step, uint64_t len)
{
	struct feeder f = { .b = b, .n = n, .step = step };
	int fd[2], r;
	pthread_t t;

	if (pipe2(fd, O_CLOEXEC) < 0)
		abort();
	f.fd = fd[1];
	t = conns_start(feed, &f);
	r = unpack(fd[0], len, UINT64_MAX);
	conns_join(t);
	return r;
}

/* The digest of the first n bytes of the image; n is less than a block. */
static void digest_of(size_t n, struct hash *out)
{
	uint8_t all[8 + 8 + HASH_SIZE] = { (uint8_t)n, (uint8_t)(n >> 8) };
	uint8_t *padded = calloc(1, BLOCK_SIZE);

	if (!padded)
		abort();
	memcpy(padded, image, n);
	hash_bytes(out, padded, BLOCK_SIZE);
	memcpy(all + 16, out->byte, HASH_SIZE);
	hash_bytes(out, all, sizeof(all));
	free(padded);
}

static void test_damage(void)
{
	static const size_t sizes[] = { 700, 500, 300, 0 };
	const size_t len = 1500;
	struct buf b = BUF_INIT;
	struct hash digest;
	unsigned good = 0, odd = 0;
	size_t n;

	digest_of(len, &digest);
	build(&b, len, sizes, &digest);
	is_int(unpack_bytes(&b, len), 0, "an archive with length and digest");
	is_int(unpack_pipe(&b, b.len, 1, len), 0, "also byte by byte");
	for (n = 0; n < b.len; n++) {
		good += unpack(open_bytes(&b, n), len, UINT64_MAX) == ST_CORRUPT;
		odd += unpack_pipe(&b, n, 1000, len) != ST_CORRUPT;
	}
	is_int(good, b.len, "an archive truncated anywhere is corrupt");
	is_int(odd, 0, "from a pipe as well");
	buf_u8(&b, 'x');
	is_int(unpack_bytes(&b, len), ST_CORRUPT, "a byte after its end");
	is_str(err_text(), "there are bytes after the end of the archive", "is named");
	b.len--;
	if (buf_reserve(&b, b.len) < 0)
		abort();
	buf_add(&b, b.data, b.len);
	is_int(unpack_bytes(&b, len), ST_CORRUPT, "a second member");
	is_str(err_text(), "the archive has several members", "is named, too");
	digest.byte[3] ^= 1;
	build(&b, len, sizes, &digest);
	is_int(unpack_bytes(&b, len), ST_CORRUPT, "another digest in the header");
	digest.byte[3] ^= 1;
	build(&b, len, sizes, &digest);
	b.len -= 4;
	add_block(&b, 1500, 100);
	buf_u32(&b, 0);
	is_int(unpack_bytes(&b, len), ST_CORRUPT, "one block more than the length in the header");
	b.data[b.len - 20] ^= 1;
	is_int(unpack_bytes(&b, len), ST_CORRUPT, "a flipped bit");
	buf_fini(&b);
}

/* If the sink fails, a source that is waiting for a pipe is woken. */
static void test_stalled(void)
{
	static const size_t whole[] = { BLOCK_SIZE, 0 };
	struct buf b = BUF_INIT;
	struct feeder f = { .b = &b, .step = 65536, .stays = true };
	int fd[2];
	pthread_t t;

	build(&b, IMAGE_LEN, whole, NULL);
	f.n = b.len - 2000; /* in the last block */
	if (pipe2(fd, O_CLOEXEC) < 0)
		abort();
	f.fd = fd[1];
	t = conns_start(feed, &f);
	is_int(unpack(fd[0], IMAGE_LEN, 4 * BLOCK_SIZE), ST_NOROOM,
		"a source that waits for a pipe is woken");
	conns_join(t);
	close(fd[1]);
	buf_fini(&b);
}

static const struct archive_origin origin = {
	.name = "some/image", .mode = 0640, .mtime = 981158400
};

/* Writes the image as an archive to a target or, if that is NULL, to fd. */
static int pack(struct target *t, int fd)
{
	struct flow_options opt = { .jobs = 3, .digest = true };
	struct image *img = places_image(&places_free, "image");
	struct source *from = NULL;
	struct sink *to = NULL;
	int r = -1;

	if (img) {
		from = source_image(img);
		to = sink_archive(t, fd, &origin);
		r = flow_run(from, to, &opt, &stats);
	}
	source_free(from);
	sink_free(to);
	image_close(img);
	return r;
}

static void test_sink(void)
{
	struct target_want want = { .len = TARGET_LEN_UNKNOWN };
	uint8_t head[512];
	struct lzop_header h;
	struct target *t;
	FILE *f;
	int fd, status;

	t = places_make("own.lzo", &want);
	if (!ok(t != NULL, "a target"))
		return;
	is_int(pack(t, -1), 0, "is written");
	is_int(target_commit(t), 0, "and gets its name");
	is_int(scratch_run("lzop -t own.lzo"), 0, "lzop -t accepts it");
	is_int(scratch_run("lzop -dc own.lzo | cmp - image"), 0, "lzop -dc gives the image");
	is_str(scratch_get(&status, "mkdir sub && lzop -dN -p./sub own.lzo && ls sub"), "image",
		"lzop -N restores the name");
	is_str(scratch_get(&status, "stat -c '%%a %%Y' sub/image"), "640 981158400",
		"with mode and time");
	is_int(unpack_file("own.lzo"), 0, "we read the image");
	is_int(stats.end.hole_bytes, 2 * BLOCK_SIZE, "its zeros are holes");
	f = fopen("own.lzo", "rb");
	if (!ok(f && fread(head, sizeof(head), 1, f) == 1 && fclose(f) == 0 &&
			    lzop_header_parse(&h, head, sizeof(head)) == 1,
		    "it has a header"))
		return;
	ok(h.has_length && h.length == IMAGE_LEN, "with the length");
	ok(hash_equal(&h.digest, &stats.end.digest), "and the digest");
	fd = open("pipe.lzo", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	is_int(pack(NULL, fd), 0, "the same, to a descriptor");
	close(fd);
	is_int(scratch_run("lzop -t pipe.lzo && lzop -dc <pipe.lzo | cmp - image"), 0,
		"has the same image");
	f = fopen("pipe.lzo", "rb");
	ok(f && fread(head, sizeof(head), 1, f) == 1 && fclose(f) == 0 &&
			lzop_header_parse(&h, head, sizeof(head)) == 1 && !h.has_length,
		"but no length");
	is_int(unpack_file("pipe.lzo"), 0, "and we can read it");
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	scratch_open();
	make_image();
	test_regroup();
	test_stock();
	test_damage();
	test_stalled();
	test_sink();
	scratch_close(tap_failed);
	return tap_done();
}
