/* wire: frames that are written are parsed, and all others are refused. */
#include "lib/wire/wire.h"
#include "tests/unit/tap.h"

static uint8_t head[WIRE_HEADER];
static struct wire_header h;

static int parse(unsigned type, uint32_t len, enum wire_side from)
{
	memset(&h, 0x55, sizeof(h));
	wire_header_put(head, (enum wire_type)type, len);
	err_clear();
	return wire_header_parse(&h, head, from);
}

struct rule {
	enum wire_type type;
	const char *name;
	uint32_t min, max;
	bool client, helper;
};

static const struct rule rules[] = {
	{ WIRE_GREETING, "GREETING", 1, 262144, false, true },
	{ WIRE_REQUEST, "REQUEST", 1, 262144, true, false },
	{ WIRE_RECORD, "RECORD", 0, 262144, false, true },
	{ WIRE_GO, "GO", 0, 1, true, false },
	{ WIRE_DATA, "DATA", 21, 262164, true, true },
	{ WIRE_HOLE, "HOLE", 16, 16, true, true },
	{ WIRE_END, "END", 48, 48, true, true },
	{ WIRE_OK, "OK", 0, 262144, false, true },
	{ WIRE_ERROR, "ERROR", 6, 2054, false, true },
	{ WIRE_MESSAGE, "MESSAGE", 1, 2049, false, true },
	{ WIRE_PROGRESS, "PROGRESS", 32, 64, false, true },
	{ WIRE_BEAT, "BEAT", 0, 0, true, true },
	{ WIRE_FAILED, "FAILED", 6, 2054, true, true },
	{ WIRE_SAME, "SAME", 32, 32, true, true },
	{ WIRE_LANE, "LANE", 17, 17, true, false },
	{ WIRE_PAUSE, "PAUSE", 4, 4, true, true },
};

static void test_rule(const struct rule *r)
{
	int side, bad = 0;

	is_str(wire_name(r->type), r->name, r->name);
	for (side = WIRE_CLIENT; side <= WIRE_HELPER; side++) {
		bool may = side == WIRE_CLIENT ? r->client : r->helper;
		int want = may ? 0 : -1;

		bad += parse(r->type, r->min, (enum wire_side)side) != want;
		bad += may && (h.type != r->type || h.len != r->min);
		bad += parse(r->type, r->max, (enum wire_side)side) != want;
		bad += may && (h.type != r->type || h.len != r->max);
		bad += !may && err_status() != ST_PEER;
		bad += parse(r->type, r->max + 1, (enum wire_side)side) != -1;
		bad += err_status() != ST_PEER;
		bad += parse(r->type, UINT32_MAX, (enum wire_side)side) != -1;
		bad += r->min && parse(r->type, r->min - 1, (enum wire_side)side) != -1;
	}
	is_int(bad, 0, "its lengths and sides");
}

static void test_header(void)
{
	static const uint8_t drawn[] = { 5, 0, 0, 0, 0, 4, 0, 1 };
	unsigned i;
	int bad = 0;

	for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		test_rule(&rules[i]);
	is_int(i, WIRE_TYPE_MAX, "all types were tried");
	wire_header_put(head, WIRE_DATA, 0x40001);
	ok(memcmp(head, drawn, sizeof(drawn)) == 0, "a header is as it was drawn");
	for (i = WIRE_TYPE_MAX + 1; i <= 256; i++) {
		wire_header_put(head, WIRE_BEAT, 0);
		head[0] = (uint8_t)i;
		bad += wire_header_parse(&h, head, WIRE_HELPER) != -1;
		bad += strcmp(wire_name(i), "unknown") != 0;
	}
	is_int(bad, 0, "other types are none");
	is_str(wire_name(0), "unknown", "nor is 0");
	for (i = 8; i < 32; i++) {
		wire_header_put(head, WIRE_BEAT, 0);
		head[i / 8] |= (uint8_t)(1u << i % 8);
		bad += wire_header_parse(&h, head, WIRE_HELPER) != -1;
	}
	is_int(bad, 0, "bits that must be 0 are");
	is_int(parse(WIRE_GREETING, 262145, WIRE_HELPER), -1, "a list that is too long");
	is_str(err_text(), "protocol error: GREETING of 262145 bytes", "is named");
}

