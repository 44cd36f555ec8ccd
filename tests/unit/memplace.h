/*
 * memplace: files in memory and their places, for the backend of memstore.h.
 */
#ifndef IMG_MEMPLACE_H
#define IMG_MEMPLACE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/kv.h"
#include "lib/base/pathname.h"
#include "lib/store/backend.h"
#include "lib/store/place.h"

#define MEMSTORE_DIR "/mem"
#define MEMSTORE_FILES 8
#define MEMSTORE_SPACE ((uint64_t)8 << 20) /* bytes that an image can have */
#define MEMSTORE_PAGE 4096u		   /* what an extent is rounded to */

struct memfile {
	char name[64]; /* "": there is none */
	unsigned serial, changes;
	bool is_unfinished;
	uint64_t len;
	uint8_t *data; /* MEMSTORE_SPACE bytes, of which those after len are zeros */
};

static struct memfile memstore[MEMSTORE_FILES];
static unsigned memstore_serial;
static int memstore_held; /* places, images and targets that somebody has */

static const struct backend backend_memstore;

static inline struct memfile *memstore_get(const char *name)
{
	size_t i;

	for (i = 0; i < MEMSTORE_FILES; i++)
		if (memstore[i].name[0] && strcmp(memstore[i].name, name) == 0)
			return &memstore[i];
	return NULL;
}

struct memplace {
	struct place base;
	unsigned serial; /* of the file that was there when the place was opened, or 0 */
};

/* The file at a place, if it is still the same.  NULL recorded. */
static inline struct memfile *memplace_file(const struct place *base)
{
	struct memfile *f = memstore_get(base->name);

	if (base->is_container)
		err_set(ST_REFUSED, "is the memory, not an image");
	else if (!f)
		err_set(ST_ABSENT, "cannot open: not in memory");
	else if (f->serial == ((const struct memplace *)base)->serial)
		return f;
	else
		err_set(ST_BUSY, "was replaced while it was opened");
	return NULL;
}

static inline struct place *memplace_new(
	const struct policy *policy, const char *spelled, const char *name)
{
	char *path = *name ? pathname_join(MEMSTORE_DIR, name) : strdup(MEMSTORE_DIR);
	struct memplace *p =
		place_new(sizeof(*p), &backend_memstore, policy, spelled ? spelled : path, path);
	const struct memfile *f = memstore_get(name);

	free(path);
	if (!p)
		return NULL;
	memstore_held++;
	p->base.is_container = !*name;
	p->serial = f ? f->serial : 0;
	return &p->base;
}

static inline int memplace_find(struct place **out, const struct found *f)
{
	const char *name = pathname_below(f->spelled, MEMSTORE_DIR);

	if (!name)
		return 0;
	if (f->node < 0 && err_status() != ST_ABSENT)
		return -1; /* by the policy */
	if (*name && !pathname_is_name(name))
		return err_set(ST_ABSENT, "no such directory in memory");
	err_clear();
	*out = memplace_new(f->policy, f->spelled, name);
	return *out ? 1 : -1;
}

static inline struct place *memplace_beside(const struct place *p, const char *name)
{
	return memplace_new(p->policy, NULL, name);
}

static inline int memplace_identify(const struct place *p, char out[IDENTITY_MAX])
{
	const struct memfile *f = memplace_file(p);

	if (f)
		snprintf(out, IDENTITY_MAX, "memory:%u", f->serial);
	else
		err_clear();
	return f ? 0 : -1;
}

static inline int memplace_describe(const struct place *p, struct buf *out)
{
	if (!p->is_container)
		return 0;
	kv_add(out, "kind", "memory");
	return 1;
}

static inline void memplace_release(struct place *p)
{
	(void)p;
	memstore_held--;
}

#endif
