/*
 * page_cache: see page_cache.h.
 *
 * The kernel is asked for a window of 1 GiB at a time, before anything of that is read: reading
 * what is cached may make it read ahead, and what it has read looks as if it had always been there.
 * (POSIX_FADV_RANDOM does not prevent that, if the pages once were read ahead themselves.)  What
 * was not there at all is dropped after the window.
 */
#include "lib/host/page_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/base/io.h"

#define ALIGN 4096u	   /* of what can be read with O_DIRECT */
#define WINDOW (1u << 30)  /* bytes */
#define PIECE (256u << 10) /* bytes that are read from the cache if all of them are in it */
#define PIECES (WINDOW / PIECE)

struct page_cache {
	int fd, direct;
	size_t page;
	pthread_mutex_t lock;
	uint64_t window; /* number of the current one, from 1 on; 0: there is none yet */
	enum { CACHED_ALL, CACHED_SOME, CACHED_NONE } piece[PIECES];
};

struct page_cache *page_cache_open(int fd)
{
	struct page_cache *c = NULL;
	struct statfs fs;
	char self[32];

	if (fstatfs(fd, &fs) < 0 || fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC)
		return NULL;
	c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	/* The kernel has no other way to open again what a descriptor stands for. */
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	c->fd = fd;
	c->direct = open(self, O_RDONLY | O_DIRECT | O_CLOEXEC);
	c->page = (size_t)sysconf(_SC_PAGESIZE);
	if (c->direct < 0 || pthread_mutex_init(&c->lock, NULL) != 0) {
		if (c->direct >= 0)
			close(c->direct);
		free(c);
		return NULL;
	}
	return c;
}

/* Which pages of the file are cached, from off on: true, or false if the kernel does not tell. */
static bool ask(const struct page_cache *c, uint64_t off, unsigned char is_there[])
{
	void *map = mmap(NULL, WINDOW, PROT_READ, MAP_SHARED, c->fd, (off_t)off);
	int r;

	if (map == MAP_FAILED)
		return false;
	r = mincore(map, WINDOW, is_there);
	munmap(map, WINDOW);
	return r == 0;
}

/* Where the kernel does not tell, all counts as cached, and is read as usual. */
static void look_at_window(struct page_cache *c, uint64_t off)
{
	unsigned char *is_there = malloc(WINDOW / c->page);
	bool does_tell = is_there && ask(c, off - off % WINDOW, is_there);
	const size_t pages = PIECE / c->page;
	size_t i, k, cached;

	for (i = 0; i < PIECES; i++) {
		for (k = cached = 0; does_tell && k < pages; k++)
			cached += is_there[i * pages + k] & 1;
		if (!does_tell || cached == pages)
			c->piece[i] = CACHED_ALL;
		else
			c->piece[i] = cached ? CACHED_SOME : CACHED_NONE;
	}
	free(is_there);
	c->window = off / WINDOW + 1;
}

static void drop_read_ahead(const struct page_cache *c)
{
	const uint64_t start = (c->window - 1) * WINDOW;
	size_t from, to;

	for (from = 0; c->window && from < PIECES; from = to) {
		for (to = from + 1; to < PIECES && c->piece[to] == c->piece[from]; to++)
			;
		if (c->piece[from] == CACHED_NONE)
			posix_fadvise(c->fd, (off_t)(start + (uint64_t)from * PIECE),
				(off_t)(to - from) * PIECE, POSIX_FADV_DONTNEED);
	}
}

void page_cache_close(struct page_cache *c)
{
	if (!c)
		return;
	drop_read_ahead(c);
	close(c->direct);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static bool is_cached(struct page_cache *c, size_t n, uint64_t off)
{
	bool is = false;
	uint64_t at;

	pthread_mutex_lock(&c->lock);
	if (off / WINDOW + 1 > c->window) {
		drop_read_ahead(c);
		look_at_window(c, off);
	}
	/* Of the window before, in which another thread was late, nothing is known any more. */
	if (off / WINDOW + 1 == c->window) {
		is = true;
		for (at = off % WINDOW; at < off % WINDOW + n && at < WINDOW; at += PIECE)
			is &= c->piece[at / PIECE] == CACHED_ALL;
	}
	pthread_mutex_unlock(&c->lock);
	return is;
}

ssize_t page_cache_read(struct page_cache *c, int fd, void *p, size_t n, uint64_t off)
{
	const size_t whole = n - n % ALIGN; /* the end of a file may remain */
	ssize_t got, rest;

	if (!c || !whole || off % ALIGN || (uintptr_t)p % ALIGN || is_cached(c, whole, off))
		return io_pread(fd, p, n, off);
	got = io_pread(c->direct, p, whole, off);
	if (got < 0 && errno != EIO) /* not with this file, or not up to its end */
		return io_pread(fd, p, n, off);
	if (got < 0 || (size_t)got < whole || whole == n)
		return got;
	rest = io_pread(fd, (uint8_t *)p + whole, n - whole, off + whole);
	return rest < 0 ? -1 : got + rest;
}

void page_cache_drop_written(int fd)
{
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
}
