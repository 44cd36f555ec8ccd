/*
 * store_file: files by their names in directories.
 */
#include "lib/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/store/existing.h"
#include "lib/store/naming.h"
#include "lib/store/partial.h"
#include "lib/store/target_state.h"
#include "lib/store/unfinished.h"

static int look(const struct place *p, struct stat *st)
{
	return fstatat(p->dir, p->name, st, AT_SYMLINK_NOFOLLOW);
}

static int remove_file(const struct place *p, const struct store_want *want)
{
	struct stat st;
	int fd = existing_open(p, O_RDONLY, want->allow_links, &st);

	if (fd < 0)
		return -1;
	close(fd);
	if (existing_check_fixed(p->dir, p->name, want->dry_run) < 0)
		return -1;
	if (want->dry_run)
		return 0;
	if (unlinkat(p->dir, p->name, 0) < 0)
		return err_sys("cannot remove");
	if (unfinished_forget(p->dir, p->name) < 0)
		return -1;
	return naming_sync(p->dir) < 0 ? err_sys("cannot bring the directory to stable storage")
				       : 0;
}

static int give_name(const struct place *from, const char *name)
{
	struct err e;

	if (unfinished_carry(from->dir, from->name, name) < 0)
		return -1;
	if (naming_rename_new(from->dir, from->name, name) == 0)
		return 0;
	if (errno == EEXIST)
		err_set(ST_EXISTS, "'%s' exists already", name);
	else
		err_sys("cannot rename");
	err_take(&e);
	unfinished_forget(from->dir, name); /* the mark that it has not got */
	err_put(&e);
	return -1;
}

static int rename_file(const struct place *from, const char *name, const struct store_want *want)
{
	struct stat st;
	int fd = existing_open(from, O_RDONLY, want->allow_links, &st);

	if (fd < 0)
		return -1;
	close(fd);
	if (strcmp(name, from->name) == 0)
		return err_set(ST_REFUSED, "that is its name already");
	if (partial_is(from->name))
		return err_set(ST_CORRUPT, "is unfinished: the run that made it did not end well");
	if (partial_is(name))
		return err_set(ST_REFUSED, "'%s' is a name for what is unfinished", name);
	if (fstatat(from->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return err_set(ST_EXISTS, "'%s' exists already", name);
	if (errno != ENOENT)
		return err_sys("cannot look at '%s'", name);
	if (existing_check_fixed(from->dir, from->name, want->dry_run) < 0)
		return -1;
	if (want->dry_run)
		return 0;
	if (give_name(from, name) < 0)
		return -1;
	if (unfinished_forget(from->dir, from->name) < 0)
		return -1;
	return naming_sync(from->dir) < 0 ? err_sys("cannot bring the directory to stable storage")
					  : 0;
}

const struct store_ops store_file = {
	.has_files = true,
	.make = &target_file_ops,
	.in_place = &target_inplace_ops,
	.look = look,
	.remove = remove_file,
	.rename = rename_file,
};
