/*
 * dependents: walks down the image's own layers for the containers to be searched; the backends
 * open the candidates in them.
 */
#include "lib/store/dependents.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/hint.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/format/content.h"
#include "lib/store/backend.h"
#include "lib/store/chain.h"
#include "lib/store/recorded.h"

#define SHOWN_MAX 300	/* bytes of a path, and */
#define MISSED_MAX 600	/* of a list of paths, in messages */
#define OTHERS_READ 044 /* the bits of a mode that let others than the owner read */

struct searched {
	dev_t dev;
	ino_t ino;
	int parts; /* DEPENDENTS_FILES, DEPENDENTS_BELOW */
};

/* What could not be read: how much, the first of it, and why. */
struct skipped {
	size_t count;
	char first[SHOWN_MAX + 16], why[SHOWN_MAX];
};

struct dependents {
	const struct place *image;
	char id[IDENTITY_MAX]; /* of the image; "": a volume without a device */
	struct stat st;	       /* of the image, if it can be read; else zeros */
	bool is_own;	       /* the image's own container is searched */
	struct content *content;
	struct searched *searched; /* directories */
	size_t searched_count;
	struct buf groups; /* names that end with a NUL */
	size_t left;	   /* entries that may still be looked at */
	const char *top;   /* the container that is searched */
	bool is_missed;	   /* and too many entries are in it */
	struct buf missed; /* such containers, for a message */
	bool has_layers;   /* the image or a volume is not raw */
	struct skipped files, volumes;
	const char *except; /* the identity of an image that does not count, or NULL */
	char *child;	    /* what was found, and what the image is for it */
	const char *role;
};

const struct place *dependents_image(const struct dependents *d)
{
	return d->image;
}

void dependents_begin(struct dependents *d, const char *path)
{
	d->top = path;
	d->is_missed = false;
}

int dependents_enter(struct dependents *d, const struct stat *directory, bool below)
{
	int parts = DEPENDENTS_FILES | (below ? DEPENDENTS_BELOW : 0), old;
	struct searched *s;
	size_t i;

	for (i = 0; i < d->searched_count; i++) {
		s = &d->searched[i];
		if (s->dev != directory->st_dev || s->ino != directory->st_ino)
			continue;
		old = s->parts;
		s->parts |= parts;
		return parts & ~old;
	}
	if (i % 64 == 0) {
		s = realloc(d->searched, (i + 64) * sizeof(*s));
		if (!s)
			return err_set(ST_FAILED, "out of memory");
		d->searched = s;
	}
	s = &d->searched[d->searched_count++];
	s->dev = directory->st_dev;
	s->ino = directory->st_ino;
	s->parts = parts;
	return parts;
}

bool dependents_count(struct dependents *d)
{
	if (d->left) {
		d->left--;
		return true;
	}
	if (!d->is_missed && d->missed.len < MISSED_MAX)
		buf_addf(&d->missed, "%s'%.*s'", d->missed.len ? ", " : "", SHOWN_MAX, d->top);
	d->is_missed = true;
	return false;
}

/* Whether a candidate that cannot be read here can be a layer above the image, by its owner. */
static bool may_need_image(const struct dependents *d, const struct stat *st)
{
	if (S_ISREG(st->st_mode) && st->st_size == 0)
		return false;
	return !d->st.st_mode || d->st.st_mode & OTHERS_READ || st->st_uid == 0 ||
	       st->st_uid == d->st.st_uid;
}

int dependents_skip(
	struct dependents *d, const char *path, const struct stat *st, const char *reason)
{
	const char *open = geteuid() ? " (" : "", *hint = geteuid() ? hint_sudo() : "";
	const char *close = geteuid() ? ")" : "";
	struct skipped *s = st && S_ISBLK(st->st_mode) ? &d->volumes : &d->files;

