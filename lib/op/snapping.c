/*
 * snapping: see snapping.h.
 */
#include "lib/op/snapping.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/size.h"
#include "lib/op/hook.h"
#include "lib/op/reading.h"
#include "lib/store/backend.h"

/* A value of the configuration; the user's file takes precedence. */
static const char *get_setting(const struct session *s, const char *key)
{
	const char *value = config_get(s->user, key);

	return value ? value : config_get(s->system, key);
}

static unsigned hook_seconds(const struct session *s)
{
	const char *value = get_setting(s, "snapshot.hook-timeout");

	return value ? (unsigned)strtoul(value, NULL, 10) : HOOK_SECONDS;
}

static int snapshot_defaults(struct snapshot_want *out, const struct session *s)
{
	const char *size = get_setting(s, "snapshot.size");
	int autoextend = config_bool(get_setting(s, "snapshot.autoextend"));

	out->autoextend = autoextend != 0;
	if (!size)
		return 0;
	if (size[strlen(size) - 1] != '%')
		return size_parse(size, &out->size);
	out->percent = (unsigned)strtoul(size, NULL, 10);
	return 0;
}

int snapping_init(
	struct snapping *g, const struct session *s, uint64_t size, bool keep, bool dry_run)
{
	char human[SIZE_HUMAN];

	memset(g, 0, sizeof(*g));
	g->failed = SNAPPING_NONE;
	if (snapshot_defaults(&g->want, s) < 0)
		return -1;
	if (size > INT64_MAX / 2)
		return err_set(ST_NOROOM, "no snapshot can have %s", size_human(size, human));
	if (size)
		g->want.size = size;
	g->want.keep = keep;
	g->want.dry_run = dry_run;
	g->want.at = time(NULL);
	return 0;
}

/* Whether there is space for the new snapshot s beside those that are prepared already. */
static int check_space_of_all(const struct snapping *g, const struct snapshot *s)
{
	char need[SIZE_HUMAN], have[SIZE_HUMAN];
	uint64_t needs = s->needs;
	size_t i;

	for (i = 0; i < g->count && s->pool; i++) {
		const struct snapshot *other = g->member[i].snapshot;

		if (other->pool && strcmp(other->pool, s->pool) == 0)
			needs += other->needs;
	}
	if (!s->pool || needs <= s->free)
		return 0;
	return err_set(ST_NOROOM, "the snapshots need %s together, and '%s' has %s free",
		size_human(needs, need), s->pool, size_human(s->free, have));
}

/* Two kept snapshots of one image would get the same name. */
static int check_image_is_new(const struct snapping *g, const struct image *img)
{
	char id[IDENTITY_MAX], other[IDENTITY_MAX];
	size_t i;

	if (!g->want.keep || img->place->backend->identify(img->place, id) < 0)
		return 0;
	for (i = 0; i < g->count; i++) {
		const struct place *place = g->member[i].image->place;

		if (place->backend->identify(place, other) == 0 && strcmp(id, other) == 0)
			return err_set(ST_REFUSED, "is the same image as '%s'", g->member[i].path);
	}
	return 0;
}

/* Names that are too long are cut. */
static int check_name_is_own(const struct snapping *g, const struct snapshot *s)
{
	size_t i;

	for (i = 0; i < g->count && s->path; i++)
		if (strcmp(g->member[i].snapshot->path, s->path) == 0)
			return err_set(ST_REFUSED,
				"its snapshot would have the same name as that of '%s'",
				g->member[i].path);
	return 0;
}

int snapping_add(struct snapping *g, const char *path, struct image *img)
{
	struct snapping_member m = { .image = img };

	g->failed = g->count;
	if (g->count == SNAPPING_MAX)
		err_set(ST_REFUSED, "at most %d snapshots can be taken together", SNAPPING_MAX);
	else if (!(m.path = strdup(path)))
		err_set(ST_FAILED, "out of memory");
	else if (check_image_is_new(g, img) == 0)
		m.snapshot = snapshot_prepare(img, &g->want);
	if (m.snapshot && check_space_of_all(g, m.snapshot) == 0 &&
		check_name_is_own(g, m.snapshot) == 0) {
		g->member[g->count++] = m;
		g->failed = SNAPPING_NONE;
		return 0;
	}
	snapshot_drop(m.snapshot);
	image_close(img);
	free(m.path);
	return -1;
}

