/*
 * thin: thin_dump writes one element a line:
 *
 *	<range_mapping origin_begin="0" data_begin="0" length="16" time="0"/>
 *	<single_mapping origin_block="20" data_block="16" time="0"/>
 */
#include "lib/lvm/thin.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/child.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/lvm/dm.h"

#define SECTOR 512
#define HELD_MS 5000 /* how long another's snapshot of the metadata is waited for */
#define AGAIN_MS 100
#define LOANS "/run/img-tools-" /* with the pool's UUID: which pools lend us theirs */

/* The number in key="NUMBER" before end; 0 or -1. */
static int attribute(const char *line, const char *end, const char *key, uint64_t *out)
{
	const char *at = strstr(line, key);
	char *stop;

	if (!at || at >= end)
		return -1;
	at += strlen(key);
	*out = strtoull(at, &stop, 10);
	return stop > at && *stop == '"' && *at >= '0' && *at <= '9' ? 0 : -1;
}

static int add(struct thin_map *m, uint64_t first, uint64_t count, uint64_t block)
{
	struct thin_range *last = m->count ? &m->range[m->count - 1] : NULL, *more;
	uint64_t limit = (uint64_t)INT64_MAX / block;

	if (count == 0 || first > limit || count > limit - first ||
		(last && first * block < last->end))
		return err_set(ST_FAILED, "thin_dump's mappings are out of order");
	if (last && last->end == first * block) {
		last->end += count * block;
		return 0;
	}
	if ((m->count & (m->count - 1)) == 0) {
		more = realloc(m->range, (m->count ? 2 * m->count : 1) * sizeof(*more));
		if (!more)
			return err_set(ST_FAILED, "out of memory");
		m->range = more;
	}
	m->range[m->count].start = first * block;
	m->range[m->count++].end = (first + count) * block;
	return 0;
}

int thin_map_parse(struct thin_map *m, const char *text, uint64_t block)
{
	const char *line, *end;
	uint64_t first, count;

	for (line = text; (end = strchr(line, '\n')); line = end + 1) {
		line += strspn(line, " \t");
		if (strncmp(line, "<range_mapping ", 15) == 0) {
			if (attribute(line, end, "origin_begin=\"", &first) < 0 ||
				attribute(line, end, "length=\"", &count) < 0)
				return err_set(ST_FAILED, "thin_dump's mappings cannot be read");
		} else if (strncmp(line, "<single_mapping ", 16) == 0) {
			count = 1;
			if (attribute(line, end, "origin_block=\"", &first) < 0)
				return err_set(ST_FAILED, "thin_dump's mappings cannot be read");
		} else if (strncmp(line, "</superblock>", 13) == 0) {
			return 0;
		} else {
			continue;
		}
		if (add(m, first, count, block) < 0)
			return -1;
	}
	return err_set(ST_FAILED, "thin_dump's mappings have no end");
}

void thin_map_fini(struct thin_map *m)
{
	free(m->range);
	memset(m, 0, sizeof(*m));
}

const struct thin_range *thin_map_find(const struct thin_map *m, uint64_t off)
{
	size_t low = 0, high = m->count, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (m->range[mid].end <= off)
			low = mid + 1;
		else
			high = mid;
	}
	return low < m->count ? &m->range[low] : NULL;
}

/*
 * The kernel's snapshot of the pool's metadata, waited for while another has it.  What a
 * killed run of ours has not given back is known by its file, which holds something and
 * is not locked.
 */
struct loan {
	dev_t pool;
	char path[sizeof(LOANS) + DM_TEXT_MAX];
	int fd;
};

static int reserve_now(struct loan *l)
{
	char was;

	if (l->fd < 0)
		l->fd = io_lock_file(l->path);
	if (l->fd < 0 && errno == EWOULDBLOCK)
		return err_set(ST_BUSY, "another run has it");
	if (l->fd >= 0 && pread(l->fd, &was, 1, 0) == 1)
		dm_message(l->pool, "release_metadata_snap");
	err_clear(); /* it may have died before it had that */
	if (l->fd >= 0 && pwrite(l->fd, "1", 1, 0) != 1)
		return err_sys("cannot write '%s'", l->path);
	if (dm_message(l->pool, "reserve_metadata_snap") == 0)
		return 0;
	if (l->fd >= 0 && ftruncate(l->fd, 0) < 0)
		return err_sys("cannot write '%s'", l->path);
	return -1;
}

static void end_loan(struct loan *l)
{
	if (l->fd < 0)
		return;
	unlink(l->path);
	close(l->fd);
}

