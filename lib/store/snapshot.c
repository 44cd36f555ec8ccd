/*
 * snapshot: what the snapshots of all backends have in common.
 */
#include "lib/store/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/store/backend.h"

void *snapshot_new(size_t size, const struct snapshot_ops *ops, struct image *origin)
{
	struct snapshot *s = calloc(1, size);

	if (!s) {
		err_set(ST_FAILED, "out of memory");
		return NULL;
	}
	s->ops = ops;
	s->origin = origin;
	return s;
}

struct snapshot *snapshot_prepare(struct image *origin, const struct snapshot_want *want)
{
	if (origin->place && origin->place->backend->can_snapshot)
		return origin->place->backend->snapshot(origin, want);
	err_set(ST_FAILED, "only files and logical volumes have snapshots");
	return NULL;
}

int snapshot_make(struct snapshot *s)
{
	return s->ops->make(s);
}

int snapshot_complete(struct snapshot *s)
{
	if (s->ops->complete(s) < 0)
		return -1;
	if (s->image) {
		s->image->may_change = s->origin->may_change;
		s->image->is_disk = s->origin->is_disk;
	}
	return 0;
}

int snapshot_publish(struct snapshot *s)
{
	return s->ops->publish(s);
}

int snapshot_check(const struct snapshot *s)
{
	return s->ops->check ? s->ops->check(s) : 0;
}

void snapshot_leave(struct snapshot *s)
{
	if (!s)
		return;
	free(s->name);
	free(s->path);
	free(s);
}

int snapshot_drop(struct snapshot *s)
{
	struct err before;
	int r;

	if (!s)
		return 0;
	err_take(&before);
	image_close(s->image);
	r = s->ops->remove(s);
	if (r < 0 && before.status != ST_OK)
		log_warn("%s", err_text());
	snapshot_leave(s);
	if (r == 0 || before.status != ST_OK)
		err_put(&before);
	return r;
}

int snapshot_keep(char **path, struct image *origin, const struct snapshot_want *want)
{
	struct snapshot *s = snapshot_prepare(origin, want);

	*path = NULL;
	if (!s)
		return -1;
	if (snapshot_make(s) == 0 && snapshot_complete(s) == 0 && snapshot_publish(s) == 0) {
		*path = s->path;
		s->path = NULL;
		snapshot_leave(s);
		return 0;
	}
	snapshot_drop(s);
	return -1;
}

char *snapshot_default_name(const char *name, time_t at, size_t max)
{
	char end[96], *out;
	time_t now = at ? at : time(NULL);
	struct tm tm;

	if (!gmtime_r(&now, &tm)) {
		err_sys("cannot get the time");
		return NULL;
	}
	snprintf(end, sizeof(end), "-snap-%04d%02d%02d-%02d%02d%02d", tm.tm_year + 1900,
		tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	if (asprintf(&out, "%.*s%s", (int)(max - strlen(end)), name, end) >= 0)
		return out;
	err_set(ST_FAILED, "out of memory");
	return NULL;
}