/* Calls step for each, until one fails. */
static int snapping_each(struct snapping *g, int (*step)(struct snapshot *s))
{
	size_t i;

	for (i = 0; i < g->count; i++) {
		if (cancel_check() < 0)
			return -1;
		if (step(g->member[i].snapshot) < 0) {
			g->failed = i;
			return -1;
		}
	}
	return 0;
}

int snapping_pauses(
	struct snapping *g, const struct session *s, const char *qmp, const char *domain)
{
	if (qmp && domain)
		return err_set(ST_USAGE, "qmp and libvirt exclude each other");
	g->guest.policy = &s->policy;
	g->guest.socket = qmp;
	g->guest.domain = domain;
	return 0;
}

/* Who owns all images; root, if they have several owners. */
static uid_t snapping_owner(const struct snapping *g)
{
	uid_t owner = g->count ? g->member[0].image->st.st_uid : 0;
	size_t i;

	for (i = 1; i < g->count; i++)
		if (g->member[i].image->st.st_uid != owner)
			return 0;
	return owner;
}

static uint64_t microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/*
 * Nothing but this happens while the guest is paused.  Each snapshot is of a moment within its
 * own step, so the time of all steps is the most that they can be apart.
 */
static int make_all(struct snapping *g)
{
	uint64_t begun = microseconds();
	int r = snapping_each(g, snapshot_make);

	g->apart_us = microseconds() - begun;
	return r;
}

/* Whether a job has begun to write to one of them after it was checked.  0, or -1 recorded. */
static int check_marks(struct snapping *g)
{
	size_t i;

	for (i = 0; i < g->count; i++) {
		/* A mark in the content was looked at before, if that was wanted. */
		if (reading_refuse_unfinished(g->member[i].image, true) < 0) {
			g->failed = i;
			return -1;
		}
	}
	return 0;
}

/* The guest goes on whatever happens.  0, or -1 recorded. */
static int make_paused(struct snapping *g)
{
	int r = guest_pause_begin(&g->guest);

	if (r == 0)
		r = make_all(g);
	return guest_pause_end(&g->guest) < 0 ? -1 : r;
}

int snapping_take(struct snapping *g, const struct session *s, const char *pre, const char *post)
{
	struct err e;
	int r, after = 0;

	g->guest.owner = snapping_owner(g);
	if (guest_pause_check(&g->guest) < 0)
		return -1;
	if (g->want.dry_run)
		return 0;
	r = hook_run("pre-snapshot", pre, hook_seconds(s));
	/*
	 * Before and after: a job that writes to a file would have to begin and end within that.
	 * A volume is open here, so that no job can begin to write to it.
	 */
	if (r == 0)
		r = check_marks(g);
	if (r == 0)
		r = make_paused(g);
	if (r == 0)
		r = check_marks(g);
	err_take(&e);
	if (pre || r == 0)
		after = hook_run("post-snapshot", post, hook_seconds(s));
	if (r < 0 && after < 0)
		log_warn("%s", err_text());
	if (r < 0 || after == 0)
		err_put(&e);
	return r < 0 || after < 0 ? -1 : snapping_each(g, snapshot_complete);
}

int snapping_publish(struct snapping *g)
{
	size_t i;

	if (g->want.dry_run)
		return 0;
	if (snapping_each(g, snapshot_publish) < 0)
		return -1;
	for (i = 0; i < g->count; i++) {
		snapshot_leave(g->member[i].snapshot);
		g->member[i].snapshot = NULL;
	}
	return 0;
}

struct snapping_member *snapping_find(struct snapping *g, const char *path)
{
	size_t i;

	for (i = 0; i < g->count; i++)
		if (g->member[i].snapshot && strcmp(g->member[i].path, path) == 0)
			return &g->member[i];
	return NULL;
}

void snapping_report_failed(const struct snapping *g, struct session *s)
{
	struct buf record = BUF_INIT;
	struct err e;

	if (g->failed == SNAPPING_NONE)
		return;
	err_take(&e);
	kv_add_u64(&record, "failed", g->failed);
	op_record(s, &record);
	buf_fini(&record);
	err_put(&e);
}

void snapping_close(struct snapping *g)
{
	struct err before;

	err_take(&before);
	while (g->count) {
		struct snapping_member *m = &g->member[--g->count];

		err_clear();
		if (snapshot_drop(m->snapshot) < 0)
			log_warn("%s", err_text());
		image_close(m->image);
		free(m->path);
	}
	err_put(&before);
}

void snapping_free(struct snapping *g)
{
	if (g)
		snapping_close(g);
	free(g);
}
