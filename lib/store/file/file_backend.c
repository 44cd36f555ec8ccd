/*
 * file_backend: files by their names in directories.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/host/identity.h"
#include "lib/host/storage.h"
#include "lib/store/dependents.h"
#include "lib/store/file/file_held.h"
#include "lib/store/file/file_image.h"
#include "lib/store/file/file_list.h"
#include "lib/store/file/file_place.h"
#include "lib/store/file/file_resize.h"
#include "lib/store/file/file_search.h"
#include "lib/store/file/file_snapshot.h"
#include "lib/store/file/file_target.h"
#include "lib/store/file/partial.h"
#include "lib/store/file/precheck.h"
#include "lib/store/file/publish.h"
#include "lib/store/file/unfinished.h"
#include "lib/store/image.h"
#include "lib/store/info.h"

static int sync_directory(const struct place_file *p)
{
	return io_sync_dir(p->dir, -1) < 0 ? err_sys("cannot sync the directory to disk") : 0;
}

static int identify_file(const struct place *base, char out[IDENTITY_MAX])
{
	const struct place_file *p = (const struct place_file *)base;

	if (p->node < 0)
		return -1;
	identity_of(&p->st, out);
	return 0;
}

/* Only a directory is described without being opened as an image. */
static int describe_container(const struct place *base, struct buf *out)
{
	int r, fd;

	if (!base->is_container)
		return 0;
	fd = file_place_open_directory(base);
	r = fd < 0 ? -1 : info_add_directory(out, fd);
	if (fd >= 0)
		close(fd);
	return r < 0 ? -1 : 1;
}

/* Refuses a file that may not be removed or renamed. */
static int refuse_change_of(const struct place_file *p, const struct change_want *want)
{
	int fd;

	if (want->is_unneeded)
		return precheck_stat(p, want->allow_links);
	fd = precheck_open(p, O_RDONLY, want->allow_links);
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

/* Refuses if the name no longer leads to the file that was checked, or to what was read of it. */
static int check_same(const struct place_file *p, const struct change_want *want)
{
	struct stat now;

	if (fstatat(p->dir, p->base.name, &now, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys("cannot stat");
	if (!identity_is_same(&now, &p->st))
		return err_set(ST_BUSY, "was replaced meanwhile, so it was not changed");
	return want->read ? image_check_end(want->read) : 0;
}

static int remove_file(const struct place *base, const struct change_want *want)
{
	const struct place_file *p = (const struct place_file *)base;

	if (refuse_change_of(p, want) < 0 || precheck_fixed(p, want->dry_run) < 0 ||
		unfinished_check(p->dir, base->name, p->st.st_uid) < 0 ||
		(!want->is_archive && !want->is_unneeded && dependents_refuse(base) < 0))
		return -1;
	if (want->dry_run)
		return 0;
	if (check_same(p, want) < 0)
		return -1;
	if (unlinkat(p->dir, base->name, 0) < 0)
		return err_sys("cannot remove");
	if (unfinished_forget(p->dir, base->name, p->st.st_uid) < 0)
		return -1;
	return sync_directory(p);
}

static int rename_with_mark(const struct place_file *p, const char *name)
{
	struct err e;

	if (unfinished_carry(p->dir, p->base.name, name, p->st.st_uid) < 0)
		return -1;
	if (publish_name(p->dir, p->base.name, name, "cannot rename") == 0)
		return 0;
	if (err_errno() == EEXIST)
		err_set(ST_EXISTS, "'%s' exists already", name);
	err_take(&e);
	unfinished_forget(p->dir, name,
		p->st.st_uid); /* the file did not get the name, so its mark goes, too */
	err_put(&e);
	return -1;
}

static int check_new_name(const struct place_file *p, const char *name)
{
	struct stat st;

	if (strcmp(name, p->base.name) == 0)
		return err_set(ST_REFUSED, "has that name already");
	if (partial_is(p->base.name))
		return err_set(ST_CORRUPT, "is unfinished: the job that made it was interrupted");
	if (unfinished_reserves(name))
		return err_set(
			ST_REFUSED, "'%s' is a name that is reserved for unfinished files", name);
	if (fstatat(p->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return err_set(ST_EXISTS, "'%s' exists already", name);
	return errno == ENOENT ? 0 : err_sys("cannot stat '%s'", name);
}

static int rename_file(const struct place *base, const char *name, const struct change_want *want)
{
	const struct place_file *p = (const struct place_file *)base;

	if (refuse_change_of(p, want) < 0 || check_new_name(p, name) < 0 ||
		precheck_fixed(p, want->dry_run) < 0 ||
		unfinished_check(p->dir, base->name, p->st.st_uid) < 0 ||
		unfinished_check(p->dir, name, p->st.st_uid) < 0 ||
		dependents_refuse_rename(base) < 0)
		return -1;
	if (want->dry_run)
		return 0;
	if (check_same(p, want) < 0 || rename_with_mark(p, name) < 0 ||
		unfinished_forget(p->dir, base->name, p->st.st_uid) < 0)
		return -1;
	return sync_directory(p);
}

/* The containers are the directories that the policy names. */
static int each_directory(const struct policy *policy, each_container *each, void *arg)
{
	const struct policy *roots = policy_roots(policy);
	struct place *p;
	size_t i;
	int r = 0;

	for (i = 0; r == 0 && i < roots->count; i++) {
		p = place_open(policy, roots->root[i].path);
		r = each(arg, roots->root[i].path, p);
		place_close(p);
	}
	return r;
}

const struct backend backend_file = {
	.kind = "file",
	.can_archive = true,
	.resizes_copy = true,
	.can_snapshot = true,
	.find = file_place_find,
	.child = file_place_child,
	.beside = file_place_beside,
	.identify = identify_file,
	.describe = describe_container,
	.open = file_image_open,
	.peek = file_search_peek,
	.make = file_target_make,
	.fill = file_target_fill,
	.resize = file_resize_open,
	.hold = file_held_open,
	.check_hold = file_held_check,
	.remove = remove_file,
	.rename = rename_file,
	.list = file_list,
	.clean = file_clean,
	.snapshot = file_snapshot_prepare,
	.containers = each_directory,
	.search = file_search,
	.search_allowed = file_search_allowed,
	.storage = storage_each,
	.release = file_place_release,
};
