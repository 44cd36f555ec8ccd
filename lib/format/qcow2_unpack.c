/*
 * qcow2_unpack: a thread that wants a cluster which another one is unpacking waits for that.
 */
#include "lib/format/qcow2_unpack.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/format/qcow2_tables.h"

/* A cluster has at most twice its size of packed bytes. */
static int reserve_memory(struct qcow2_unpacker *k, size_t size)
{
	if (k->size >= size)
		return 0;
	free(k->memory);
	k->memory = malloc(size);
	k->size = k->memory ? size : 0;
	return k->memory ? 0 : err_set(ST_FAILED, "out of memory");
}

/* Brings the cluster of a run into memory. */
static int unpack_run(
	struct qcow2_unpacker *k, const struct qcow2_map *map, const struct qcow2_run *run)
{
	size_t cluster = map->q->cluster_size;
	uint8_t *packed;

	if (reserve_memory(k, 3 * cluster) < 0)
		return -1;
	packed = k->memory + cluster;
	switch (io_pread_within(map->fd, map->len, packed, run->host_len, run->host)) {
	case 0:
		return qcow2_tables_refuse("L2 table", "has a cluster outside of the image");
	case 1:
		return qcow2_cluster_unpack(&k->packing, map->q, k->memory, packed, run->host_len);
	default:
		return -1;
	}
}

/* The unpacker that has the cluster, or else the one whose cluster was not used for longest. */
static struct qcow2_unpacker *choose_unpacker(
	struct qcow2_unpack *u, const struct qcow2_map *map, uint64_t start)
{
	struct qcow2_unpacker *k, *oldest = NULL;

	for (k = u->unpacker; k < u->unpacker + QCOW2_UNPACKERS; k++) {
		if (k->map == map && k->start == start)
			return k;
		if (!k->is_busy && (!oldest || k->used < oldest->used))
			oldest = k;
	}
	return oldest;
}

/* Waits for an unpacker and takes it.  *has: it has the cluster already. */
static struct qcow2_unpacker *take_unpacker(
	struct qcow2_unpack *u, const struct qcow2_map *map, uint64_t start, bool *has)
{
	struct qcow2_unpacker *k;

	pthread_mutex_lock(&u->lock);
	for (;;) {
		k = choose_unpacker(u, map, start);
		if (k && !k->is_busy)
			break;
		pthread_cond_wait(&u->freed, &u->lock);
	}
	*has = k->map == map && k->start == start;
	k->map = map;
	k->start = start;
	k->is_busy = true;
	k->used = ++u->uses;
	pthread_mutex_unlock(&u->lock);
	return k;
}

static void give_unpacker(struct qcow2_unpack *u, struct qcow2_unpacker *k, bool has)
{
	pthread_mutex_lock(&u->lock);
	k->is_busy = false;
	if (!has)
		k->map = NULL;
	pthread_cond_broadcast(&u->freed);
	pthread_mutex_unlock(&u->lock);
}

int qcow2_unpack_read(struct qcow2_unpack *u, const struct qcow2_map *map,
	const struct qcow2_run *run, uint64_t off, void *p, size_t n)
{
	uint64_t start = off - off % map->q->cluster_size;
	struct qcow2_unpacker *k;
	bool has;

	k = take_unpacker(u, map, start, &has);
	if (!has)
		has = unpack_run(k, map, run) == 0;
	if (has)
		memcpy(p, k->memory + (off - start), n);
	give_unpacker(u, k, has);
	return has ? 0 : -1;
}

void qcow2_unpack_init(struct qcow2_unpack *u)
{
	memset(u, 0, sizeof(*u));
	pthread_mutex_init(&u->lock, NULL);
	pthread_cond_init(&u->freed, NULL);
}

void qcow2_unpack_fini(struct qcow2_unpack *u)
{
	struct qcow2_unpacker *k;

	for (k = u->unpacker; k < u->unpacker + QCOW2_UNPACKERS; k++) {
		qcow2_cluster_fini(&k->packing);
		free(k->memory);
	}
	pthread_cond_destroy(&u->freed);
	pthread_mutex_destroy(&u->lock);
}
