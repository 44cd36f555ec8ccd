/*
 * image: what the images of all backends have in common.
 */
#include "lib/store/image.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/size.h"
#include "lib/format/content.h"
#include "lib/host/page_cache.h"
#include "lib/store/backend.h"

#define OPEN_TRIES 64

void *image_new(size_t size, const struct image_ops *ops, const char *kind, struct place *place)
{
	struct image *img = calloc(1, size);

	if (!img) {
		place_close(place);
		err_set(ST_FAILED, "out of memory");
		return NULL;
	}
	img->ops = ops;
	img->kind = kind;
	img->place = place;
	img->is_disk = place && !place->backend->can_archive;
	img->fd = -1;
	return img;
}

struct image *image_open(struct place *place)
{
	const struct policy *policy = place->policy;
	char *spelled = strdup(place->spelled);
	struct image *img = place->backend->open(place);
	int tries;

	for (tries = 0; !img && spelled && err_errno() == ESTALE && tries < OPEN_TRIES; tries++) {
		place = place_open(policy, spelled);
		img = place ? place->backend->open(place) : NULL;
	}
	free(spelled);
	return img;
}

void image_close(struct image *img)
{
	if (!img)
		return;
	if (img->ops->release)
		img->ops->release(img);
	page_cache_close(img->cache);
	if (img->fd >= 0)
		close(img->fd);
	place_close(img->place);
	free(img->content);
	free(img);
}

ssize_t image_fd_read(struct image *img, void *p, size_t n, uint64_t off)
{
	return page_cache_read(img->cache, img->fd, p, n, off);
}

void image_spare_cache(struct image *img)
{
	if (img->fd >= 0 && !img->cache)
		img->cache = page_cache_open(img->fd);
}

int image_fd_use(struct image *img, struct inuse *u)
{
	const char *path = img->place ? img->place->path : NULL;

	return inuse_look_within(img->fd, path, u, img->use_wait_ms);
}

int image_refuse_writers(struct image *img)
{
	struct inuse u;
	int r;

	if (img->ops->check_unshared && img->ops->check_unshared(img) < 0)
		return -1;
	r = img->ops->use(img, &u);
	if (r == 0 && u.writers)
		r = err_set(ST_BUSY, "in use: %s", u.who);
	inuse_fini(&u);
	return r;
}

int image_hold(struct image *img)
{
	if (img->ops->hold)
		img->ops->hold(img);
	if (image_refuse_writers(img) < 0)
		return -1;
	img->is_held = true;
	return 0;
}

static int refuse_unfinished(struct image *img, int is)
{
	if (image_refuse_writers(img) < 0 && err_status() == ST_BUSY)
		return -1;
	if (is == IMAGE_COMMITTING)
		return err_set(ST_CORRUPT,
			"is unfinished: an img-commit into it was interrupted (run it again)");
	return err_set(ST_CORRUPT, "is unfinished: the last write to it was interrupted");
}

int image_refuse_unfinished(struct image *img)
{
	int is = img->ops->is_unfinished(img);

	return is > 0 ? refuse_unfinished(img, is) : is;
}

int image_refuse_unfinished_layer(struct image *img)
{
	int is = img->ops->is_unfinished(img);

	return is > 0 && is != IMAGE_COMMITTING ? refuse_unfinished(img, is) : is < 0 ? -1 : 0;
}

int image_refresh(struct image *img)
{
	off_t end = lseek(img->fd, 0, SEEK_END);

	if (end < 0 || fstat(img->fd, &img->st) < 0)
		return err_sys("cannot stat");
	img->len = (uint64_t)end;
	return 0;
}

int image_check_unused(struct image *img)
{
	struct inuse u;
	int r = img->ops->use(img, &u);

	if (r == 0 && u.writers)
		r = err_set(ST_CORRUPT, "the source came into use while it was read: %s", u.who);
	inuse_fini(&u);
	return r;
}

/* What is added meanwhile to an image that may change is not a part of what was read. */
static bool has_grown(const struct image *img)
{
	struct stat now;

	return img->may_change && fstat(img->fd, &now) == 0 && (uint64_t)now.st_size > img->len;
}

/* Some files, such as those below /proc, have more content than their size says. */
static int check_no_more(struct image *img)
{
	char human[SIZE_HUMAN];
	uint8_t more;

	if (has_grown(img) || img->ops->read(img, &more, 1, img->len) <= 0)
		return 0;
	return err_set(ST_CORRUPT, "the source has more content than its size of %s",
		size_human(img->len, human));
}

int image_check_end(struct image *img)
{
	if (img->ops->check(img) < 0 || check_no_more(img) < 0)
		return -1;
	if (!img->is_held || !img->ops->check_unwritten)
		return 0;
	return img->ops->check_unwritten(img);
}

/* Of an invalid snapshot, cached blocks can still be read. */
static int check_spoiled(const struct image *img)
{
	if (img->spoiled && atomic_load(img->spoiled))
		return err_set(ST_CORRUPT, "the snapshot is invalid: it overflowed");
	return 0;
}

int image_read(struct image *img, void *p, size_t n, uint64_t off)
{
	ssize_t got = img->ops->read(img, p, n, off);
	int sys = errno;

	if (got < 0 && sys == IMAGE_READ_RECORDED && err_status() != ST_OK)
		return -1;
	if (check_spoiled(img) < 0)
		return -1;
	if (got < 0 && img->ops->check(img) < 0 && err_status() == ST_CORRUPT)
		return -1;
	errno = sys;
	if (got < 0)
		return err_sys("cannot read at %llu", (unsigned long long)off);
	if ((size_t)got < n)
		return err_set(ST_CORRUPT, "the source shrank while it was read: it ends at %llu",
			(unsigned long long)off + (unsigned long long)got);
	return 0;
}

/* An image without a descriptor is never an archive. */
static int parse_first_bytes(struct image *img, struct content *c)
{
	size_t n = img->len < QCOW2_HEADER_MAX ? (size_t)img->len : QCOW2_HEADER_MAX;
	uint8_t *head = malloc(QCOW2_HEADER_MAX);
	int r = head ? image_read(img, head, n, 0) : err_set(ST_FAILED, "out of memory");

	if (r == 0)
		r = content_parse(c, head, n);
	free(head);
	return r;
}

static int read_content(struct image *img, struct content *c)
{
	if (img->fd < 0)
		return parse_first_bytes(img, c);
	return content_read(c, img->fd, img->len, img->is_disk);
}

const struct content *image_content(struct image *img)
{
	struct content *c;
	struct err e;

	if (img->content)
		return img->content;
	c = calloc(1, sizeof(*c));
	if (!c) {
		err_set(ST_FAILED, "out of memory");
		return NULL;
	}
	if (read_content(img, c) == 0 && check_spoiled(img) == 0) {
		img->content = c;
		return c;
	}
	free(c);
	/* If it has changed since it was opened, that is the better explanation. */
	err_take(&e);
	if (img->ops->check(img) == 0 || err_status() != ST_CORRUPT)
		err_put(&e);
	return NULL;
}