/* Parses the start of a DATA payload with these fields. */
static int data(struct block *b, uint64_t off, uint32_t raw, uint32_t coded, uint32_t payload)
{
	uint8_t p[WIRE_DATA_HEADER];

	put_be64(p, off);
	put_be32(p + 8, raw);
	put_be32(p + 12, coded);
	put_be32(p + 16, 0x01020304);
	err_clear();
	return wire_data_parse(b, p, payload);
}

static int refused(struct block *b, uint64_t off, uint32_t raw, uint32_t coded, int more)
{
	return data(b, off, raw, coded, (uint32_t)(WIRE_DATA_HEADER + (int64_t)coded + more)) ==
		       -1 &&
	       err_status() == ST_PEER;
}

static void test_data(void)
{
	struct block *b = block_new(), *back = block_new();
	const uint64_t last = INT64_MAX / BLOCK_SIZE * BLOCK_SIZE;
	uint8_t p[WIRE_DATA_HEADER];

	if (!ok(b && back, "two blocks"))
		return;
	block_set_data(b, 7ull * BLOCK_SIZE, 1000);
	memset(b->raw, 'x', 1000);
	b->has_raw = true;
	block_encode(b, true);
	wire_data_put(p, b);
	is_int(wire_data_parse(back, p, WIRE_DATA_HEADER + b->coded_len), 0, "a block");
	ok(back->kind == BLOCK_DATA && back->off == b->off && back->len == 1000 &&
			back->coded_len == b->coded_len && back->adler == b->adler,
		"is the same on the other side");
	ok(!back->has_raw && !back->has_hash, "and it has neither raw form nor hash");
	is_int(data(b, 0, 1, 1, WIRE_DATA_HEADER + 1), 0, "the shortest");
	is_int(data(b, last, BLOCK_SIZE - 1, 9, WIRE_DATA_HEADER + 9), 0, "the very last");
	ok(refused(b, last, BLOCK_SIZE, 9, 0), "one byte beyond");
	ok(refused(b, 1, 1, 1, 0), "out of step");
	ok(refused(b, BLOCK_SIZE / 2, 1, 1, 0), "by a half");
	ok(refused(b, 1ull << 63, 1, 1, 0), "beyond all files");
	ok(refused(b, UINT64_MAX - BLOCK_SIZE + 1, BLOCK_SIZE, 1, 0), "around the end");
	ok(refused(b, 0, BLOCK_SIZE + 1, 1, 0), "too long");
	ok(refused(b, 0, UINT32_MAX, UINT32_MAX, 0), "much too long");
	ok(refused(b, 0, 0, 0, 0), "empty");
	ok(refused(b, 0, 5, 0, 0), "not coded");
	ok(refused(b, 0, 5, 6, 0), "coded longer than raw");
	ok(refused(b, 0, 5, 5, 1), "more payload than the block");
	ok(refused(b, 0, 5, 5, -1), "less payload than the block");
	block_free(b);
	block_free(back);
}

static int hole(struct block *b, uint64_t off, uint64_t len)
{
	uint8_t p[WIRE_HOLE_SIZE];

	put_be64(p, off);
	put_be64(p + 8, len);
	err_clear();
	return wire_hole_parse(b, p);
}

static void test_hole(void)
{
	struct block b, back;
	uint8_t p[WIRE_HOLE_SIZE];

	memset(&b, 0, sizeof(b));
	memset(&back, 0, sizeof(back));
	block_set_hole(&b, BLOCK_SIZE, 5ull << 40);
	wire_hole_put(p, &b);
	is_int(wire_hole_parse(&back, p), 0, "a hole");
	ok(back.kind == BLOCK_HOLE && back.off == b.off && back.len == b.len, "is the same");
	is_int(hole(&b, 0, INT64_MAX), 0, "the longest");
	is_int(hole(&b, 0, (uint64_t)INT64_MAX + 1), -1, "one byte longer");
	is_int(err_status(), ST_PEER, "is the peer's fault");
	is_int(hole(&b, BLOCK_SIZE, INT64_MAX), -1, "beyond the end");
	is_int(hole(&b, BLOCK_SIZE, UINT64_MAX - BLOCK_SIZE + 1), -1, "around the end");
	is_int(hole(&b, 0, 0), -1, "an empty one");
	is_int(hole(&b, 3, BLOCK_SIZE), -1, "one out of step");
}

