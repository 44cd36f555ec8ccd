/*
 * delete: removes one image.
 *	REQUEST op=delete, path, force, allow_links, dry_run
 *	OK      path; absent=1 if force and it was not there
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/op/op.h"
#include "lib/store/inuse.h"

/* Whether what is under the name now may go.  fd is the one that was looked at. */
static int check(int fd, const struct stat *named, int allow_links)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys("cannot stat");
	if (st.st_dev != named->st_dev || st.st_ino != named->st_ino)
		return err_set(ST_BUSY, "was replaced while it was looked at");
	if (!S_ISREG(st.st_mode))
		return err_set(ST_REFUSED, "is not a regular file");
	if (st.st_nlink > 1 && !allow_links)
		return err_set(ST_REFUSED, "has %lu links (see --allow-links)",
			(unsigned long)st.st_nlink);
	return inuse_refuse(fd, INUSE_ANY);
}

static int sync_dir(int dir)
{
	int r, fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return 0; /* a directory that may be written, not read */
	r = fsync(fd);
	close(fd);
	return r < 0 && errno != EINVAL ? err_sys("cannot bring the directory to stable storage") : 0;
}

static int remove_image(const struct place *p, int allow_links, int dry)
{
	struct stat named;
	int fd, r;

	if (fstatat(p->dir, p->name, &named, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys("cannot look at it");
	if (S_ISLNK(named.st_mode))
		return err_set(ST_REFUSED, "is a symbolic link");
	if (S_ISDIR(named.st_mode))
		return err_set(ST_REFUSED, "is a directory, not an image");
	fd = openat(p->dir, p->name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return err_sys("cannot look at it");
	r = check(fd, &named, allow_links);
	close(fd);
	if (r < 0 || dry)
		return r;
	if (unlinkat(p->dir, p->name, 0) < 0)
		return err_sys("cannot remove");
	return sync_dir(p->dir);
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
