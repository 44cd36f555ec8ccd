/*
 * page_cache: reading a file or block device without filling the page cache, so that copying an
 * image does not evict what the guests of a host work with.
 *
 * What is in the cache is read from there; mincore(2) tells that.  Anything else is read by a
 * second descriptor with O_DIRECT, so it does not get there.  Where that does not work, or the
 * pages are the storage itself (tmpfs), reading is as usual.
 */
#ifndef IMG_PAGE_CACHE_H
#define IMG_PAGE_CACHE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct page_cache; /* opaque */

/* For reading fd, which stays open; NULL: reading is as usual. */
struct page_cache *page_cache_open(int fd);

/*
 * As io_pread(); c may be NULL.  As nothing is read ahead, whoever reads all of a file should have
 * several reads under way.  Any number of threads may read, each to memory of its own that is
 * aligned to 4 KiB (else reading is as usual).
 */
ssize_t page_cache_read(struct page_cache *c, int fd, void *p, size_t n, uint64_t off);

void page_cache_close(struct page_cache *c); /* accepts NULL */

/* Drops the pages of fd that have been written to the disk.  Errors are of no importance. */
void page_cache_drop_written(int fd);

#endif