static int reserve(struct loan *l, dev_t pool)
{
	int64_t until = io_now_ms() + HELD_MS;
	struct dm_id id;

	l->pool = pool;
	l->fd = -1;
	dm_id(pool, &id);
	snprintf(l->path, sizeof(l->path), LOANS "%s", id.uuid);
	while (reserve_now(l) < 0) {
		if (io_now_ms() > until) {
			end_loan(l);
			return err_wrap("cannot get a snapshot of the pool's metadata");
		}
		poll(NULL, 0, AGAIN_MS);
	}
	return 0;
}

static int release(struct loan *l)
{
	int r = dm_message(l->pool, "release_metadata_snap");

	end_loan(l);
	return r;
}

static int dump(struct thin_map *m, const char *metadata, unsigned id, uint64_t block)
{
	char number[16];
	const char *argv[] = { "thin_dump", "--metadata-snap", "--dev-id", number, metadata, NULL };
	struct buf out = BUF_INIT, errors = BUF_INIT;
	struct child c = { .argv = argv, .keep_fd = -1, .out = &out, .errors = &errors };
	int r;

	snprintf(number, sizeof(number), "%u", id);
	r = child_run(&c);
	if (r > 0)
		r = err_set(ST_FAILED, "thin_dump: %.*s",
			errors.len ? (int)strcspn(buf_str(&errors), "\n") : 6,
			errors.len ? buf_str(&errors) : "failed");
	if (r == 0)
		r = thin_map_parse(m, out.len ? buf_str(&out) : "", block);
	buf_fini(&out);
	buf_fini(&errors);
	return r;
}

/* The number of a thin volume in its pool, and the pool. */
static int look(dev_t dev, unsigned *id, struct thin_pool *p)
{
	unsigned ma, mi, meta_ma, meta_mi, sectors;
	char text[256];

	memset(p, 0, sizeof(*p));
	if (dm_table(dev, text, sizeof(text)) < 0)
		return -1;
	if (sscanf(text, "thin %u:%u %u", &ma, &mi, id) != 3)
		return err_set(ST_FAILED, "%u:%u is not thin: %s", major(dev), minor(dev), text);
	p->dev = makedev(ma, mi);
	if (dm_table(p->dev, text, sizeof(text)) < 0)
		return -1;
	if (sscanf(text, "thin-pool %u:%u %*u:%*u %u", &meta_ma, &meta_mi, &sectors) != 3 ||
		sectors == 0)
		return err_set(ST_FAILED, "%u:%u is no thin pool: %s", ma, mi, text);
	p->metadata = makedev(meta_ma, meta_mi);
	p->chunk = (uint64_t)sectors * SECTOR;
	p->zeroes = !strstr(text, " skip_block_zeroing");
	return 0;
}

int thin_pool_look(struct thin_pool *p, dev_t dev)
{
	unsigned id;

	return look(dev, &id, p);
}

int thin_map_read(struct thin_map *m, dev_t dev)
{
	struct thin_pool pool;
	char metadata[64];
	struct loan loan;
	unsigned id;
	int r;

	memset(m, 0, sizeof(*m));
	if (look(dev, &id, &pool) < 0)
		return -1;
	snprintf(metadata, sizeof(metadata), "/dev/block/%u:%u", major(pool.metadata),
		minor(pool.metadata));
	if (reserve(&loan, pool.dev) < 0)
		return -1;
	r = dump(m, metadata, id, pool.chunk);
	if (release(&loan) < 0)
		r = -1;
	if (r < 0)
		thin_map_fini(m);
	return r;
}

struct wanted {
	const char *pool;
	dev_t dev;
};

static int is_pool(void *arg, const struct dm_id *id, dev_t dev)
{
	struct wanted *w = arg;
	size_t n = strlen(w->pool);

	if (strncmp(id->uuid, w->pool, n) == 0 && strcmp(id->uuid + n, "-tpool") == 0)
		w->dev = dev;
	return 0;
}

int thin_take_back(const char *pool, uint64_t transaction, unsigned id)
{
	struct wanted w = { pool, 0 };
	unsigned long long current;
	char text[256], message[32];

	if (dm_each(is_pool, &w) < 0)
		return -1;
	if (!w.dev)
		return err_set(ST_FAILED, "the pool is not active");
	if (dm_status(w.dev, text, sizeof(text)) < 0)
		return -1;
	if (sscanf(text, "thin-pool %llu ", &current) != 1 || current != transaction)
		return err_set(ST_FAILED, "the pool is not in transaction %llu: %s",
			(unsigned long long)transaction, text);
	snprintf(message, sizeof(message), "delete %u", id);
	return dm_message(w.dev, message);
}
