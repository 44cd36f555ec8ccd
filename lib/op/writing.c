/*
 * writing: which place a target's path means, and what is made there.
 */
#include "lib/op/writing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/flow/sink.h"
#include "lib/op/reading.h"

#define ARCHIVE_SUFFIX ".lzo"

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n > m && strcmp(s + n - m, end) == 0;
}

/* The name in a container: the source's, with or without the archive's ending. */
static char *derive_name(const char *base, bool from_archive, bool to_archive)
{
	char *name = strdup(base), *longer;

	if (!name)
		return NULL;
	if (ends_with(name, ARCHIVE_SUFFIX) && from_archive && !to_archive) {
		name[strlen(name) - strlen(ARCHIVE_SUFFIX)] = '\0';
	} else if (to_archive && !(from_archive && ends_with(name, ARCHIVE_SUFFIX))) {
		if (asprintf(&longer, "%s%s", name, ARCHIVE_SUFFIX) < 0)
			longer = NULL;
		free(name);
		name = longer;
	}
	return name;
}

/* Where path leads: into the container that it is, or to a name of its own. */
static int find_place(struct place *p, struct session *s, const struct kv *request,
	const char *path, bool archive)
{
	const char *base = kv_get(request, "base");
	bool slash = path[strlen(path) - 1] == '/';
	char *name;
	int r, dir = limits_open(&s->limits, path, O_PATH | O_DIRECTORY);

	if (dir < 0) {
		if (slash && (err_errno() == ENOENT || err_errno() == ENOTDIR))
			return err_set(ST_ABSENT, "no such directory: '%s'", path);
		if (err_errno() != ENOENT && err_errno() != ENOTDIR)
			return -1;
		return place_open(p, &s->limits, path);
	}
	if (!base || !*base) {
		close(dir);
		return err_set(ST_REFUSED, "is a directory, and the source has no name of its own");
	}
	name = derive_name(base, kv_get(request, "compression") != NULL, archive);
	if (!name) {
		close(dir);
		return err_set(ST_FAILED, "out of memory");
	}
	r = place_in(p, dir, path, name);
	free(name);
	return r;
}

/* The source may be on this very host by another way than ours. */
static int check_source_id(const struct kv *request, const struct place *p)
{
	const char *id = kv_get(request, "source_id");
	char own[READING_ID_MAX];
	struct stat st;

	if (!id || fstatat(p->dir, p->name, &st, 0) < 0)
		return 0;
	reading_id(&st, own);
	if (strcmp(id, own) == 0)
		return err_set(ST_REFUSED, "source and target are the same image");
	return 0;
}

static int want_from(const struct kv *request, struct target_want *want)
{
	int sparse = op_flag(request, "sparse"), overwrite = op_flag(request, "overwrite");
	int links = op_flag(request, "allow_links"), no_fsync = op_flag(request, "no_fsync");
	int dry = op_flag(request, "dry_run");

	if (sparse < 0 || overwrite < 0 || links < 0 || no_fsync < 0 || dry < 0)
		return -1;
	want->sparse = sparse;
	want->overwrite = overwrite;
	want->allow_links = links;
	want->fsync = !no_fsync;
	want->dry_run = dry;
	return 0;
}

/* What lzop -N would restore: the image's name. */
static struct sink *archive_sink(struct target *t, const char *path)
{
	const char *slash = strrchr(path, '/');
	char name[256];

	snprintf(name, sizeof(name), "%s", slash ? slash + 1 : path);
	if (ends_with(name, ARCHIVE_SUFFIX))
		name[strlen(name) - strlen(ARCHIVE_SUFFIX)] = '\0';
	return sink_archive(t, -1, name);
}

static int open_stdout(struct writing *w, struct session *s, bool dry_run)
{
	if (!s->has_stdio)
		return err_set(ST_REFUSED, "has no standard output here");
	w->path = strdup("-");
	if (!w->path)
		return err_set(ST_FAILED, "out of memory");
	if (fcntl(STDOUT_FILENO, F_GETFL) < 0 || (fcntl(STDOUT_FILENO, F_GETFL) & O_ACCMODE) == O_RDONLY)
		return err_set(ST_FAILED, "standard output is closed");
	if (dry_run)
		return 0;
	w->sink = w->is_archive ? sink_archive(NULL, STDOUT_FILENO, "") : sink_stream(STDOUT_FILENO);
	return w->sink ? 0 : -1;
}

static int open_target(struct writing *w, struct session *s, const struct kv *request,
	const struct target_want *want)
{
	const char *path = op_need(request, "path");
	struct place place;

	if (!path || find_place(&place, s, request, path, w->is_archive) < 0)
		return -1;
	if (check_source_id(request, &place) < 0) {
		place_close(&place);
		return -1;
	}
	w->path = strdup(place.path);
	w->target = target_open(&place, want);
	if (!w->target)
		return -1;
	if (!w->path)
		return err_set(ST_FAILED, "out of memory");
	if (want->dry_run)
		return 0;
	w->sink = w->is_archive ? archive_sink(w->target, w->path) : sink_image(w->target);
	return w->sink ? 0 : -1;
}

int writing_open(struct writing *w, struct session *s, const struct kv *request,
	const struct stat *source, uint64_t capacity)
{
	struct target_want want = { .len = capacity, .source = source };
	int archive = op_flag(request, "archive"), is_stdio = op_flag(request, "stdio");
	int r;

	memset(w, 0, sizeof(*w));
	if (archive < 0 || is_stdio < 0 || want_from(request, &want) < 0)
		return -1;
	w->is_archive = archive;
	if (archive)
		want.len = TARGET_LEN_UNKNOWN;
	r = is_stdio ? open_stdout(w, s, want.dry_run) : open_target(w, s, request, &want);
	if (r < 0)
		writing_abort(w);
	return r;
}

int writing_commit(struct writing *w)
{
	struct target *t = w->target;

	w->target = NULL;
	writing_abort(w);
	return t ? target_commit(t) : 0;
}

void writing_abort(struct writing *w)
{
	sink_free(w->sink);
	target_abort(w->target);
	free(w->path);
	memset(w, 0, sizeof(*w));
}
