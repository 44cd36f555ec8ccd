/*
 * file_image: an image that is a regular file.
 */
#include "lib/store/file/file_image.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/host/identity.h"
#include "lib/store/file/file_extents.h"
#include "lib/store/file/file_place.h"
#include "lib/store/file/unfinished.h"
#include "lib/store/held.h"

struct image_file {
	struct image base;
	bool is_checked;  /* file_extents_are_plausible() was called */
	bool read_it_all; /* its extents are not plausible */
	int events;	  /* inotify: writes since it is held; -1: they are not told */
};

static struct image_file *file_of(struct image *img)
{
	return (struct image_file *)img;
}

static int find_file_extent(struct image *img, uint64_t off, uint64_t *start, uint64_t *end)
{
	struct image_file *f = file_of(img);
	uint64_t allocated = (uint64_t)img->st.st_blocks * 512;

	if (!f->is_checked)
		f->read_it_all = !file_extents_are_plausible(
			img->fd, img->len, allocated < img->len ? allocated : img->len);
	f->is_checked = true;
	if (!f->read_it_all)
		return file_extents_next(img->fd, img->len, off, start, end);
	*start = off;
	*end = img->len;
	return off < img->len ? 1 : 0;
}

static int count_file_blocks(struct image *img, uint64_t *out)
{
	*out = (uint64_t)img->st.st_blocks * 512;
	return 0;
}

static int is_file_unfinished(struct image *img)
{
	const struct place_file *p = (const struct place_file *)img->place;

	return p ? unfinished_is(img->fd, p->dir, p->base.name) : 0;
}

static int read_file_commit(struct image *img, char **record)
{
	const struct place_file *p = (const struct place_file *)img->place;
	char text[UNFINISHED_RECORD_MAX];
	int has = p ? unfinished_record(img->fd, p->dir, p->base.name, text) : 0;

	if (has <= 0 || strncmp(text, HELD_RECORD, strlen(HELD_RECORD)) != 0)
		return has < 0 ? -1 : 0;
	*record = strdup(text + strlen(HELD_RECORD));
	return *record ? 1 : err_set(ST_FAILED, "out of memory");
}

static int find_file_state(struct image *img)
{
	int is = is_file_unfinished(img), has;
	char *record;

	if (is <= 0)
		return is;
	has = read_file_commit(img, &record);
	if (has > 0)
		free(record);
	return has > 0 ? IMAGE_COMMITTING : has < 0 ? -1 : 1;
}

static int check_file_size(struct image *img)
{
	struct stat now;

	if (fstat(img->fd, &now) < 0)
		return err_sys("cannot stat");
	if ((uint64_t)now.st_size == img->len ||
		(img->may_change && (uint64_t)now.st_size > img->len))
		return 0;
	return err_set(ST_CORRUPT,
		"the source changed its size while it was read: from %llu to %llu bytes",
		(unsigned long long)img->len, (unsigned long long)now.st_size);
}

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* Whether the name leads to it no longer. */
static bool has_lost_its_name(const struct image *img)
{
	const struct place_file *p = (const struct place_file *)img->place;
	struct stat st;

	return p && (fstatat(p->dir, p->base.name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
			    !identity_is_same(&st, &img->st));
}

/* What changes the time of change but not the content: another name, link, mode or owner. */
static bool is_explained(const struct image *img, const struct stat *now)
{
	return now->st_nlink != img->st.st_nlink || now->st_mode != img->st.st_mode ||
	       now->st_uid != img->st.st_uid || now->st_gid != img->st.st_gid ||
	       has_lost_its_name(img);
}

static void watch_writes(struct image *img)
{
	struct image_file *f = file_of(img);
	char path[32];

	if (f->events >= 0)
		return;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", img->fd);
	f->events = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (f->events >= 0 && inotify_add_watch(f->events, path, IN_MODIFY | IN_CLOSE_WRITE) < 0) {
		close(f->events);
		f->events = -1;
	}
}

/*
 * Also if somebody who could write to it, perhaps through memory, has closed it, and if it cannot
 * be found out.  The kernel does not tell of other hosts, nor of who still has it open.
 */
static bool may_be_written(struct image *img)
{
	char events[sizeof(struct inotify_event) + NAME_MAX + 1];
	struct image_file *f = file_of(img);

	return f->events < 0 || read(f->events, events, sizeof(events)) > 0;
}

static void release_file(struct image *img)
{
	struct image_file *f = file_of(img);

	if (f->events >= 0)
		close(f->events);
}

/*
 * A write changes both times, and that of change cannot be put back.  A lease would tell
 * more exactly, but while one is held other programs cannot open the file for writing
 * without blocking.
 */
static int check_file_unwritten(struct image *img)
{
	struct stat now;

	if (fstat(img->fd, &now) < 0)
		return err_sys("cannot stat");
	if (is_same_time(&now.st_mtim, &img->st.st_mtim) &&
		(is_same_time(&now.st_ctim, &img->st.st_ctim) ||
			(is_explained(img, &now) && !may_be_written(img))))
		return 0;
	return err_set(ST_CORRUPT, "the source was changed while it was read");
}

static const struct image_ops ops = {
	.read = image_fd_read,
	.extent = find_file_extent,
	.allocated = count_file_blocks,
	.use = image_fd_use,
	.is_unfinished = find_file_state,
	.commit_record = read_file_commit,
	.check = check_file_size,
	.check_unwritten = check_file_unwritten,
	.hold = watch_writes,
	.release = release_file,
};

struct image *file_image_of(struct place *place, int fd)
{
	struct image_file *f = image_new(sizeof(*f), &ops, "file", place);
	struct image *img = &f->base;

	if (!f) {
		close(fd);
		return NULL;
	}
	f->events = -1;
	img->fd = fd;
	if (fstat(fd, &img->st) == 0) {
		img->len = (uint64_t)img->st.st_size;
		return img;
	}
	err_sys("cannot stat");
	image_close(img);
	return NULL;
}

struct image *file_image_open(struct place *place)
{
	const struct place_file *p = (const struct place_file *)place;
	int fd = -1;

	if (place->is_container)
		err_set(ST_REFUSED, "is a directory, not an image");
	else if (p->node >= 0 && !S_ISREG(p->st.st_mode))
		err_set(ST_REFUSED, "is neither a regular file nor a block device");
	else
		fd = file_place_open(place, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	if (fd >= 0)
		return file_image_of(place, fd);
	place_close(place);
	return NULL;
}
