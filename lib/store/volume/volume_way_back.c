/*
 * volume_way_back: see volume_way_back.h.
 */
#include "lib/store/volume/volume_way_back.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/size.h"
#include "lib/lvm/repair.h"
#include "lib/store/volume/volume_snapshot.h"

#define TAG_MAX (sizeof(VOLUME_TAG_WAY_BACK) + RUN_TEXT_MAX)
#define TRIES 5 /* udev may have a volume open for a moment */
#define AGAIN_MS 500

int way_back_check(const struct lvm_volume *v, uint64_t grown_by)
{
	uint64_t needs = v->size + 2 * grown_by; /* it is as large as the volume is then */
	char need[SIZE_HUMAN], have[SIZE_HUMAN];

	if (v->is_thin || needs <= v->group_free)
		return 0;
	return err_set(ST_NOROOM,
		"with the snapshot that is the way back it needs %s, and group '%s' has %s free "
		"(see --in-place)",
		size_human(needs, need), v->group, size_human(v->group_free, have));
}

int way_back_take(struct way_back *w, struct image *img, const struct lvm_volume *v)
{
	char tag[TAG_MAX] = VOLUME_TAG_WAY_BACK, *path;
	struct snapshot_want want = { .keep = true, .percent = 100, .tag = tag };
	struct volume_name name;
	struct lvm_volume made;

	if (run_self(tag + sizeof(VOLUME_TAG_WAY_BACK) - 1) < 0)
		return -1;
	volume_snapshot_choose_name(&name, v);
	want.name = name.name;
	if (snapshot_keep(&path, img, &want) < 0)
		return err_wrap("cannot take the snapshot that is the way back");
	free(path);
	w->name = name;
	w->uuid[0] = '\0';
	if (lvm_volume(&made, name.group, name.name) < 0)
		return -1;
	memcpy(w->uuid, made.own_uuid, sizeof(w->uuid));
	lvm_volume_fini(&made);
	return 0;
}

int way_back_find(struct way_back *w, const struct lvm_volume *v, const char *run)
{
	struct lvm_list all;
	char *tag;
	size_t i;

	if (lvm_volumes(&all, v->group, NULL, false) < 0)
		return -1;
	for (i = 0; i < all.count; i++) {
		const struct lvm_volume *s = &all.volume[i];

		tag = strcmp(s->origin, v->name) == 0 ? lvm_tag(s, VOLUME_TAG_WAY_BACK) : NULL;
		if (tag && strcmp(tag, run) == 0) {
			w->name = volume_name_of(s);
			memcpy(w->uuid, s->own_uuid, sizeof(w->uuid));
			w->is_invalid = s->is_invalid;
		}
		free(tag);
	}
	lvm_list_fini(&all);
	return 0;
}

static int try_remove(const struct way_back *w)
{
	struct err e;

	if (volume_remove(&w->name, w->uuid) == 0)
		return 0;
	err_take(&e);
	repair_group(w->name.group, false, NULL, NULL);
	err_put(&e);
	return -1;
}

int way_back_remove(struct way_back *w)
{
	int tries, r = -1;

	if (!*w->name.name)
		return 0;
	for (tries = 0; r < 0 && tries < TRIES; tries++) {
		if (tries)
			poll(NULL, 0, AGAIN_MS);
		r = try_remove(w);
	}
	if (r < 0)
		return err_wrap(
			"cannot remove the snapshot '%s', which is the way back", w->name.name);
	w->name.name[0] = '\0';
	return 0;
}

/* LVM succeeds also if it will merge only when the volume is activated again. */
static int try_merge(const struct way_back *w)
{
	char what[VOLUME_PATH_MAX];
	const char *argv[] = { "lvconvert", "-qq", "-y", "-i", "1", "--merge", what, NULL };
	int gone;

	snprintf(what, sizeof(what), "%s/%s", w->name.group, w->name.name);
	if (lvm_change(argv) < 0)
		return -1;
	gone = volume_is_gone(&w->name);
	if (gone == 0)
		return err_set(ST_BUSY, "LVM does it only when the volume is activated again");
	return gone < 0 ? -1 : 0;
}

/* Whether it can still be merged: 0, or -1 recorded. */
static int check_valid(struct way_back *w)
{
	struct lvm_volume now;

	if (lvm_volume(&now, w->name.group, w->name.name) < 0)
		return -1;
	w->is_invalid = now.is_invalid;
	lvm_volume_fini(&now);
	return w->is_invalid ? err_set(ST_CORRUPT, "it has overflowed") : 0;
}

int way_back_merge(struct way_back *w)
{
	if (check_valid(w) < 0 || try_merge(w) < 0)
		return err_wrap(
			"cannot merge the snapshot '%s', which is the way back", w->name.name);
	w->name.name[0] = '\0';
	return 0;
}
