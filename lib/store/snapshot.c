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

void *snapshot_new(size_t size, const struct snapshot_ops *ops)
{
	struct snapshot *s = calloc(1, size);

	if (s)
		s->ops = ops;
	else
		err_set(ST_FAILED, "out of memory");
	return s;
}

static int check_supported(const struct image *origin)
{
	if (origin->place && origin->place->backend->can_snapshot)
		return 0;
	return err_set(ST_FAILED, "only files and logical volumes have snapshots");
}

int snapshot_take(struct snapshot **out, struct image *origin, const struct snapshot_want *want)
{
	*out = NULL;
	if (check_supported(origin) < 0)
		return -1;
	err_clear();
	*out = origin->place->backend->snapshot(origin, want);
	if (!*out)
		return err_status() == ST_OK ? 0 : -1;
	(*out)->image->may_change = origin->may_change;
	return 0;
}

int snapshot_check(const struct snapshot *s)
{
	return s->ops->check ? s->ops->check(s) : 0;
}

int snapshot_drop(struct snapshot *s)
{
	struct err before;
	int r = 0;

	if (!s)
		return 0;
	err_take(&before);
	image_close(s->image);
	if (s->ops->remove)
		r = s->ops->remove(s);
	if (r < 0 && before.status != ST_OK)
		log_warn("%s", err_text());
	free(s->name);
	free(s);
	if (r == 0 || before.status != ST_OK)
		err_put(&before);
	return r;
}

int snapshot_keep(char **path, struct image *origin, const struct snapshot_want *want)
{
	*path = NULL;
	if (image_refuse_unfinished(origin) < 0 || check_supported(origin) < 0)
		return -1;
	return origin->place->backend->snapshot_keep(path, origin, want);
}

char *snapshot_default_name(const char *name, size_t max)
{
	char end[96], *out;
	time_t now = time(NULL);
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
