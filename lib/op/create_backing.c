/*
 * create_backing: see create_backing.h.
 */
#include "lib/op/create_backing.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/format/content.h"
#include "lib/host/inuse.h"
#include "lib/store/backend.h"
#include "lib/store/image.h"
#include "lib/store/recorded.h"

#define SHOWN_MAX 255 /* bytes of its name in messages */

static int check_backing_name(const char *name)
{
	if (strlen(name) > QCOW2_BACKING_MAX)
		return err_set(ST_REFUSED, "its name is longer than %d bytes", QCOW2_BACKING_MAX);
	if (!recorded_is_path(name))
		return err_set(ST_REFUSED, "is not a path, since QEMU takes what precedes the ':' "
					   "for a protocol (of a "
					   "file, write ./ before its name)");
	return 0;
}

/* Its format is what it looks like, even if it is raw and its guest has written that. */
static int find_backing_format(struct create_backing *b, struct image *img)
{
	const struct content *c = image_content(img);

	if (!c)
		return -1;
	if (*c->damaged)
		return err_set(ST_CORRUPT, "%s", c->damaged);
	if (c->is_archive)
		return err_set(ST_REFUSED, "is an archive, which QEMU cannot read (see "
					   "img-unarchive)");
	b->format = c->format;
	return 0;
}

/*
 * Of a device that is open elsewhere it is not known whether that is for writing, and a base
 * volume of several guests is always open.
 */
static int check_backing_writers(struct image *img, const char *name)
{
	struct inuse u;
	int r;

	if (img->ops->check_unshared && img->ops->check_unshared(img) < 0)
		return -1;
	r = img->ops->use(img, &u);
	if (r == 0 && u.writers && (u.mounted || !S_ISBLK(img->st.st_mode)))
		r = err_set(ST_BUSY, "in use: %s", u.who);
	else if (r == 0 && u.writers)
		log_warn("warning: backing file '%s' is in use (%s), and must not be written to "
			 "any more",
			name, u.who);
	inuse_fini(&u);
	return r;
}

static int look_at_backing(struct create_backing *b, const struct place *from, const char *name)
{
	struct place *place;
	struct image *img;
	int r = -1;

	if (check_backing_name(name) < 0)
		return -1;
	place = recorded_place(from, name);
	img = place ? image_open(place) : NULL;
	if (!img)
		return -1;
	b->path = strdup(img->place->path);
	if (!b->path)
		err_set(ST_FAILED, "out of memory");
	else if (image_refuse_unfinished(img) == 0 && check_backing_writers(img, name) == 0)
		r = find_backing_format(b, img);
	image_close(img);
	return r;
}

int create_backing_look(struct create_backing *b, const struct place *from, const char *name)
{
	memset(b, 0, sizeof(*b));
	if (look_at_backing(b, from, name) == 0)
		return 0;
	/* The reason must not be cut off. */
	return strlen(name) > SHOWN_MAX ? err_wrap("backing file '%.*s...'", SHOWN_MAX, name)
					: err_wrap("backing file '%s'", name);
}

void create_backing_fini(struct create_backing *b)
{
	free(b->path);
	memset(b, 0, sizeof(*b));
}