	if (st && (!may_need_image(d, st) || strcmp(path, d->image->path) == 0))
		return 0;
	if (d->is_own && (!st || S_ISREG(st->st_mode)))
		return err_set(ST_REFUSED,
			"cannot check whether %s'%.*s' needs this image: %s%s%s%s",
			st ? "" : "an image in ", SHOWN_MAX, path, reason, open, hint, close);
	if (s->count++)
		return 0;
	snprintf(s->first, sizeof(s->first), "%s'%.*s'", st ? "" : "an image in ", SHOWN_MAX, path);
	snprintf(s->why, sizeof(s->why), "%s", reason);
	return 0;
}

int dependents_add_group(struct dependents *d, const char *group)
{
	const char *other;
	size_t at = 0;

	while ((other = dependents_next_group(d, &at)))
		if (strcmp(other, group) == 0)
			return 0;
	buf_add(&d->groups, group, strlen(group) + 1);
	return buf_failed(&d->groups);
}

const char *dependents_next_group(const struct dependents *d, size_t *at)
{
	const char *name;

	if (*at >= d->groups.len)
		return NULL;
	name = (const char *)d->groups.data + *at;
	*at += strlen(name) + 1;
	return name;
}

/* As content_look(). */
static int read_headers(struct dependents *d, int fd, const struct stat *st)
{
	off_t end = S_ISBLK(st->st_mode) ? lseek(fd, 0, SEEK_END) : st->st_size;

	return end > 0 ? content_look(d->content, fd, (uint64_t)end) : 0;
}

/* Whether it may be one of several layers; a raw image is the lowest one at most. */
static bool is_layer(const struct content *c)
{
	return strcmp(c->format, "raw") != 0;
}

/*
 * Whether its backing file is another layer by its recorded format; a guest writes what is in a
 * raw one.
 */
static bool has_layer_below(const struct content *c)
{
	const char *format = content_backing_format(c);

	return *format && strcmp(format, "raw") != 0;
}

/* Whether the image is what a candidate that was read records as name.  1, 0, or -1 recorded. */
static int is_named(struct dependents *d, const char *spelled, const char *name, const char *role)
{
	int r;

	if (!*name)
		return 0;
	r = recorded_leads_to(d->image->policy, spelled, name, d->id, d->image->path);
	if (r > 0)
		d->role = role;
	return r;
}

static int compare_names(struct dependents *d, const char *spelled)
{
	const struct content *c = d->content;
	const char *role = c->foreign.format ? "an extent" : "the external data file", *name;
	int r = is_named(d, spelled, content_backing(c), "the backing file");
	size_t at = 0;

	while (r == 0 && (name = content_next_file(c, &at)))
		r = is_named(d, spelled, name, role);
	return r;
}

int dependents_look(struct dependents *d, int fd, const char *spelled, const char *path)
{
	char own[IDENTITY_MAX];
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return 0;
	r = read_headers(d, fd, &st);
	if (r <= 0)
		return r < 0 ? dependents_skip(d, spelled, &st, strerror(errno)) : 0;
	if (S_ISBLK(st.st_mode) && is_layer(d->content))
		d->has_layers = true;
	r = compare_names(d, spelled);
	if (r <= 0 || strcmp(identity_of(&st, own), d->id) == 0) /* it may name itself */
		return r < 0 ? -1 : 0;
	if (d->except && strcmp(own, d->except) == 0)
		return 0;
	d->child = path ? strdup(path) : io_path_dup(fd);
	if (!d->child)
		d->child = strdup(spelled);
	return d->child ? 1 : err_set(ST_FAILED, "out of memory");
}

static int search_container(struct dependents *d, const struct place *p)
{
	return p->backend->search ? p->backend->search(p, d) : 0;
}

/* Reads the headers of a layer of the image's own chain.  Whether that was possible. */
static bool read_layer(struct dependents *d, const struct place *p)
{
	int fd = p->backend->peek ? p->backend->peek(p) : -1;
	struct stat st;
	bool is = fd >= 0 && fstat(fd, &st) == 0;

	if (is && p == d->image)
		d->st = st;
	is = is && read_headers(d, fd, &st) > 0;
	if (p == d->image && (fd < 0 || (is && is_layer(d->content))))
		d->has_layers = true;
	if (fd >= 0)
		close(fd);
	err_clear();
	return is;
}

