/*
 * wire: frames to bytes and back.  One table says for each type which side
 * sends it and how long it may be; no other file knows that.
 */
#include "lib/wire/wire.h"

#include <string.h>

static const struct rule {
	const char *name;
	uint32_t min, max;
	bool from_client, from_helper;
} rules[WIRE_TYPE_MAX + 1] = {
	[WIRE_GREETING] = { "GREETING", 1, WIRE_KV_MAX, false, true },
	[WIRE_REQUEST] = { "REQUEST", 1, WIRE_KV_MAX, true, false },
	[WIRE_RECORD] = { "RECORD", 0, WIRE_KV_MAX, false, true },
	[WIRE_GO] = { "GO", 0, WIRE_GO_MAX, true, false },
	[WIRE_DATA] = { "DATA", WIRE_DATA_HEADER + 1, WIRE_DATA_MAX, true, true },
	[WIRE_HOLE] = { "HOLE", WIRE_HOLE_SIZE, WIRE_HOLE_SIZE, true, true },
	[WIRE_END] = { "END", WIRE_END_SIZE, WIRE_END_SIZE, true, true },
	[WIRE_OK] = { "OK", 0, WIRE_KV_MAX, false, true },
	[WIRE_ERROR] = { "ERROR", 6, 6 + WIRE_TEXT_MAX, false, true },
	[WIRE_MESSAGE] = { "MESSAGE", 1, 1 + WIRE_TEXT_MAX, false, true },
	[WIRE_PROGRESS] = { "PROGRESS", WIRE_PROGRESS_SIZE, WIRE_PROGRESS_MAX, false, true },
	[WIRE_BEAT] = { "BEAT", 0, 0, true, true },
	[WIRE_FAILED] = { "FAILED", 6, 6 + WIRE_TEXT_MAX, true, true },
	[WIRE_SAME] = { "SAME", WIRE_SAME_SIZE, WIRE_SAME_SIZE, true, true },
	[WIRE_LANE] = { "LANE", WIRE_LANE_SIZE, WIRE_LANE_SIZE, true, false },
	[WIRE_PAUSE] = { "PAUSE", WIRE_PAUSE_SIZE, WIRE_PAUSE_SIZE, true, true },
};

const char *wire_name(unsigned type)
{
	return type > 0 && type <= WIRE_TYPE_MAX ? rules[type].name : "unknown";
}

void wire_header_put(uint8_t out[WIRE_HEADER], enum wire_type type, uint32_t len)
{
	memset(out, 0, WIRE_HEADER);
	out[0] = (uint8_t)type;
	put_be32(out + 4, len);
}

int wire_header_parse(struct wire_header *h, const uint8_t in[WIRE_HEADER], enum wire_side from)
{
	const struct rule *r;
	uint32_t len = get_be32(in + 4);

	if (in[0] == 0 || in[0] > WIRE_TYPE_MAX || in[1] || in[2] || in[3])
		return err_set(ST_PEER, "protocol error: not a frame (%02x%02x%02x%02x)", in[0],
			in[1], in[2], in[3]);
	r = &rules[in[0]];
	if (!(from == WIRE_CLIENT ? r->from_client : r->from_helper))
		return err_set(ST_PEER, "protocol error: %s from the wrong side", r->name);
	if (len < r->min || len > r->max)
		return err_set(ST_PEER, "protocol error: %s of %u bytes", r->name, len);
	h->type = (enum wire_type)in[0];
	h->len = len;
	return 0;
}

/* A range of an image that a peer named must be aligned and not empty, and end below 2^63. */
static int wire_check_range(uint64_t off, uint64_t len)
{
	if (off % BLOCK_SIZE || len == 0 || off > INT64_MAX || len > INT64_MAX - off)
		return err_set(ST_PEER, "protocol error: a block of %llu bytes at %llu",
			(unsigned long long)len, (unsigned long long)off);
	return 0;
}

int wire_data_parse(struct block *b, const uint8_t in[WIRE_DATA_HEADER], uint32_t payload_len)
{
	uint64_t off = get_be64(in);
	uint32_t raw_len = get_be32(in + 8), coded_len = get_be32(in + 12);

	if (wire_check_range(off, raw_len) < 0)
		return -1;
	if (raw_len > BLOCK_SIZE || coded_len == 0 || coded_len > raw_len ||
		payload_len != WIRE_DATA_HEADER + coded_len)
		return err_set(
			ST_PEER, "protocol error: a block of %u bytes in %u", raw_len, coded_len);
	block_set_data(b, off, raw_len);
	b->coded_len = coded_len;
	b->adler = get_be32(in + 16);
	return 0;
}

