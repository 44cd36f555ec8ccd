/*
 * writing: finds the place of the target, makes the checks, and opens target and sink.
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
#include "lib/format/content.h"
#include "lib/store/backend.h"

#define ARCHIVE_SUFFIX ".lzo"
#define NEW_FILE_MODE 0600

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n > m && strcmp(s + n - m, end) == 0;
}

/* The name in a container: the source's, with ".lzo" added or removed.  NULL: out of memory. */
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

/* Whether path is a container.  0, or -1 recorded. */
static int require_container(struct session *s, const char *path)
{
	struct place *p = place_open(&s->policy, path);
	char id[IDENTITY_MAX];
	int r = -1;

	if (p && p->is_container)
		r = 0;
	else if (p && p->backend->identify(p, id) == 0)
		err_set(ST_REFUSED,
			"is not a directory or volume group, and there are several sources");
	else if (p)
		err_set(ST_ABSENT, "there is no such directory or volume group");
	place_close(p);
	return r;
}

/*
 * The place of the target: what the path leads to or, if that is a container, the source's name in
 * it.  NULL recorded.
 */
static struct place *find_place(struct session *s, const struct writing_want *want)
{
	const struct backend *b;
	char *name = NULL;
	struct place *p;

	if (want->in_place)
		return place_open(&s->policy, want->path);
	if (want->into && require_container(s, want->path) < 0)
		return NULL;
	if (want->base && *want->base) {
		name = derive_name(want->base, want->compressed, want->archive);
		if (!name) {
			err_set(ST_FAILED, "out of memory");
			return NULL;
		}
	}
	p = place_for(&s->policy, want->path, name);
	free(name);
	if (!p || !want->archive || p->backend->can_archive)
		return p;
	b = p->backend;
	place_close(p);
	err_set(ST_USAGE, "an archive is a file, and this is a %s", b->kind);
	return NULL;
}

/*
 * Refuses qcow2 over other content, since a guest with a raw disk would get a qcow2 file as its
 * disk.  What an earlier job left unfinished is no content.
 */
static int refuse_format(struct target *t, const struct writing_want *want, const char *format)
{
	uint8_t head[4];
	ssize_t n;

	if (!want->in_place || want->change_format || strcmp(format, "qcow2") != 0 ||
		target_was_unfinished(t))
		return 0;
	n = target_peek(t, head, sizeof(head));
	if (n < 0)
		return -1;
	if (strcmp(content_format_of(head, (size_t)n), "qcow2") == 0)
		return 0;
	return err_set(ST_REFUSED,
		"the source is qcow2 and the target holds something else (see --change-format)");
}

/* The format of an image that begins with these bytes. */
static const char *judge_format(const void *head, size_t n, bool as_is)
{
	struct content *c = as_is ? malloc(sizeof(*c)) : NULL;
	const char *format = content_format_of(head, n);

	if (c && content_parse(c, head, n < QCOW2_HEADER_MAX ? n : QCOW2_HEADER_MAX) == 0)
		format = c->format;
	free(c);
	return format;
}

int writing_judge(struct writing *w, const struct writing_want *want, struct block *first)
{
	if (!w->target || !want->in_place || !first || first->kind != BLOCK_DATA || first->off)
		return 0;
	if (block_decode(first) < 0)
		return -1;
	return refuse_format(w->target, want, judge_format(first->raw, first->len, want->as_is));
}

void writing_want_parse(struct writing_want *w, const struct kv *request)
{
	memset(w, 0, sizeof(*w));
	w->path = kv_get(request, "path");
	w->base = kv_get(request, "base");
	w->format = kv_get(request, "format");
	w->compressed = kv_get(request, "compression") != NULL;
	w->target.source_id = kv_get(request, "source_id");
	w->mtime = op_u64(request, "mtime", 0);
	w->archive = op_flag(request, "archive");
	w->change_format = op_flag(request, "change_format");
	w->as_is = op_flag(request, "as_is");
	w->may_overwrite = true;
	w->target.len = op_u64(request, "capacity", TARGET_LEN_UNKNOWN);
	w->target.volume_len = op_u64(request, "size", 0);
	w->target.sparse = op_flag(request, "sparse");
	w->target.overwrite = op_flag(request, "overwrite");
	w->in_place = op_flag(request, "in_place");
	w->into = op_flag(request, "into");
	w->target.allow_links = op_flag(request, "allow_links");
	w->target.dry_run = op_flag(request, "dry_run");
	w->target.fsync = !op_flag(request, "no_fsync");
}

