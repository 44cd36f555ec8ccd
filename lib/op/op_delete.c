/*
 * delete: removes one image.
 *	REQUEST op=delete, path, force, allow_links, dry_run
 *	OK      path; absent=1 if force and it was not there
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/op/op.h"
#include "lib/store/existing.h"
#include "lib/store/naming.h"
#include "lib/store/unfinished.h"

static int remove_image(const struct place *p, bool allow_links, bool dry_run)
{
	struct stat st;
	int fd = existing_open(p, O_RDONLY, allow_links, &st);

	if (fd < 0)
		return -1;
	close(fd);
	if (dry_run)
		return 0;
	if (unlinkat(p->dir, p->name, 0) < 0)
		return err_sys("cannot remove");
	if (unfinished_forget(p->dir, p->name) < 0)
		return -1;
	return naming_sync(p->dir) < 0 ? err_sys("cannot bring the directory to stable storage")
				       : 0;
}

int op_delete(struct session *s, const struct kv *request, struct buf *reply)
{
	int force = op_flag(request, "force"), links = op_flag(request, "allow_links");
	int dry = op_flag(request, "dry_run"), r;
	const char *path = op_need(request, "path");
	struct place place;

	if (!path || force < 0 || links < 0 || dry < 0)
		return -1;
	r = place_open(&place, &s->limits, path);
	if (r == 0)
		r = remove_image(&place, links, dry);
	if (r == 0)
		kv_add(reply, "path", place.path);
	place_close(&place);
	if (r < 0 && force && err_status() == ST_ABSENT) {
		err_clear();
		kv_add_bool(reply, "absent", true);
		r = 0;
	}
	return r;
}