void wire_data_put(uint8_t out[WIRE_DATA_HEADER], const struct block *b)
{
	put_be64(out, b->off);
	lzop_block_write(out + 8, b);
}

int wire_hole_parse(struct block *b, const uint8_t in[WIRE_HOLE_SIZE])
{
	uint64_t off = get_be64(in), len = get_be64(in + 8);

	if (wire_check_range(off, len) < 0)
		return -1;
	block_set_hole(b, off, len);
	return 0;
}

void wire_hole_put(uint8_t out[WIRE_HOLE_SIZE], const struct block *b)
{
	put_be64(out, b->off);
	put_be64(out + 8, b->len);
}

int wire_same_parse(struct wire_same *s, const uint8_t in[WIRE_SAME_SIZE])
{
	s->off = get_be64(in);
	s->len = get_be64(in + 8);
	memcpy(s->hash.byte, in + 16, HASH_SIZE);
	if (wire_check_range(s->off, s->len) < 0)
		return -1;
	if (s->len > WIRE_SAME_MAX)
		return err_set(
			ST_PEER, "protocol error: SAME of %llu bytes", (unsigned long long)s->len);
	return 0;
}

void wire_same_put(uint8_t out[WIRE_SAME_SIZE], const struct wire_same *s)
{
	put_be64(out, s->off);
	put_be64(out + 8, s->len);
	memcpy(out + 16, s->hash.byte, HASH_SIZE);
}

void wire_progress_parse(struct wire_progress *p, const uint8_t *in, size_t len)
{
	memset(p, 0, sizeof(*p));
	p->done = get_be64(in);
	p->total = get_be64(in + 8);
	p->data = get_be64(in + 16);
	p->left = get_be64(in + 24);
	p->threshold = UINT64_MAX;
	if (len < WIRE_PROGRESS_MAX)
		return;
	p->capacity = get_be64(in + 32);
	p->allocation = get_be64(in + 40);
	p->physical = get_be64(in + 48);
	p->threshold = get_be64(in + 56);
}

size_t wire_progress_put(uint8_t out[WIRE_PROGRESS_MAX], const struct wire_progress *p)
{
	put_be64(out, p->done);
	put_be64(out + 8, p->total);
	put_be64(out + 16, p->data);
	put_be64(out + 24, p->left);
	if (!p->physical)
		return WIRE_PROGRESS_SIZE;
	put_be64(out + 32, p->capacity);
	put_be64(out + 40, p->allocation);
	put_be64(out + 48, p->physical);
	put_be64(out + 56, p->threshold);
	return WIRE_PROGRESS_MAX;
}

void wire_end_parse(struct wire_end *e, const uint8_t in[WIRE_END_SIZE])
{
	e->len = get_be64(in);
	e->data_bytes = get_be64(in + 8);
	e->hole_bytes = get_be64(in + 16);
	e->data_blocks = get_be64(in + 24);
	memcpy(e->digest.byte, in + 32, HASH_SIZE);
}

void wire_end_put(uint8_t out[WIRE_END_SIZE], const struct wire_end *e)
{
	put_be64(out, e->len);
	put_be64(out + 8, e->data_bytes);
	put_be64(out + 16, e->hole_bytes);
	put_be64(out + 24, e->data_blocks);
	memcpy(out + 32, e->digest.byte, HASH_SIZE);
}

void wire_error_put(struct buf *out, const struct err *e)
{
	size_t len = strnlen(e->text, sizeof(e->text));

	buf_u16(out, (uint16_t)e->status);
	buf_u32(out, (uint32_t)e->sys);
	buf_add(out, e->text, len < WIRE_TEXT_MAX ? len : WIRE_TEXT_MAX);
}

void wire_error_parse(struct err *e, const uint8_t *in, uint32_t len)
{
	struct view v;
	unsigned status;

	memset(e, 0, sizeof(*e));
	view_init(&v, in, len);
	status = view_u16(&v);
	e->status = status >= ST_FAILED && status <= ST_MAX ? (enum status)status : ST_FAILED;
	e->sys = (int)(view_u32(&v) & 0xffff);
	if (v.left > sizeof(e->text) - 1)
		v.left = sizeof(e->text) - 1;
	if (v.left)
		memcpy(e->text, v.p, v.left);
}
