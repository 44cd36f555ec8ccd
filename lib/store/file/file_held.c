/*
 * file_held: see file_held.h.
 */
#include "lib/store/file/file_held.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/host/identity.h"
#include "lib/store/file/file_place.h"
#include "lib/store/file/partial.h"
#include "lib/store/file/precheck.h"
#include "lib/store/file/unfinished.h"

static const struct place_file *place_of(const struct held *h)
{
	return (const struct place_file *)h->place;
}

int file_held_check(struct image *img, const struct held_want *want)
{
	const struct place_file *p = (const struct place_file *)img->place;

	if (precheck_links(p, want->allow_links) < 0 || precheck_writable(p) < 0)
		return -1;
	return unfinished_check(p->dir, p->base.name, img->st.st_uid);
}

/* A write since img was opened changes its times. */
static int check_same(const struct held *h, const struct image *img, bool was_changed)
{
	struct stat now;

	if (fstat(h->fd, &now) < 0)
		return err_sys("cannot stat");
	if (!identity_is_same(&now, &img->st))
		return place_was_replaced();
	if (!was_changed &&
		(now.st_size != img->st.st_size || now.st_mtim.tv_sec != img->st.st_mtim.tv_sec ||
			now.st_mtim.tv_nsec != img->st.st_mtim.tv_nsec))
		return err_set(ST_BUSY, "was changed meanwhile");
	return 0;
}

static int open_unlocked(struct held *h)
{
	h->fd = file_place_open(h->place, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	return h->fd < 0 ? -1 : 0;
}

static int lock_held(struct held *h)
{
	/* The same lock as that of a job that writes it, which keeps QEMU away, too. */
	h->fd = file_place_open(h->place, O_RDWR | O_NONBLOCK | O_NOCTTY);
	if (h->fd < 0)
		return -1;
	if (partial_lock(h->fd) == 0)
		return 0;
	return err_status() == ST_BUSY
		       ? err_set(ST_BUSY, "in use: another job or QEMU has locked it")
		       : -1;
}

static int mark_held(struct held *h, const char *record)
{
	const struct place_file *p = place_of(h);
	char text[UNFINISHED_RECORD_MAX];

	snprintf(text, sizeof(text), HELD_RECORD "%s", record);
	return unfinished_set(h->fd, p->dir, p->base.name, text);
}

static int unmark_held(struct held *h)
{
	const struct place_file *p = place_of(h);

	return unfinished_clear(h->fd, p->dir, p->base.name) < 0 ? -1 : held_sync(h);
}

static const struct held_ops ops = { .mark = mark_held, .unmark = unmark_held };

struct held *file_held_open(struct image *img, const struct held_want *want)
{
	struct held *h;

	if (file_held_check(img, want) < 0)
		return NULL;
	h = held_new(sizeof(*h), &ops, img);
	if (h && ((want->in_use ? open_unlocked(h) : lock_held(h)) < 0 ||
			 check_same(h, img, want->was_changed || want->in_use) < 0)) {
		held_close(h);
		return NULL;
	}
	return h;
}
