/*
 * device_place: see device_place.h.
 */
#include "lib/store/device/device_place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/hint.h"
#include "lib/base/io.h"
#include "lib/host/inuse.h"

int device_place_find(struct place **out, const struct found *f)
{
	struct place_device *p;
	char *path;

	if (f->node < 0 || !S_ISBLK(f->st.st_mode))
		return 0;
	path = io_path_dup(f->node);
	p = place_new(sizeof(*p), &backend_device, f->policy, f->spelled, path ? path : f->spelled);
	free(path);
	if (!p)
		return -1;
	p->dev = f->st.st_rdev;
	*out = &p->base;
	return 1;
}

int device_place_open(const struct place *base, int flags)
{
	const struct place_device *p = (const struct place_device *)base;
	int fd = policy_open(base->policy, base->spelled, flags);
	struct stat st;
	struct err e;

	if (fd < 0 && err_errno() == EBUSY)
		return inuse_explain_busy(base->path);
	if (fd < 0 && err_errno() == EACCES && geteuid() != 0) {
		err_take(&e);
		return err_set(ST_REFUSED, "%.900s (%s)", e.text, hint_sudo());
	}
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISBLK(st.st_mode) && st.st_rdev == p->dev)
		return fd;
	close(fd);
	return place_was_replaced();
}
