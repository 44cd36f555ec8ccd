/*
 * thin: which parts of a thin volume are mapped in its pool; the rest reads as
 * zeros, if it has no external origin.  Also removes a thin device that an interrupted LVM command
 * left in a pool.
 *
 * thin_dump reads the metadata of the pool from a snapshot of them, which the kernel
 * keeps meanwhile ("metadata snapshot"; a pool has at most one).  Parts that are
 * mapped after that are not in the result, so the volume must not be written to
 * meanwhile; a snapshot that is read is not.
 */
#ifndef IMG_THIN_H
#define IMG_THIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct thin_range {
	uint64_t start, end; /* bytes */
};

struct thin_map {
	struct thin_range *range; /* in order; there is a gap between any two */
	size_t count;
};

struct thin_pool {
	dev_t dev, metadata;
	uint64_t chunk; /* the unit in which the pool maps and discards, in bytes */
	bool zeroes;	/* the pool zeroes the rest of a chunk that is written in part */
	/* What is not mapped, also what was discarded, is read from the volume's external origin.
	 */
	bool has_origin;
};

/* Reads from the kernel's tables what pool the active thin volume dev has.  0, or -1 recorded. */
int thin_pool_look(struct thin_pool *p, dev_t dev);

/*
 * Reads the map of the active thin volume dev.  0, or -1 recorded: the volume has an external
 * origin, thin_dump is missing or fails, or the metadata snapshot is in use for more than 5
 * seconds.  Blocks.  Freed by thin_map_fini().
 */
int thin_map_read(struct thin_map *m, dev_t dev);
void thin_map_fini(struct thin_map *m); /* accepts a zeroed one */

/*
 * Deletes the thin device id from an active pool, if the pool is still in the given
 * transaction.  pool is the UUID of its device, without a suffix (as lvm_volume.uuid).
 * 0, or -1 recorded.
 */
int thin_take_back(const char *pool, uint64_t transaction, unsigned id);

/*
 * Adds the mappings in the output of thin_dump to m, which the caller has zeroed.  block
 * is the size of the pool's blocks in bytes.  0, or -1 recorded: the mappings are out of
 * order, overlap, or are incomplete.
 */
int thin_map_parse(struct thin_map *m, const char *text, uint64_t block);

/* The first range that ends after the offset off, or NULL. */
const struct thin_range *thin_map_find(const struct thin_map *m, uint64_t off);

#endif
