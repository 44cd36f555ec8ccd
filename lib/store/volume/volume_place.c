/*
 * volume_place: an existing device is identified by the device mapper, and a path without
 * a device by its spelling.
 */
#include "lib/store/volume/volume_place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/hint.h"
#include "lib/base/log.h"
#include "lib/host/inuse.h"

static struct place *new_volume_place(
	const struct policy *policy, const char *spelled, const struct volume_name *name)
{
	char path[VOLUME_PATH_MAX];
	struct place_volume *p;

	volume_path(name, path);
	p = place_new(sizeof(*p), &backend_volume, policy, spelled ? spelled : path, path);
	if (!p)
		return NULL;
	p->volume = *name;
	p->base.is_container = !*name->name;
	return &p->base;
}

struct place *volume_place_of(const struct policy *policy, const struct volume_name *name)
{
	return new_volume_place(policy, NULL, name);
}

int volume_place_find(struct place **out, const struct found *f)
{
	struct volume_name name;
	struct err e;
	int is;

	/* A link in a directory must not lead to a volume that the policy does not allow. */
	if (strncmp(f->spelled, "/dev/", 5) != 0 && policy_is_narrow(f->policy))
		return 0;
	if (f->node >= 0 && !S_ISDIR(f->st.st_mode)) {
		is = S_ISBLK(f->st.st_mode) ? volume_of_device(&name, f->st.st_rdev) : 0;
		if (is <= 0)
			return is;
	} else {
		err_take(&e);
		is = volume_of_spelling(&name, f->spelled);
		if (is < 0)
			return -1;
		if (is == 0) {
			err_put(&e);
			return 0;
		}
	}
	if (policy_allow_group(f->policy, name.group) < 0)
		return -1;
	*out = new_volume_place(f->policy, f->spelled, &name);
	return *out ? 1 : -1;
}

struct place *volume_place_child(const struct place *container, const char *name)
{
	struct volume_name volume = ((const struct place_volume *)container)->volume;

	if (lvm_name_is_valid(name)) {
		memcpy(volume.name, name, strlen(name) + 1);
		return volume_place_of(container->policy, &volume);
	}
	err_set(ST_REFUSED, "'%s' is not a valid name for a volume", name);
	return NULL;
}

static int copy_known(struct lvm_volume *out, const struct lvm_volume *known)
{
	*out = *known;
	out->tags = strdup(known->tags);
	return out->tags ? 0 : err_set(ST_FAILED, "out of memory");
}

int volume_place_keep(struct place *base, const struct lvm_volume *v)
{
	struct place_volume *p = (struct place_volume *)base;

	if (p->known)
		return 0;
	if (copy_known(&p->kept, v) < 0)
		return -1;
	p->known = &p->kept;
	return 0;
}

void volume_place_release(struct place *base)
{
	lvm_volume_fini(&((struct place_volume *)base)->kept);
}

int volume_place_look(const struct place *base, struct lvm_volume *out)
{
	const struct place_volume *p = (const struct place_volume *)base;

	memset(out, 0, sizeof(*out));
	if (base->is_container)
		return err_set(ST_REFUSED, "is a volume group, not an image");
	return p->known ? copy_known(out, p->known) : volume_look(out, &p->volume);
}

int volume_place_look_readable(const struct place *base, struct lvm_volume *out)
{
	const struct place_volume *p = (const struct place_volume *)base;
	struct err e;

	if (volume_place_look(base, out) == 0)
		return 0;
	if (geteuid() == 0 || base->is_container || err_status() != ST_REFUSED)
		return -1;
	err_take(&e);
	if (volume_look_unprivileged(out, &p->volume, &e) < 0)
		return -1;
	log_warn("warning: '%s' is read without LVM, which needs root: whether it is in use or "
		 "unfinished is not known (%s)",
		base->path, hint_sudo());
	return 0;
}

int volume_place_open(const struct lvm_volume *v, int flags)
{
	const struct volume_name name = volume_name_of(v);
	int fd = volume_open(v, flags);
	char path[VOLUME_PATH_MAX];

	if (fd < 0 && err_errno() == EBUSY)
		return inuse_explain_busy(volume_path(&name, path));
	return fd;
}

int volume_place_refuse_open(const struct lvm_volume *v)
{
	int r, fd = volume_place_open(v, O_RDONLY | O_EXCL);

	if (fd < 0)
		return -1;
	r = inuse_refuse_open(fd);
	close(fd);
	return r;
}
