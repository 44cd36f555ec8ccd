/*
 * rename: another name in the same directory.
 *	REQUEST op=rename, path, name, allow_links, dry_run	OK  path: the new one
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/op/op.h"
#include "lib/store/existing.h"
#include "lib/store/naming.h"
#include "lib/store/partial.h"
#include "lib/store/unfinished.h"

static int rename_image(struct place *from, const char *name, bool allow_links, bool dry_run)
{
	struct stat st;
	int fd = existing_open(from, O_RDONLY, allow_links, &st);

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
	if (dry_run)
		return 0;
	if (unfinished_carry(from->dir, from->name, name) < 0)
		return -1;
	if (naming_rename_new(from->dir, from->name, name) < 0)
		return errno == EEXIST ? err_set(ST_EXISTS, "'%s' exists already", name)
				       : err_sys("cannot rename");
	if (unfinished_forget(from->dir, from->name) < 0)
		return -1;
	return naming_sync(from->dir) < 0 ? err_sys("cannot bring the directory to stable storage")
					  : 0;
}

int op_rename(struct session *s, const struct kv *request, struct buf *reply)
{
	int links = op_flag(request, "allow_links"), dry = op_flag(request, "dry_run");
	const char *path = op_need(request, "path"), *name = kv_get(request, "name");
	struct place from;
	const char *slash;
	int r;

	if (!path || links < 0 || dry < 0)
		return -1;
	if (!name)
		return err_set(ST_PEER, "protocol error: rename without a name");
	if (!*name || strchr(name, '/') || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return err_set(ST_USAGE, "'%s' is not a name: it stays in its directory", name);
	if (place_open(&from, &s->limits, path) < 0)
		return -1;
	r = rename_image(&from, name, links, dry);
	slash = strrchr(from.path, '/');
	if (r == 0)
		kv_addf(reply, "path", "%.*s%s", slash ? (int)(slash - from.path) + 1 : 0,
			from.path, name);
	place_close(&from);
	return r;
}
