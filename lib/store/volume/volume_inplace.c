/*
 * volume_inplace: an existing logical volume that is filled in place.
 *
 *	checks, open exclusively, mark by a tag | writes | zero the rest, fsync,
 *	remove the mark
 *
 * An abort after the first write keeps the mark.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/lvm/dm.h"
#include "lib/store/dependents.h"
#include "lib/store/volume/volume_place.h"
#include "lib/store/volume/volume_target.h"

/* Refuses if v is a snapshot of origin that would overflow if all of that were overwritten. */
static int check_overflow(const struct lvm_volume *v, const struct lvm_volume *origin)
{
	struct dm_usage usage;
	struct stat st;
	int fd, r = 0;

	if (!v->is_snapshot || v->is_invalid || strcmp(v->origin, origin->name) != 0)
		return 0;
	fd = volume_open(v, O_RDONLY);
	if (fd >= 0 && fstat(fd, &st) == 0 && dm_snapshot_usage(st.st_rdev, &usage) == 0 &&
		!usage.invalid && dm_snapshot_may_overflow(&usage, origin->size))
		r = err_set(ST_NOROOM,
			"its snapshot '%s' has too little space for what would be overwritten "
			"(see lvextend, lvremove)",
			v->name);
	else
		err_clear();
	if (fd >= 0)
		close(fd);
	return r;
}

static int check_snapshots(const struct lvm_volume *origin)
{
	struct lvm_list all;
	size_t i;
	int r = 0;

	if (!origin->is_origin)
		return 0;
	if (lvm_volumes(&all, origin->group, NULL, false) < 0)
		return -1;
	for (i = 0; r == 0 && i < all.count; i++)
		r = check_overflow(&all.volume[i], origin);
	lvm_list_fini(&all);
	return r;
}

static int open_in_place(struct target_volume *t, const struct lvm_volume *v)
{
	struct stat st;

	if (volume_check_changeable(v) < 0 || volume_target_check_job(v) < 0)
		return -1;
	/* Checked first, since an open source prevents that it is opened exclusively. */
	if (stat(t->base.place->path, &st) == 0 && target_check_source(&t->base, &st) < 0)
		return -1;
	if (volume_target_open(t, v) < 0 || target_check_len(&t->base) < 0)
		return -1;
	return check_snapshots(v) < 0 ? -1 : dependents_refuse(t->base.place);
}

static const char *const job_tags[VOLUME_JOB_TAGS] = { VOLUME_TAG_RUN, VOLUME_TAG_RESIZE,
	VOLUME_TAG_COMMIT };

/* The tags of interrupted jobs, whose work this job completes.  0, or -1 recorded. */
static int remove_job_tags(struct target_volume *t, const struct lvm_volume *v)
{
	char *text;
	size_t i;

	for (i = 0; i < VOLUME_JOB_TAGS; i++) {
		text = lvm_tag(v, job_tags[i]);
		if (text && asprintf(&t->removed[i], "%s%s", job_tags[i], text) < 0)
			t->removed[i] = NULL;
		if (text && !t->removed[i]) {
			free(text);
			return err_set(ST_FAILED, "out of memory");
		}
		free(text);
		if (t->removed[i] &&
			volume_set_tag(v->group, v->own_uuid, t->removed[i], false) < 0)
			return -1;
	}
	return 0;
}

/* Forgets these tags, which the volume gets again if nothing was written. */
static void free_job_tags(struct target_volume *t, bool set_again)
{
	size_t i;

	for (i = 0; i < VOLUME_JOB_TAGS; i++) {
		if (set_again && t->removed[i])
			volume_set_tag(t->name->group, t->uuid, t->removed[i], true);
		free(t->removed[i]);
		t->removed[i] = NULL;
	}
}

/*
 * Sets the mark even if there seems to be one, since the job that had set it may have
 * removed it meanwhile.
 */
static int mark_volume(struct target_volume *t, const struct lvm_volume *v)
{
	int r = volume_set_tag(v->group, v->own_uuid, VOLUME_TAG_UNFINISHED, true);

	if (r == 0)
		r = remove_job_tags(t, v);
	/* What an earlier job left unfinished remains so if this job writes nothing. */
	t->marked = !t->base.was_unfinished;
	if (r == 0 && !volume_has_name(t->base.fd, t->name))
		r = err_set(ST_BUSY, "was renamed while it was opened");
	return r;
}

static int prepare_in_place(struct target_volume *t)
{
	struct lvm_volume v;
	int r;

	if (volume_place_look(t->base.place, &v) < 0)
		return -1;
	t->base.was_unfinished = volume_is_unfinished(&v);
	r = open_in_place(t, &v);
	if (r == 0 && !t->base.want.dry_run)
		r = mark_volume(t, &v);
	lvm_volume_fini(&v);
	return r;
}

static int zero_in_place(struct target *base, uint64_t len, uint64_t off)
{
	return block_zero_range(&target_volume_of(base)->zero, len, off);
}

static int zero_rest_in_place(struct target *base, uint64_t len)
{
	return zero_in_place(base, base->space - len, len);
}

static int commit_in_place(struct target *base)
{
	if (volume_target_publish(target_volume_of(base), VOLUME_TAG_UNFINISHED) < 0)
		return -1;
	free_job_tags(target_volume_of(base), false);
	return 0;
}

static void abort_in_place(struct target *base)
{
	struct target_volume *t = target_volume_of(base);

	bool is_untouched = !atomic_load(&base->touched);

	if (t->marked && is_untouched)
		volume_set_tag(t->name->group, t->uuid, VOLUME_TAG_UNFINISHED, false);
	free_job_tags(t, is_untouched);
	if (base->fd >= 0)
		close(base->fd);
}

static const struct target_ops ops = {
	.peek = target_fd_peek,
	.write = target_fd_write,
	.zero = zero_in_place,
	.set_len = zero_rest_in_place,
	.settle = volume_target_settle,
	.commit = commit_in_place,
	.abort = abort_in_place,
};

struct target *volume_target_fill(struct place *place, const struct target_want *want)
{
	struct target_volume *t = volume_target_new(&ops, place, want);

	if (!t)
		return NULL;
	return target_ready(&t->base, prepare_in_place(t));
}
