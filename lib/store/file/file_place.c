/*
 * file_place: a symbolic link is followed to the directory that has the file's own name,
 * since marks of unfinished writes and snapshots are kept beside that name.
 */
#include "lib/store/file/file_place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/pathname.h"
#include "lib/host/identity.h"

#define LINKS_MAX 40	  /* the kernel's own limit */
#define LEASE_WAIT_MS 200 /* the longest of several waits, each twice as long as the one before */

/* The path of name in dir, by its real path if that is known, else as it was spelled. */
static char *shown_path(int dir, const char *spelled_dir, const char *name)
{
	char *where = io_path_dup(dir), *path;

	path = pathname_join(where ? where : spelled_dir, name);
	free(where);
	return path;
}

/* A place in dir.  Takes over dir and node, also on failure.  NULL recorded. */
static struct place_file *new_file_place(
	const struct found *f, int dir, const char *spelled_dir, const char *name, int node)
{
	char *path = shown_path(dir, spelled_dir, name);
	struct place_file *p =
		path ? place_new(sizeof(*p), &backend_file, f->policy, f->spelled, path) : NULL;

	free(path);
	if (p) {
		p->dir = dir;
		p->node = node;
		p->st = f->st;
		return p;
	}
	close(dir);
	if (node >= 0)
		close(node);
	return NULL;
}

static int find_container(struct place **out, const struct found *f)
{
	char *path = io_path_dup(f->node);
	struct place_file *p = place_new(
		sizeof(*p), &backend_file, f->policy, f->spelled, path ? path : f->spelled);

	free(path);
	if (!p)
		return -1;
	p->base.is_container = true;
	p->dir = -1;
	p->st = f->st;
	p->node = fcntl(f->node, F_DUPFD_CLOEXEC, 3);
	*out = &p->base;
	if (p->node >= 0)
		return 1;
	err_sys("cannot open");
	place_close(&p->base);
	return -1;
}

/* Opens the directory that a spelled path is in.  The descriptor, or -1 recorded. */
static int open_parent(const struct policy *policy, const char *spelled)
{
	char *parent = pathname_parent(spelled);
	int dir = parent ? policy_open(policy, parent, O_PATH | O_DIRECTORY) : -1;

	if (dir < 0 && parent && (err_errno() == ENOENT || err_errno() == ENOTDIR))
		err_set(ST_ABSENT, "no such directory: '%s'", parent);
	free(parent);
	return dir;
}

/* The target of the link dir/name, as a spelled path.  NULL recorded. */
static char *read_link(int dir, const char *spelled, const char *name)
{
	char text[PATH_MAX], *parent, *next;
	ssize_t n = readlinkat(dir, name, text, sizeof(text) - 1);

	if (n < 0) {
		err_sys("cannot read the link");
		return NULL;
	}
	text[n] = '\0';
	if (text[0] == '/')
		return pathname_absolute(text);
	parent = pathname_parent(spelled);
	next = parent ? pathname_join(parent, text) : NULL;
	free(parent);
	return next;
}

/*
 * Follows links in the last part of *spelled, which is replaced by the path that they
 * lead to.  A descriptor of the directory that *spelled is then in, or -1 recorded.
 */
static int walk_links(const struct policy *policy, char **spelled, bool *is_link)
{
	const char *name;
	struct stat st;
	int dir, hops;
	char *next;

	for (hops = 0; hops < LINKS_MAX; hops++) {
		dir = open_parent(policy, *spelled);
		name = pathname_last(*spelled);
		if (dir < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
			!S_ISLNK(st.st_mode))
			return dir;
		*is_link = true;
		next = read_link(dir, *spelled, name);
		close(dir);
		if (!next)
			return -1;
		free(*spelled);
		*spelled = pathname_trim(next);
		free(next);
		if (!*spelled)
			return -1;
	}
	return err_set(ST_REFUSED, "too many symbolic links");
}

/* Finds the place of a file, which need not exist.  1, or -1 recorded. */
static int find_named(struct place **out, const struct found *f)
{
	char *own = strdup(f->given);
	bool is_link = false, by_link = false;
	struct place_file *p = NULL;
	struct stat st;
	char *parent = pathname_parent(f->spelled);
	int node = -1, dir = own && parent ? walk_links(f->policy, &own, &is_link) : -1;

	if (!own || !parent) {
		err_set(ST_FAILED, "out of memory");
		goto out;
	}
	/* The link is one that only the kernel can follow, or was swapped meanwhile. */
	if (f->node >= 0 && is_link &&
		(dir < 0 || fstatat(dir, pathname_last(own), &st, AT_SYMLINK_NOFOLLOW) < 0 ||
			!identity_is_same(&st, &f->st))) {
		if (dir >= 0)
			close(dir);
		free(own);
		own = strdup(f->given);
		dir = open_parent(f->policy, f->given);
		by_link = true;
	}
	if (dir < 0 || !own)
		goto out;
	err_clear();
	if (f->node >= 0 && (node = fcntl(f->node, F_DUPFD_CLOEXEC, 3)) < 0) {
		err_sys("cannot open");
		close(dir);
		goto out;
	}
	if (pathname_is_name(pathname_last(own))) {
		p = new_file_place(f, dir, parent, pathname_last(own), node);
	} else {
		err_set(ST_REFUSED, "cannot be the name of an image");
		close(dir);
		if (node >= 0)
			close(node);
	}
	if (p) {
		p->base.is_link = is_link;
		p->by_link = by_link;
	}
out:
	free(own);
	free(parent);
	*out = p ? &p->base : NULL;
	return p ? 1 : -1;
}

