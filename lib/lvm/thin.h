/*
 * thin: which parts of a thin volume its pool has mapped; the rest reads as
 * zeros.
 *
 * The pool's metadata are read by thin_dump, from a snapshot of them that the
 * kernel keeps meanwhile (there can be one at a time).  What is mapped after
 * that is not in the answer, so nobody may be writing, as to a snapshot.
 *
 * And what LVM left there half made is taken back.
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
	struct thin_range *range; /* in order, none next to another */
	size_t count;
};

struct thin_pool {
	dev_t dev, metadata;
	uint64_t chunk; /* bytes that are mapped, and given back, as one */
	bool zeroes;	/* what it maps for a write to a part of it reads as zeros else */
};

/* Of an active thin volume's pool, by the kernel's tables.  0 or -1 recorded. */
int thin_pool_look(struct thin_pool *p, dev_t dev);

/*
 * Of an active thin volume.  0, or -1 recorded: thin_dump is missing or fails,
 * somebody else holds the snapshot of the metadata.  Blocks.
 */
int thin_map_read(struct thin_map *m, dev_t dev);
void thin_map_fini(struct thin_map *m); /* accepts a zeroed one */

/*
 * Takes the thin device of that number out of an active pool whose transaction still is
 * that one; pool is its UUID, as of a volume.  0, or -1 recorded.
 */
int thin_take_back(const char *pool, uint64_t transaction, unsigned id);

/*
 * Adds the mappings in thin_dump's text, of blocks of so many bytes.  0, or -1
 * recorded: they are out of order, overlap, or do not end.
 */
int thin_map_parse(struct thin_map *m, const char *text, uint64_t block);

/* The first range that ends after off, or NULL. */
const struct thin_range *thin_map_find(const struct thin_map *m, uint64_t off);

#endif
