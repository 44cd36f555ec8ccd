/*
 * file_list: the names come in order (file_names.h).  Every entry becomes a place, which holds
 * a descriptor, so an entry that is swapped meanwhile cannot mislead what follows.
 */
#include "lib/store/file/file_list.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/err.h"
#include "lib/base/kv.h"
#include "lib/base/pathname.h"
#include "lib/store/file/file_names.h"
#include "lib/store/file/file_place.h"
#include "lib/store/file/partial.h"
#include "lib/store/info.h"

#define NAMES_SIZE (24u << 20) /* bytes: about a million names */

struct listing {
	bool recursive;
	backend_each *each;
	void *arg;
};

static bool is_shown(const char *name)
{
	return name[0] != '.' || partial_is(name);
}

/* The memory for the names of a directory: all that are open take less than twice NAMES_SIZE. */
static size_t names_size(int depth)
{
	return NAMES_SIZE >> (depth < 16 ? depth : 16);
}

/* What is known of an entry that cannot be opened, and the recorded reason. */
static void add_unopened_entry(
	struct buf *out, const char *path, const char *name, const struct stat *st)
{
	struct err e;

	err_take(&e);
	buf_clear(out);
	kv_add(out, "path", path);
	kv_add(out, "name", name);
	kv_add(out, "kind",
		S_ISDIR(st->st_mode)   ? "directory"
		: S_ISBLK(st->st_mode) ? "device"
				       : "file");
	if (S_ISREG(st->st_mode)) {
		kv_add_u64(out, "allocation", (uint64_t)st->st_blocks * 512);
		kv_add_u64(out, "physical", (uint64_t)st->st_size);
	}
	kv_add(out, "error", e.text);
	kv_add_u64(out, "status", (uint64_t)e.status);
}

static bool is_listed(mode_t mode)
{
	return S_ISREG(mode) || S_ISDIR(mode) || S_ISBLK(mode);
}

/*
 * The place of an entry.  A link or a device is looked up anew, since it may belong to
 * another backend.  NULL: it is not to be listed, because it vanished, is of another
 * type, or is not allowed by the policy.
 */
static struct place *place_of_entry(const struct place *dir, const char *entry, struct stat *st)
{
	struct place *p = place_child(dir, entry), *other;

	if (!p)
		return NULL;
	*st = ((const struct place_file *)p)->st;
	if (S_ISLNK(st->st_mode) || S_ISBLK(st->st_mode)) {
		other = place_open(dir->policy, p->spelled);
		if (other && S_ISLNK(st->st_mode) && other->backend == dir->backend)
			*st = ((const struct place_file *)other)->st;
		else if (other)
			st->st_mode = S_IFBLK;
		place_close(p);
		p = other;
	}
	if (p && is_listed(st->st_mode))
		return p;
	place_close(p);
	return NULL;
}

static int list_directory(
	const struct listing *l, const struct place *dir, const char *below, int depth);

/* Whether that is why the entry could not be opened: another job has renamed or removed it. */
static bool has_vanished(const struct place *dir, const char *entry)
{
	struct stat st;

	return err_errno() == ENOENT &&
	       fstatat(((const struct place_file *)dir)->node, entry, &st, AT_SYMLINK_NOFOLLOW) <
		       0 &&
	       errno == ENOENT;
}

/* Sends the record of an entry, and then what is below it. */
static int list_entry(const struct listing *l, const struct place *dir, const char *below,
	const char *entry, int depth)
{
	char *name = *below ? pathname_join(below, entry) : strdup(entry), *path = NULL;
	struct buf record = BUF_INIT;
	struct place *p = NULL, *sub = NULL;
	struct stat st;
	int r = -1;

	if (!name || !(path = pathname_join(dir->path, entry)))
		goto out;
	r = 0;
	p = place_of_entry(dir, entry, &st);
	if (!p) {
		err_clear();
		goto out;
	}
	if (l->recursive && p->is_container && !p->is_link)
		sub = place_child(dir, entry);
	if (info_collect(p, name, &record) < 0) {
		if (has_vanished(dir, entry)) {
			err_clear();
			goto out;
		}
		add_unopened_entry(&record, path, name, &st);
	}
	err_clear();
	r = buf_failed(&record);
	if (r == 0)
		r = l->each(l->arg, &record);
	if (r == 0 && sub && sub->is_container)
		r = list_directory(l, sub, name, depth + 1);
out:
	place_close(sub);
	buf_fini(&record);
	free(path);
	free(name);
	return r;
}

static int list_directory(
	const struct listing *l, const struct place *dir, const char *below, int depth)
{
	struct file_names names;
	const char *entry;
	int fd, r, more = 1;

	if (depth > FILE_LIST_DEPTH_MAX)
		return 0;
	fd = file_place_open_directory(dir);
	if (fd < 0 && depth > 0) {
		err_clear(); /* the directory's own record has the error */
		return 0;
	}
	if (fd < 0)
		return -1;
	if (file_names_open(&names, fd, names_size(depth), is_shown) < 0)
		return -1;
	for (r = 0; r == 0 && (more = file_names_next(&names, &entry)) == 1;)
		r = list_entry(l, dir, below, entry, depth);
	file_names_close(&names);
	return more < 0 ? -1 : r;
}

int file_list(const struct place *container, bool recursive, backend_each *each, void *arg)
{
	const struct listing l = { .recursive = recursive, .each = each, .arg = arg };

	return list_directory(&l, container, "", 0);
}
