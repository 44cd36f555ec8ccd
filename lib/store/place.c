/*
 * place: a path is looked up once; then each backend is asked whether it is its own.
 */
#include "lib/store/place.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/pathname.h"
#include "lib/store/backend.h"

void *place_new(size_t size, const struct backend *b, const struct policy *policy,
	const char *spelled, const char *path)
{
	struct place *p = calloc(1, size);

	if (p) {
		p->backend = b;
		p->policy = policy;
		p->spelled = strdup(spelled);
		p->path = strdup(path);
	}
	if (p && p->spelled && p->path) {
		p->name = pathname_last(p->path);
		if (!*p->name)
			p->name = p->path; /* "/" */
		return p;
	}
	if (p) {
		free(p->spelled);
		free(p->path);
		free(p);
	}
	err_set(ST_FAILED, "out of memory");
	return NULL;
}

void place_close(struct place *p)
{
	if (!p)
		return;
	if (p->backend->release)
		p->backend->release(p);
	free(p->spelled);
	free(p->path);
	free(p);
}

int place_was_replaced(void)
{
	const struct err e = { ST_BUSY, ESTALE, "was replaced while it was opened" };

	err_put(&e);
	return -1;
}

static struct place *ask_backends(const struct found *f)
{
	const struct backend *b;
	struct place *p = NULL;
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && (b = backend_at(i)); i++)
		r = b->find(&p, f);
	return r > 0 ? p : NULL;
}

struct place *place_open(const struct policy *policy, const char *path)
{
	char *absolute, *trimmed, *given;
	struct found f = { .policy = policy, .node = -1 };
	struct place *p = NULL;

	if (!*path) {
		err_set(ST_USAGE, "an empty path");
		return NULL;
	}
	absolute = pathname_absolute(path);
	trimmed = absolute ? pathname_trim(absolute) : NULL;
	given = pathname_trim(path);
	if (!trimmed || !given)
		goto out;
	f.spelled = trimmed;
	f.given = given;
	f.is_directory = strlen(absolute) > strlen(trimmed);
	err_clear();
	f.node = policy_find(policy, path);
	if (f.node >= 0 && fstat(f.node, &f.st) < 0)
		err_sys("cannot stat");
	else
		p = ask_backends(&f);
	if (f.node >= 0)
		close(f.node);
out:
	free(absolute);
	free(trimmed);
	free(given);
	return p;
}

struct place *place_child(const struct place *container, const char *name)
{
	if (pathname_is_name(name))
		return container->backend->child(container, name);
	err_set(ST_REFUSED, "'%s' is not a name", name);
	return NULL;
}

struct place *place_for(const struct policy *policy, const char *path, const char *name)
{
	struct place *p = place_open(policy, path), *child;

	if (!p || !p->is_container)
		return p;
	child = name ? place_child(p, name) : NULL;
	if (!name)
		err_set(ST_REFUSED, "is a directory or volume group, and the source has no name");
	place_close(p);
	return child;
}