/* The place of the layer below the one that was read; NULL: there is none, or it is not known. */
static struct place *place_below(struct dependents *d, const struct place *p)
{
	const char *name = content_backing(d->content);
	struct place *below = *name ? recorded_place(p, name) : NULL;

	err_clear();
	if (!below || !below->is_container)
		return below;
	place_close(below);
	return NULL;
}

/* Searches the containers of the layers below the image; loops end at the limit.  As search(). */
static int search_chain(struct dependents *d)
{
	const struct place *p = d->image;
	struct place *layer = NULL, *below;
	bool has_more = true;
	int i, r = 0;

	for (i = 1; r == 0 && has_more && i < CHAIN_LAYERS_MAX && read_layer(d, p); i++) {
		has_more = has_layer_below(d->content);
		below = place_below(d, p);
		place_close(layer);
		p = layer = below;
		if (!p)
			break;
		r = search_container(d, p);
	}
	place_close(layer);
	return r;
}

static int search_all(struct dependents *d)
{
	const struct backend *b;
	size_t i;
	int r;

	read_layer(d, d->image); /* for d->st and d->has_layers */
	d->is_own = true;
	r = search_container(d, d->image);
	d->is_own = false;
	if (r == 0)
		r = search_chain(d);
	for (i = 0; r == 0 && (b = backend_at(i)); i++)
		if (b->search_allowed)
			r = b->search_allowed(d->image->policy, d);
	return r;
}

static void report_skipped(const struct dependents *d, const struct skipped *s)
{
	if (s->count == 1)
		log_warn("warning: %s: cannot check whether %s needs it: %s", d->image->path,
			s->first, s->why);
	else if (s->count)
		log_warn("warning: %s: cannot check whether %s and %zu other%s need it: %s",
			d->image->path, s->first, s->count - 1, s->count == 2 ? "" : "s", s->why);
}

/* 1: d->child and d->role; 0; or -1 recorded. */
static int find_dependent(struct dependents *d)
{
	int r;

	d->left = DEPENDENTS_MAX;
	d->content = malloc(sizeof(*d->content));
	if (!d->content)
		return err_set(ST_FAILED, "out of memory");
	if (d->image->backend->identify(d->image, d->id) < 0)
		d->id[0] = '\0';
	r = search_all(d);
	if (r == 0 && d->missed.len)
		return err_set(ST_REFUSED,
			"cannot check whether other images need it: more than %d files would have "
			"to be looked at; not searched completely: %s",
			DEPENDENTS_MAX, buf_str(&d->missed));
	if (r == 0)
		report_skipped(d, &d->files);
	if (r == 0 && d->has_layers)
		report_skipped(d, &d->volumes);
	return r;
}

static void fini_search(struct dependents *d)
{
	free(d->content);
	free(d->searched);
	free(d->child);
	buf_fini(&d->groups);
	buf_fini(&d->missed);
}

int dependents_find(const struct place *image, char **path)
{
	return dependents_find_other(image, NULL, path);
}

int dependents_find_other(const struct place *image, const char *except, char **path)
{
	struct dependents d = {
		.image = image, .groups = BUF_INIT, .missed = BUF_INIT, .except = except
	};
	int r = find_dependent(&d);

	if (r > 0) {
		*path = d.child;
		d.child = NULL;
	}
	fini_search(&d);
	return r;
}

static int refuse_needed(const struct place *image, const char *see)
{
	struct dependents d = { .image = image, .groups = BUF_INIT, .missed = BUF_INIT };
	int r = find_dependent(&d);

	if (r > 0)
		r = err_set(ST_REFUSED, "is %s of '%s' (see %s)", d.role, d.child, see);
	fini_search(&d);
	return r;
}

int dependents_refuse(const struct place *image)
{
	return refuse_needed(image, "img-copy --flatten");
}

int dependents_refuse_rename(const struct place *image)
{
	return refuse_needed(image, "qemu-img rebase -u");
}
