/*
 * thin: parses the XML of thin_dump, which has one element per line:
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
#define RESERVE_MS 5000 /* how long to wait while the metadata snapshot is in use */
#define RETRY_MS 100
#define DUMP_LIMIT_MS 600000 /* of thin_dump */
#define DUMP_MEMORY (UINT64_C(2) << 30)
#define LOCK_PREFIX "/run/img-tools-" /* followed by the UUID of the pool */

/* Parses the number in key="NUMBER" before end; key ends with =".  0 or -1. */
static int attribute_number(const char *line, const char *end, const char *key, uint64_t *out)
{
	const char *at = strstr(line, key);
	char *stop;

	if (!at || at >= end)
		return -1;
	at += strlen(key);
	*out = strtoull(at, &stop, 10);
	return stop > at && *stop == '"' && *at >= '0' && *at <= '9' ? 0 : -1;
}

static int thin_map_add(struct thin_map *m, uint64_t first, uint64_t count, uint64_t block)
{
	struct thin_range *last = m->count ? &m->range[m->count - 1] : NULL, *more;
	uint64_t limit = (uint64_t)INT64_MAX / block;

	if (count == 0 || first > limit || count > limit - first ||
		(last && first * block < last->end))
		return err_set(
			ST_FAILED, "the mappings in the output of thin_dump are out of order");
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

	/* Some versions of thin_dump do not end the last line. */
	for (line = text; *line; line = end + (*end == '\n')) {
		end = line + strcspn(line, "\n");
		line += strspn(line, " \t");
		if (strncmp(line, "<range_mapping ", 15) == 0) {
			if (attribute_number(line, end, "origin_begin=\"", &first) < 0 ||
				attribute_number(line, end, "length=\"", &count) < 0)
				return err_set(ST_FAILED, "cannot parse the output of thin_dump");
		} else if (strncmp(line, "<single_mapping ", 16) == 0) {
			count = 1;
			if (attribute_number(line, end, "origin_block=\"", &first) < 0)
				return err_set(ST_FAILED, "cannot parse the output of thin_dump");
		} else if (strncmp(line, "</superblock>", 13) == 0) {
			return 0;
		} else {
			continue;
		}
		if (thin_map_add(m, first, count, block) < 0)
			return -1;
	}
	return err_set(ST_FAILED, "the output of thin_dump is incomplete");
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
 * A reservation of the pool's metadata snapshot, of which the kernel has only one.  While
 * we have it, a lock file is locked and holds a byte.  If the file holds a byte and is not
 * locked, an interrupted job has left the snapshot behind, and it is released first.
 */
struct metadata_snap {
	dev_t pool;
	char path[sizeof(LOCK_PREFIX) + DM_TEXT_MAX];
	int fd;	      /* of the lock file, or -1 (also if it cannot be created) */
	bool is_left; /* the snapshot of an interrupted job cannot be released */
};

static int metadata_snap_try(struct metadata_snap *snap)
{
	char was;

	if (snap->fd < 0)
		snap->fd = io_lock_file(snap->path);
	if (snap->fd < 0 && errno == EWOULDBLOCK)
		return err_set(ST_BUSY, "in use: another job has it");
	if (snap->fd >= 0 && pread(snap->fd, &was, 1, 0) == 1) {
		/* EINVAL: that job ended before it reserved the snapshot. */
		snap->is_left = dm_message(snap->pool, "release_metadata_snap") < 0 &&
				err_errno() != EINVAL;
		if (snap->is_left)
			return -1;
	}
	err_clear();
	if (snap->fd >= 0 && pwrite(snap->fd, "1", 1, 0) != 1)
		return err_sys("cannot write '%s'", snap->path);
	if (dm_message(snap->pool, "reserve_metadata_snap") == 0)
		return 0;
	if (snap->fd >= 0 && ftruncate(snap->fd, 0) < 0)
		return err_sys("cannot write '%s'", snap->path);
	return -1;
}

/* While the snapshot is reserved, the file remains, so that the next job releases it. */
static void metadata_snap_unlock(struct metadata_snap *snap, bool is_reserved)
{
	if (snap->fd < 0)
		return;
	if (!is_reserved)
		unlink(snap->path);
	close(snap->fd);
}

static int metadata_snap_reserve(struct metadata_snap *snap, dev_t pool)
{
	int64_t until = io_now_ms() + RESERVE_MS;
	struct dm_id id;

	snap->pool = pool;
	snap->fd = -1;
	snap->is_left = false;
	dm_id(pool, &id);
	snprintf(snap->path, sizeof(snap->path), LOCK_PREFIX "%s", id.uuid);
	while (metadata_snap_try(snap) < 0) {
		if (io_now_ms() > until) {
			metadata_snap_unlock(snap, snap->is_left);
			return err_wrap("cannot reserve the metadata snapshot of the pool");
		}
		poll(NULL, 0, RETRY_MS);
	}
	return 0;
}

static int metadata_snap_release(struct metadata_snap *snap)
{
	int r = dm_message(snap->pool, "release_metadata_snap");

	metadata_snap_unlock(snap, r < 0);
	return r;
}

static int thin_map_dump(struct thin_map *m, const char *metadata, unsigned id, uint64_t block)
{
	char number[16];
	const char *argv[] = { "thin_dump", "--metadata-snap", "--dev-id", number, metadata, NULL };
	struct buf out = BUF_INIT, errors = BUF_INIT;
	struct child c = { .argv = argv,
		.keep_fd = -1,
		.ends_with_job = true,
		.limit_ms = DUMP_LIMIT_MS,
		.memory = DUMP_MEMORY,
		.out = &out,
		.errors = &errors };
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

/*
 * The ID of a thin volume in its pool, and the pool.  Its table has a third argument if it has an
 * external origin, "thin POOL ID ORIGIN".  0, or -1 recorded.
 */
static int thin_tables_read(dev_t dev, unsigned *id, struct thin_pool *p)
{
	unsigned ma, mi, meta_ma, meta_mi, sectors;
	char text[256], origin[2];
	int n;

	memset(p, 0, sizeof(*p));
	if (dm_table(dev, text, sizeof(text)) < 0)
		return -1;
	n = sscanf(text, "thin %u:%u %u %1s", &ma, &mi, id, origin);
	if (n < 3)
		return err_set(ST_FAILED, "device %u:%u is not a thin volume: %s", major(dev),
			minor(dev), text);
	p->has_origin = n == 4;
	p->dev = makedev(ma, mi);
	if (dm_table(p->dev, text, sizeof(text)) < 0)
		return -1;
	if (sscanf(text, "thin-pool %u:%u %*u:%*u %u", &meta_ma, &meta_mi, &sectors) != 3 ||
		sectors == 0)
		return err_set(ST_FAILED, "device %u:%u is not a thin pool: %s", ma, mi, text);
	p->metadata = makedev(meta_ma, meta_mi);
	p->chunk = (uint64_t)sectors * SECTOR;
	p->zeroes = !strstr(text, " skip_block_zeroing");
	return 0;
}

int thin_pool_look(struct thin_pool *p, dev_t dev)
{
	unsigned id;

	return thin_tables_read(dev, &id, p);
}

int thin_map_read(struct thin_map *m, dev_t dev)
{
	struct thin_pool pool;
	char metadata[64];
	struct metadata_snap snap;
	unsigned id;
	int r;

	memset(m, 0, sizeof(*m));
	if (thin_tables_read(dev, &id, &pool) < 0)
		return -1;
	if (pool.has_origin)
		return err_set(ST_FAILED, "it has an external origin");
	snprintf(metadata, sizeof(metadata), "/dev/block/%u:%u", major(pool.metadata),
		minor(pool.metadata));
	if (metadata_snap_reserve(&snap, pool.dev) < 0)
		return -1;
	r = thin_map_dump(m, metadata, id, pool.chunk);
	if (metadata_snap_release(&snap) < 0)
		r = -1;
	if (r < 0)
		thin_map_fini(m);
	return r;
}

struct pool_search {
	const char *pool; /* its UUID, without the suffix */
	dev_t dev;	  /* 0: not found */
};

static int pool_search_match(void *arg, const struct dm_id *id, dev_t dev)
{
	struct pool_search *search = arg;
	size_t n = strlen(search->pool);

	if (strncmp(id->uuid, search->pool, n) == 0 && strcmp(id->uuid + n, "-tpool") == 0)
		search->dev = dev;
	return 0;
}

int thin_take_back(const char *pool, uint64_t transaction, unsigned id)
{
	struct pool_search search = { pool, 0 };
	unsigned long long current;
	char text[256], message[32];

	if (dm_each(pool_search_match, &search) < 0)
		return -1;
	if (!search.dev)
		return err_set(ST_FAILED, "the pool is not active");
	if (dm_status(search.dev, text, sizeof(text)) < 0)
		return -1;
	if (sscanf(text, "thin-pool %llu ", &current) != 1 || current != transaction)
		return err_set(ST_FAILED, "the pool is not in transaction %llu: %s",
			(unsigned long long)transaction, text);
	snprintf(message, sizeof(message), "delete %u", id);
	return dm_message(search.dev, message);
}