static int same(uint64_t off, uint64_t len)
{
	struct wire_same s = { off, len, { { 0 } } }, back;
	uint8_t p[WIRE_SAME_SIZE];

	wire_same_put(p, &s);
	err_clear();
	return wire_same_parse(&back, p);
}

static void test_same(void)
{
	const uint64_t last = INT64_MAX / BLOCK_SIZE * BLOCK_SIZE;
	struct wire_same s = { 3ull * BLOCK_SIZE, 0x12345, { { 0 } } }, back;
	uint8_t p[WIRE_SAME_SIZE];

	s.hash.byte[0] = 0xab;
	s.hash.byte[15] = 0xcd;
	wire_same_put(p, &s);
	ok(p[5] == 12 && p[7] == 0 && p[13] == 1 && p[14] == 0x23 && p[15] == 0x45 &&
			p[16] == 0xab && p[31] == 0xcd,
		"a SAME is as it was drawn");
	is_int(wire_same_parse(&back, p), 0, "it is parsed");
	ok(back.off == s.off && back.len == s.len && hash_equal(&back.hash, &s.hash),
		"and is the same on the other side");
	is_int(same(0, 1), 0, "the shortest");
	is_int(same(BLOCK_SIZE, 1 << 30), 0, "the longest");
	is_int(same(last, BLOCK_SIZE - 1), 0, "the very last");
	is_int(same(0, (1 << 30) + 1), -1, "one byte longer");
	is_str(err_text(), "protocol error: SAME of 1073741825 bytes", "is named");
	is_int(err_status(), ST_PEER, "and the peer's fault");
	is_int(same(last, BLOCK_SIZE), -1, "one byte beyond the end");
	is_int(same(0, 0), -1, "an empty one");
	is_int(same(7, BLOCK_SIZE), -1, "one out of step");
	is_int(same(0, UINT64_MAX), -1, "one without measure");
	is_int(same(UINT64_MAX - BLOCK_SIZE + 1, BLOCK_SIZE), -1, "one around the end");
}

static void test_end(void)
{
	struct wire_end e = { 1, 2, 3, 4, { { 0 } } }, back;
	uint8_t p[WIRE_END_SIZE];

	e.len = UINT64_MAX;
	e.digest.byte[0] = 0xab;
	e.digest.byte[15] = 0xcd;
	wire_end_put(p, &e);
	ok(p[0] == 0xff && p[15] == 2 && p[23] == 3 && p[31] == 4 && p[32] == 0xab && p[47] == 0xcd,
		"an END is as it was drawn");
	wire_end_parse(&back, p);
	ok(back.len == e.len && back.data_bytes == 2 && back.hole_bytes == 3 &&
			back.data_blocks == 4 && hash_equal(&back.digest, &e.digest),
		"and is the same on the other side");
}

static void test_error(void)
{
	static const uint8_t odd[] = { 0, 99, 0xff, 0xff, 0, 28, 'a', 0, 'b', 27, '[' };
	struct err e = { ST_NOROOM, 28, "disk full" }, back;
	uint8_t large[6 + WIRE_TEXT_MAX];
	struct buf b = BUF_INIT;

	wire_error_put(&b, &e);
	is_int(b.len, 6 + strlen(e.text), "an ERROR's length");
	wire_error_parse(&back, b.data, (uint32_t)b.len);
	is_int(back.status, ST_NOROOM, "its status");
	is_int(back.sys, 28, "its errno");
	is_str(back.text, "disk full", "its text");
	buf_clear(&b);
	memset(e.text, 'x', sizeof(e.text));
	wire_error_put(&b, &e);
	is_int(b.len, 6 + sizeof(e.text), "a text without an end has one");
	buf_fini(&b);
	wire_error_parse(&back, odd, sizeof(odd));
	is_int(back.status, ST_FAILED, "a status that is none");
	is_int(back.sys, 28, "an errno that is none is cut");
	is_str(back.text, "a", "a text ends at its NUL");
	memset(large, 'y', sizeof(large));
	large[0] = large[1] = 0;
	wire_error_parse(&back, large, sizeof(large));
	is_int(back.status, ST_FAILED, "success is no error's status");
	is_int(strlen(back.text), ERR_TEXT_MAX - 1, "the longest text is cut");
	wire_error_parse(&back, large, 6);
	is_str(back.text, "", "none at all");
}

int main(void)
{
	test_header();
	test_data();
	test_hole();
	test_same();
	test_end();
	test_error();
	return tap_done();
}
