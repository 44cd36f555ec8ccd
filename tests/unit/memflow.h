/*
 * memflow: a source that generates an image, and a sink that checks that it gets this
 * image; both can be made to fail at a given block.
 *
 * Of every five blocks the first is noise, the second is compressible, the third is
 * zeros that the source passes as data, the fourth is a hole, the fifth is noise again.
 * The last block may be short.
 */
#ifndef IMG_MEMFLOW_H
#define IMG_MEMFLOW_H

#include <semaphore.h>
#include <xxhash.h>

#include "lib/flow/flow.h"
#include "tests/unit/conns.h"

#define MEMFLOW_NEVER UINT64_MAX

enum memflow_content { MEMFLOW_NOISE, MEMFLOW_TEXT, MEMFLOW_ZEROS, MEMFLOW_HOLE };

static inline enum memflow_content memflow_content(uint64_t index)
{
	return (enum memflow_content)(index % 5 % 4);
}

static inline void memflow_fill(uint8_t *p, uint64_t len, uint64_t index)
{
	if (memflow_content(index) >= MEMFLOW_ZEROS)
		memset(p, 0, len);
	else
		conns_fill(p, len, index, memflow_content(index) == MEMFLOW_TEXT);
}

static inline uint64_t memflow_blocks(uint64_t len)
{
	return (len + BLOCK_SIZE - 1) / BLOCK_SIZE;
}

static inline uint64_t memflow_block_len(uint64_t len, uint64_t index)
{
	return len - index * BLOCK_SIZE < BLOCK_SIZE ? len - index * BLOCK_SIZE : BLOCK_SIZE;
}

/* The digest as the manual defines it, computed without lib/block. */
static inline void memflow_digest(uint64_t len, struct hash *out)
{
	XXH3_state_t *all = XXH3_createState();
	XXH128_canonical_t canonical;
	uint8_t *raw = calloc(1, BLOCK_SIZE), le[8];
	uint64_t i;
	int k;

	if (!all || !raw)
		abort();
	XXH3_128bits_reset(all);
	for (k = 0; k < 8; k++)
		le[k] = (uint8_t)(len >> 8 * k);
	XXH3_128bits_update(all, le, 8);
	for (i = 0; i < memflow_blocks(len); i++) {
		if (memflow_content(i) >= MEMFLOW_ZEROS)
			continue;
		memset(raw, 0, BLOCK_SIZE);
		memflow_fill(raw, memflow_block_len(len, i), i);
		for (k = 0; k < 8; k++)
			le[k] = (uint8_t)(i >> 8 * k);
		XXH3_128bits_update(all, le, 8);
		XXH128_canonicalFromHash(&canonical, XXH3_128bits(raw, BLOCK_SIZE));
		XXH3_128bits_update(all, canonical.digest, sizeof(canonical.digest));
	}
	XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(all));
	memcpy(out->byte, canonical.digest, HASH_SIZE);
	free(raw);
	XXH3_freeState(all);
}

struct memsource {
	struct source base;
	uint64_t len, index;
	uint64_t fail_next, fail_load; /* the block at which to fail, or MEMFLOW_NEVER */
	uint64_t wait_at;	       /* the block at which next() waits until stop() */
	bool fail_finish;
	uint64_t shift_at, shift, longer; /* the block at shift_at is moved by shift, and longer */
	sem_t stopped;
	atomic_int stops;
};

static inline int memsource_next(struct source *base, struct block *b)
{
	struct memsource *s = (struct memsource *)base;
	uint64_t off = s->index * BLOCK_SIZE, n;

	if (s->index == s->fail_next)
		return err_set(ST_BUSY, "next");
	if (s->index == s->wait_at) {
		while (sem_wait(&s->stopped) < 0)
			;
		return err_set(ST_FAILED, "stopped");
	}
	if (s->index == memflow_blocks(s->len))
		return 0;
	n = memflow_block_len(s->len, s->index);
	if (s->index == s->shift_at) {
		off += s->shift;
		n += s->longer;
	}
	if (memflow_content(s->index) == MEMFLOW_HOLE)
		block_set_hole(b, off, n);
	else
		block_set_data(b, off, n);
	s->index++;
	return 1;
}

static inline int memsource_load(struct source *base, struct block *b)
{
	struct memsource *s = (struct memsource *)base;

	if (b->off / BLOCK_SIZE == s->fail_load)
		return err_set(ST_CORRUPT, "load");
	memflow_fill(b->raw, b->len, b->off / BLOCK_SIZE);
	b->has_raw = true;
	return 0;
}

