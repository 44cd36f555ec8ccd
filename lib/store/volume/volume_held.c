/*
 * volume_held: see volume_held.h.
 */
#include "lib/store/volume/volume_held.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/host/inuse.h"
#include "lib/store/resize.h"
#include "lib/store/volume/volume_place.h"
#include "lib/store/volume/volume_resize_mark.h"
#include "lib/store/volume/volume_target.h"

#define TAG_MAX (sizeof(VOLUME_TAG_COMMIT) + HELD_RECORD_MAX)

struct held_volume {
	struct held base;
	struct lvm_volume lv;
	char tag[TAG_MAX]; /* that the volume has, or "" */
};

static struct held_volume *volume_of(struct held *h)
{
	return (struct held_volume *)h;
}

static int check_changeable(const struct lvm_volume *v)
{
	if (volume_check_changeable(v) < 0 || volume_target_check_job(v) < 0)
		return -1;
	return v->is_snapshot ? err_set(ST_REFUSED, "is a snapshot, which is not changed in place")
			      : 0;
}

int volume_held_check(struct image *img, const struct held_want *want)
{
	struct lvm_volume v;
	int r;

	(void)want;
	if (volume_place_look(img->place, &v) < 0)
		return -1;
	r = check_changeable(&v);
	lvm_volume_fini(&v);
	return r;
}

static int open_unlocked(struct held_volume *v)
{
	v->base.fd = volume_place_open(&v->lv, O_RDONLY);
	return v->base.fd < 0 ? -1 : 0;
}

static int lock_volume(struct held_volume *v, const struct image *img)
{
	int elsewhere;

	v->base.fd = volume_place_open(&v->lv, O_RDWR | O_EXCL);
	if (v->base.fd < 0)
		return -1;
	elsewhere = volume_is_open_elsewhere(v->base.fd, 2, NULL); /* the image has it open, too */
	return elsewhere > 0 ? inuse_explain_busy(img->place->path) : elsewhere;
}

static int set_held_tag(const struct held_volume *v, const char *tag, bool set)
{
	return volume_set_tag(v->lv.group, v->lv.own_uuid, tag, set);
}

/* The new tag comes first, so that there is always one. */
static int mark_held(struct held *h, const char *record)
{
	struct held_volume *v = volume_of(h);
	char old[TAG_MAX];

	memcpy(old, v->tag, sizeof(old));
	snprintf(v->tag, sizeof(v->tag), VOLUME_TAG_COMMIT "%s", record);
	if (strcmp(old, v->tag) == 0)
		return 0;
	if (set_held_tag(v, v->tag, true) < 0)
		return -1;
	return *old ? set_held_tag(v, old, false) : 0;
}

/* A job that was killed when it had extended the volume may have left the tag of that. */
static int remove_resize_tag(const struct held_volume *v)
{
	char tag[RESIZE_TAG_MAX], *text = lvm_tag(&v->lv, VOLUME_TAG_RESIZE);
	int r = 0;

	if (text && strlen(text) < RESIZE_RECORD_MAX + RUN_TEXT_MAX) {
		snprintf(tag, sizeof(tag), VOLUME_TAG_RESIZE "%s", text);
		r = set_held_tag(v, tag, false);
	}
	free(text);
	return r;
}

static int unmark_held(struct held *h)
{
	struct held_volume *v = volume_of(h);

	if (remove_resize_tag(v) < 0)
		return -1;
	if (*v->tag && set_held_tag(v, v->tag, false) < 0)
		return -1;
	v->tag[0] = '\0';
	return 0;
}

static void close_held(struct held *h)
{
	lvm_volume_fini(&volume_of(h)->lv);
}

static const struct held_ops ops = {
	.mark = mark_held, .unmark = unmark_held, .close = close_held
};

static int open_held(struct held_volume *v, const struct image *img, bool in_use)
{
	char *text;

	if (volume_place_look(v->base.place, &v->lv) < 0 || check_changeable(&v->lv) < 0 ||
		(in_use ? open_unlocked(v) : lock_volume(v, img)) < 0)
		return -1;
	text = lvm_tag(&v->lv, VOLUME_TAG_COMMIT);
	if (text)
		snprintf(v->tag, sizeof(v->tag), VOLUME_TAG_COMMIT "%s", text);
	free(text);
	return 0;
}

struct held *volume_held_open(struct image *img, const struct held_want *want)
{
	struct held_volume *v = held_new(sizeof(*v), &ops, img);

	if (v && open_held(v, img, want->in_use) < 0) {
		held_close(&v->base);
		return NULL;
	}
	return v ? &v->base : NULL;
}
