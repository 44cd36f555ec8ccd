/*
 * snapshot_keep: a snapshot that stays, under a name of its own beside the
 * image.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/store/snapshot.h"
#include "lib/store/target.h"

#define NAME_MAX_BYTES 255

/* "NAME-snap-20261122-061700", as far as there is room for NAME. */
static int default_name(char out[NAME_MAX_BYTES + 1], const char *name, size_t max)
{
	char end[96];
	time_t now = time(NULL);
	struct tm tm;

	if (!gmtime_r(&now, &tm))
		return err_sys("cannot tell the time");
	snprintf(end, sizeof(end), "-snap-%04d%02d%02d-%02d%02d%02d", tm.tm_year + 1900,
		tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
	snprintf(out, NAME_MAX_BYTES + 1, "%.*s%s", (int)(max - strlen(end)), name, end);
	return 0;
}

/* The place beside the image; its directory is where what was opened lies. */
static int place_beside(
	struct place *p, const struct limits *l, const struct image *img, const char *wanted)
{
	char name[NAME_MAX_BYTES + 1], *path = io_path_dup(img->fd), *slash, *other = NULL;
	int r = -1;

	slash = path ? strrchr(path, '/') : NULL;
	if (!slash) {
		err_sys("cannot tell where it lies");
		goto out;
	}
	if (!wanted && default_name(name, slash + 1, NAME_MAX_BYTES) < 0)
		goto out;
	if (wanted && (strchr(wanted, '/') || !*wanted)) {
		err_set(ST_USAGE, "'%s' is not a name: it stays in its directory", wanted);
		goto out;
	}
	*slash = '\0';
	if (asprintf(&other, "%s/%s", path, wanted ? wanted : name) < 0) {
		other = NULL;
		err_set(ST_FAILED, "out of memory");
		goto out;
	}
	r = place_open(p, l, other);
out:
	free(other);
	free(path);
	return r;
}

static int keep_file(
	char **out, const struct limits *l, struct image *img, const struct snapshot_want *want)
{
	struct target_want how = {
		.len = img->len, .sparse = true, .fsync = true, .dry_run = want->dry_run
	};
	struct target *t;
	struct place place;
	int r;

	if (place_beside(&place, l, img, want->name) < 0 || !(t = target_open(&place, &how)))
		return -1;
	*out = strdup(target_path(t));
	if (want->dry_run) {
		target_abort(t);
		return snapshot_try_file(img);
	}
	r = target_clone(t, img->fd);
	if (r == 0)
		err_set(ST_FAILED, "no snapshot: its filesystem has none");
	if (r == 1)
		return target_commit(t);
	target_abort(t);
	return -1;
}

static int keep_volume(
	char **out, const struct volume_name *origin, const struct snapshot_want *want)
{
	struct snapshot_want named = *want;
	char name[NAME_MAX_BYTES + 1], path[VOLUME_PATH_MAX];
	struct volume_name own = *origin;
	struct lvm_volume v;

	if (!want->name && default_name(name, origin->name, LVM_NAME_MAX - 4) < 0)
		return -1;
	if (!want->name)
		named.name = name;
	if (snapshot_volume_make(&v, origin, &named) < 0)
		return -1;
	snprintf(own.name, sizeof(own.name), "%.*s", LVM_NAME_MAX - 1, named.name);
	*out = strdup(volume_path(&own, path));
	lvm_volume_fini(&v);
	return 0;
}

int snapshot_keep(
	char **out, const struct limits *l, const char *path, const struct snapshot_want *want)
{
	struct volume_name origin;
	struct image img;
	int r = -1, unfinished;

	*out = NULL;
	if (image_open(&img, l, path) < 0)
		return -1;
	unfinished = img.ops->is_unfinished(&img, l);
	if (unfinished > 0)
		err_set(ST_CORRUPT, "is unfinished: the run that wrote it did not end well");
	else if (unfinished == 0 && S_ISREG(img.st.st_mode))
		r = keep_file(out, l, &img, want);
	else if (unfinished == 0 && image_volume_name(&img, &origin))
		r = keep_volume(out, &origin, want);
	else if (unfinished == 0)
		err_set(ST_FAILED, "no snapshot: it is neither a file nor a logical volume");
	image_close(&img);
	if (r == 0 && !*out)
		r = err_set(ST_FAILED, "out of memory");
	return r;
}