static inline void memsource_stop(struct source *base)
{
	struct memsource *s = (struct memsource *)base;

	atomic_fetch_add(&s->stops, 1);
	sem_post(&s->stopped);
}

static inline int memsource_finish(struct source *base, struct wire_end *seen)
{
	(void)seen;
	return ((struct memsource *)base)->fail_finish ? err_set(ST_CORRUPT, "finish") : 0;
}

static const struct source_ops memsource_ops = {
	.next = memsource_next,
	.load = memsource_load,
	.stop = memsource_stop,
	.finish = memsource_finish,
};

/* A source of len bytes; known: whether the flow knows the length. */
static inline struct memsource *memsource(uint64_t len, bool known)
{
	struct memsource *s =
		source_new(sizeof(*s), &memsource_ops, known ? len : FLOW_LEN_UNKNOWN);

	if (!s)
		abort();
	s->len = len;
	s->fail_next = s->fail_load = s->wait_at = s->shift_at = MEMFLOW_NEVER;
	sem_init(&s->stopped, 0, 0);
	return s;
}

struct memsink {
	struct sink base;
	uint64_t next;	  /* the index of the next block, unless the sink is parallel */
	uint64_t fail_at; /* the block at which to fail, or MEMFLOW_NEVER */
	bool fail_finish, coded;
	unsigned bad, after_failure;
	uint64_t data, holes;
	bool failed, finished;
	struct wire_end end;
	pthread_mutex_t lock;
	void (*on_put)(struct memsink *s, const struct block *b);
	void *arg;
};

/* Whether b has the content that the source generated, and the form that the sink wants. */
static inline bool memsink_is_good(struct memsink *s, struct block *b)
{
	uint64_t index = b->off / BLOCK_SIZE;
	uint8_t *want;
	bool same;

	if (b->kind == BLOCK_HOLE)
		return memflow_content(index) >= MEMFLOW_ZEROS;
	if (s->coded ? b->coded_len == 0 || b->coded_len > b->len : !b->has_raw)
		return false;
	want = malloc(BLOCK_SIZE);
	if (!want || block_decode(b) < 0)
		abort();
	memflow_fill(want, b->len, index);
	same = memcmp(want, b->raw, b->len) == 0;
	free(want);
	return same;
}

static inline int memsink_put(struct sink *base, struct block *b)
{
	struct memsink *s = (struct memsink *)base;
	bool good = memsink_is_good(s, b);
	int r = 0;

	pthread_mutex_lock(&s->lock);
	if (!base->ops->parallel && (b->off != s->next * BLOCK_SIZE || s->failed))
		s->bad++;
	s->after_failure += s->failed;
	s->bad += !good;
	s->next++;
	s->data += b->kind == BLOCK_DATA;
	s->holes += b->kind == BLOCK_HOLE;
	if (b->off / BLOCK_SIZE == s->fail_at) {
		s->failed = true;
		r = err_set(ST_NOROOM, "put");
	}
	pthread_mutex_unlock(&s->lock);
	if (s->on_put)
		s->on_put(s, b);
	return r;
}

static inline int memsink_finish(struct sink *base, const struct wire_end *end)
{
	struct memsink *s = (struct memsink *)base;

	s->finished = true;
	s->end = *end;
	return s->fail_finish ? err_set(ST_NOROOM, "finish") : 0;
}

static const struct sink_ops memsink_raw = {
	.wants = SINK_RAW,
	.put = memsink_put,
	.finish = memsink_finish,
};
static const struct sink_ops memsink_parallel = {
	.wants = SINK_RAW,
	.parallel = true,
	.put = memsink_put,
	.finish = memsink_finish,
};
static const struct sink_ops memsink_coded = {
	.wants = SINK_CODED,
	.put = memsink_put,
	.finish = memsink_finish,
};
static const struct sink_ops memsink_archive = {
	.wants = SINK_ARCHIVE,
	.put = memsink_put,
	.finish = memsink_finish,
};

static inline struct memsink *memsink(const struct sink_ops *ops)
{
	struct memsink *s = sink_new(sizeof(*s), ops);

	if (!s)
		abort();
	s->fail_at = MEMFLOW_NEVER;
	s->coded = ops->wants == SINK_CODED || ops->wants == SINK_ARCHIVE;
	pthread_mutex_init(&s->lock, NULL);
	return s;
}

#endif
