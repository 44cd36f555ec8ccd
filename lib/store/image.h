/*
 * image: an existing image, open for reading, whatever storage it is on.
 *
 * It keeps its place and, once image_content() was called, its parsed header, so
 * that no path is looked up and no header is parsed twice.
 */
#ifndef IMG_IMAGE_H
#define IMG_IMAGE_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "lib/base/kv.h"
#include "lib/host/inuse.h"
#include "lib/store/place.h"

#define IMAGE_READ_RECORDED EBADMSG
#define IMAGE_COMMITTING 2 /* see is_unfinished */

struct content;
struct image;
struct page_cache;

/* What a backend's images do (backend.h).  0, or -1 recorded. */
struct image_ops {
	/*
	 * Reads up to n bytes at off: their number, less only at the end, or -1 with errno set;
	 * IMAGE_READ_RECORDED: an error is recorded, which says more.
	 */
	ssize_t (*read)(struct image *img, void *p, size_t n, uint64_t off);
	/*
	 * Finds the next range at or after off that may hold data: 1 and
	 * [*start, *end), not beyond len; 0: only zeros up to the end; -1 recorded.
	 */
	int (*extent)(struct image *img, uint64_t off, uint64_t *start, uint64_t *end);
	/* How many bytes it takes on its storage. */
	int (*allocated)(struct image *img, uint64_t *out);
	/* Who else uses it: inuse_look().  The caller calls inuse_fini(), also on failure. */
	int (*use)(struct image *img, struct inuse *u);
	/* ST_REFUSED if other hosts may write to it, which this host cannot see.  May be NULL. */
	int (*check_unshared)(struct image *img);
	/*
	 * Whether it is unfinished: a job is writing it, or was interrupted.  1, 0 or -1;
	 * IMAGE_COMMITTING: that job is a commit (held.h).
	 */
	int (*is_unfinished)(struct image *img);
	/*
	 * What its mark says of that commit, in memory that the caller frees: 1; 0: it has no such
	 * mark; -1 recorded.  May be NULL: it is never the base of a commit.
	 */
	int (*commit_record)(struct image *img, char **record);
	/* ST_CORRUPT if its size has changed, or if it is a snapshot that is invalid. */
	int (*check)(struct image *img);
	/*
	 * After it was read: ST_CORRUPT if it was, or may have been, written to since it was
	 * opened.  May be NULL: nothing can write to it.
	 */
	int (*check_unwritten)(struct image *img);
	/* From now on check_unwritten() can ask the kernel, too.  May be NULL. */
	void (*hold)(struct image *img);
	/* Adds the backend's own keys to its record (info.h).  May be NULL. */
	void (*describe)(const struct image *img, struct buf *out);
	/* Frees what the backend's struct holds beyond struct image.  May be NULL. */
	void (*release)(struct image *img);
};

struct image {
	const struct image_ops *ops;
	const char *kind;	    /* the backend's: "file", "volume", "device" */
	struct place *place;	    /* owned; NULL: it has no name, like a file's snapshot */
	int fd;			    /* O_RDONLY; -1 if the backend has none */
	uint64_t len;		    /* of the file or device, in bytes */
	struct stat st;		    /* of fd, when it was opened; zeros without one */
	bool is_disk;		    /* a volume or device, and so never an archive */
	bool is_held;		    /* image_hold() */
	struct page_cache *cache;   /* image_spare_cache(); or NULL */
	unsigned *use_wait_ms;	    /* borrowed: how long .use may wait (inuse.h); or NULL */
	bool may_change;	    /* the user accepts that it is written to while it is read */
	const atomic_bool *spoiled; /* borrowed; true: this snapshot has overflowed.  Or NULL */
	struct content *content;    /* owned; image_content() */
};

/*
 * Opens the image at a place, which it takes over, also on failure.  If the name leads to
 * another file meanwhile, for instance after a rename, it opens that one: the image's place
 * can be another than the given one.  NULL recorded: ST_ABSENT, ST_REFUSED (a directory, a
 * FIFO, a character device).  Never blocks on a FIFO.
 */
struct image *image_open(struct place *place);
void image_close(struct image *img); /* accepts NULL; keeps the recorded error */

/* Reads all n bytes at off: 0, or -1 recorded; ST_CORRUPT if the image ends before. */
int image_read(struct image *img, void *p, size_t n, uint64_t off);

/*
 * Refuses an image that may be written to while it is read: 0, or -1 recorded,
 * ST_BUSY with the name of the user, or ST_REFUSED if other hosts may write to it.
 */
int image_refuse_writers(struct image *img);

/*
 * Refuses an image that is unfinished: 0, or -1 recorded, ST_BUSY while a job writes it,
 * and ST_CORRUPT after that.
 */
int image_refuse_unfinished(struct image *img);

/*
 * The same of an image that is read as a layer below another: the base of a commit is accepted,
 * because the layers above it hide what is not complete in it.
 */
int image_refuse_unfinished_layer(struct image *img);

/* As image_refuse_writers(); and image_check_end() will also detect writers.  0, or -1 recorded. */
int image_hold(struct image *img);

/*
 * After it was read: 0 if it has not changed since it was opened; else -1 with ST_CORRUPT
 * recorded, also if it has more content than its size says.  A write to it is detected only after
 * image_hold().
 */
int image_check_end(struct image *img);

/*
 * From now on, reading it does not fill the page cache, if its storage allows that.  For an image
 * that is read once, by several threads.
 */
void image_spare_cache(struct image *img);

/* Finds out its length and its times anew, after this job has enlarged it.  0, or -1 recorded. */
int image_refresh(struct image *img);

/* For backends that detect writers only by .use: .check_unwritten. */
int image_check_unused(struct image *img);

/*
 * What its first bytes say of it (lib/format/content.h), read once; valid as long
 * as the image.  NULL recorded: a read error, or ST_CORRUPT if a header cannot be
 * parsed.
 */
const struct content *image_content(struct image *img);

/*
 * For backends: a zeroed struct of size bytes that begins with an image, with fd
 * -1; takes over place, also on failure.  NULL recorded.
 */
void *image_new(size_t size, const struct image_ops *ops, const char *kind, struct place *place);

/* For backends whose images have a descriptor: .read and .use. */
ssize_t image_fd_read(struct image *img, void *p, size_t n, uint64_t off);
int image_fd_use(struct image *img, struct inuse *u);

#endif