int file_place_find(struct place **out, const struct found *f)
{
	if (f->node < 0 && (f->is_directory || err_errno() != ENOENT))
		return -1;
	return f->node >= 0 && S_ISDIR(f->st.st_mode) ? find_container(out, f) : find_named(out, f);
}

/* The place of name in the directory dir, which is borrowed.  NULL recorded. */
static struct place *place_in(
	const struct policy *policy, int dir, const char *spelled_dir, const char *name)
{
	char *spelled = pathname_join(spelled_dir, name);
	struct found f = { .policy = policy, .spelled = spelled };
	int node = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC), own;
	struct place_file *p = NULL;

	if (!spelled)
		goto out;
	if ((node < 0 && errno != ENOENT) || (node >= 0 && fstat(node, &f.st) < 0)) {
		err_sys("cannot open '%s'", name);
		goto out;
	}
	own = openat(dir, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (own < 0) {
		err_sys("cannot open the directory");
		goto out;
	}
	p = new_file_place(&f, own, spelled_dir, name, node);
	node = -1;
	if (p) {
		p->base.is_link = p->node >= 0 && S_ISLNK(f.st.st_mode);
		p->base.is_container = p->node >= 0 && S_ISDIR(f.st.st_mode);
	}
out:
	if (node >= 0)
		close(node);
	free(spelled);
	return p ? &p->base : NULL;
}

struct place *file_place_child(const struct place *container, const char *name)
{
	const struct place_file *p = (const struct place_file *)container;

	return place_in(container->policy, p->node, container->spelled, name);
}

struct place *file_place_beside(const struct place *p, const char *name)
{
	char *parent = pathname_parent(p->path);
	struct place *other =
		parent ? place_in(p->policy, ((const struct place_file *)p)->dir, parent, name)
		       : NULL;

	free(parent);
	return other;
}

void file_place_release(struct place *base)
{
	struct place_file *p = (struct place_file *)base;

	if (p->dir >= 0)
		close(p->dir);
	if (p->node >= 0)
		close(p->node);
}

static int open_node(const struct place_file *p, int flags)
{
	if (p->dir < 0)
		return openat(p->node, ".", flags | O_CLOEXEC);
	if (p->by_link)
		return policy_open(p->base.policy, p->base.spelled, flags);
	return openat(p->dir, p->base.name, flags | O_NOFOLLOW | O_CLOEXEC);
}

/*
 * While somebody has a lease, opening with O_NONBLOCK fails.  Another job has one for a moment,
 * when it finds out whether the file is in use; a file server gives its lease back when it is
 * asked.
 */
static int open_despite_lease(const struct place_file *p, int flags)
{
	int fd, wait_ms;

	for (wait_ms = 1;; wait_ms *= 2) {
		fd = open_node(p, flags);
		if (fd >= 0 || p->by_link || errno != EWOULDBLOCK || wait_ms > LEASE_WAIT_MS)
			return fd;
		poll(NULL, 0, wait_ms);
	}
}

int file_place_open(const struct place *base, int flags)
{
	const struct place_file *p = (const struct place_file *)base;
	struct stat st;
	int fd;

	if (p->node < 0) {
		errno = ENOENT;
		return err_sys("cannot open");
	}
	fd = open_despite_lease(p, flags);
	if (fd < 0 && errno == ELOOP && !p->by_link)
		return place_was_replaced();
	if (fd < 0 && errno == EWOULDBLOCK && !p->by_link)
		return err_set(ST_BUSY, "is in use: another program has a lease of it");
	if (fd < 0)
		return p->by_link ? -1
				  : err_sys("cannot open%s",
					    (flags & O_ACCMODE) == O_RDONLY ? "" : " for writing");
	if (fstat(fd, &st) == 0 && identity_is_same(&st, &p->st))
		return fd;
	close(fd);
	return place_was_replaced();
}

int file_place_open_directory(const struct place *p)
{
	if (((const struct place_file *)p)->node >= 0 && !p->is_container)
		return err_set(ST_REFUSED, "is not a directory");
	return file_place_open(p, O_RDONLY | O_DIRECTORY);
}