/* The archive's header has the name of the image, which lzop -N restores. */
static struct sink *archive_sink(
	struct target *t, const char *path, const struct writing_want *want)
{
	struct archive_origin origin = { .mode = want->mode ? want->mode : NEW_FILE_MODE,
		.mtime = want->mtime };
	const char *slash = strrchr(path, '/');
	char name[256];

	snprintf(name, sizeof(name), "%s", slash ? slash + 1 : path);
	if (ends_with(name, ARCHIVE_SUFFIX))
		name[strlen(name) - strlen(ARCHIVE_SUFFIX)] = '\0';
	origin.name = name;
	return sink_archive(t, -1, &origin);
}

static int open_stdout(struct writing *w, struct session *s, const struct writing_want *want)
{
	const struct archive_origin origin = {
		.name = "", .mode = NEW_FILE_MODE, .mtime = want->mtime
	};

	if (!s->has_stdio)
		return err_set(ST_REFUSED, "has no standard output here");
	w->path = strdup("-");
	if (!w->path)
		return err_set(ST_FAILED, "out of memory");
	if (fcntl(STDOUT_FILENO, F_GETFL) < 0 ||
		(fcntl(STDOUT_FILENO, F_GETFL) & O_ACCMODE) == O_RDONLY)
		return err_set(ST_FAILED, "standard output is closed");
	if (want->target.dry_run)
		return 0;
	w->sink = w->is_archive ? sink_archive(NULL, STDOUT_FILENO, &origin)
				: sink_stream(STDOUT_FILENO);
	return w->sink ? 0 : -1;
}

/*
 * Whether the user has named the container, and not the target itself.  The place is known by the
 * name that it was found by, since its path is another one if that is a link.
 */
static bool is_derived(const char *asked, const struct place *place)
{
	const char *a = strrchr(asked, '/'), *b = strrchr(place->spelled, '/');

	return b && strcmp(a ? a + 1 : asked, b + 1) != 0;
}

static int open_target(struct writing *w, struct place *place, const struct writing_want *want)
{
	struct target_want target = want->target;
	char id[IDENTITY_MAX];

	if (want->target.volume_len && !place->backend->rounds_size) {
		place_close(place);
		return err_set(ST_USAGE, "--size is for '-' as source and for new volumes");
	}
	w->path = strdup(place->path);
	w->replaces = target.overwrite && place->backend->identify(place, id) == 0;
	if (want->archive)
		target.len = TARGET_LEN_UNKNOWN;
	w->target = want->in_place ? target_fill(place, &target) : target_make(place, &target);
	if (!w->target && err_status() == ST_EXISTS && want->may_overwrite)
		err_set(ST_EXISTS, "%s (see --overwrite)", err_text());
	if (!w->target)
		return -1;
	if (!w->path)
		return err_set(ST_FAILED, "out of memory");
	if (want->format && refuse_format(w->target, want, want->format) < 0)
		return -1;
	if (target.dry_run)
		return 0;
	w->sink = want->archive ? archive_sink(w->target, w->path, want) : sink_image(w->target);
	return w->sink ? 0 : -1;
}

static int open_path(struct writing *w, struct session *s, const struct writing_want *want)
{
	struct place *place = find_place(s, want);
	bool derived;

	if (!place)
		return -1;
	derived = is_derived(want->path, place);
	if (open_target(w, place, want) == 0)
		return 0;
	return derived && w->path ? err_wrap("'%s'", w->path) : -1;
}

int writing_open(struct writing *w, struct session *s, const struct writing_want *want)
{
	int r;

	memset(w, 0, sizeof(*w));
	w->is_archive = want->archive;
	r = want->path ? open_path(w, s, want) : open_stdout(w, s, want);
	if (r < 0)
		writing_abort(w);
	return r;
}

int writing_open_place(struct writing *w, struct place *place, const struct writing_want *want)
{
	int r;

	memset(w, 0, sizeof(*w));
	w->is_archive = want->archive;
	r = open_target(w, place, want);
	if (r < 0)
		writing_abort(w);
	return r;
}

int writing_settle(struct writing *w)
{
	return w->target ? target_settle(w->target) : 0;
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
