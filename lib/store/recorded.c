/*
 * recorded: a name is made absolute as text, and then opened through the policy.
 */
#include "lib/store/recorded.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/pathname.h"
#include "lib/host/identity.h"
#include "lib/lvm/volume.h"
#include "lib/store/image.h"

#define SECTOR 512 /* of st_blocks, and in sysfs */

/* The path in a name. */
static const char *path_of(const char *name)
{
	return strncmp(name, "file:", 5) == 0 ? name + 5 : name;
}

bool recorded_is_path(const char *name)
{
	const char *path = path_of(name);

	return path != name || path[strcspn(path, ":/")] != ':';
}

/* name, recorded by the image spelled `from`, as an absolute path, in which ".." is kept.  NULL
 * recorded. */
static char *make_absolute(const char *from, const char *name)
{
	char *dir, *joined, *absolute;

	if (name[0] == '/')
		return pathname_absolute(name);
	dir = pathname_parent(from);
	joined = dir ? pathname_join(dir, name) : NULL;
	absolute = joined ? pathname_absolute(joined) : NULL;
	free(dir);
	free(joined);
	return absolute;
}

/* The path of what was opened: /dev/GROUP/NAME of a volume, links resolved of a file. */
static char *resolved_path(int fd)
{
	char text[VOLUME_PATH_MAX];
	struct volume_name volume;
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISBLK(st.st_mode) && volume_of_device(&volume, st.st_rdev) > 0)
		return strdup(volume_path(&volume, text));
	return io_path_dup(fd);
}

/* The size of a block device, from sysfs, so that it is not opened.  0 if it is not known. */
static uint64_t device_size(dev_t dev)
{
	char path[64], text[32];
	struct err e;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/size", major(dev), minor(dev));
	err_take(&e);
	if (io_read_line(path, text, sizeof(text)) < 0)
		text[0] = '\0';
	err_put(&e);
	return strtoull(text, NULL, 10) * SECTOR;
}

static void look_at_node(struct recorded *r, int fd)
{
	struct stat st;

	r->path = resolved_path(fd);
	if (fstat(fd, &st) < 0 || (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)))
		return;
	r->exists = true;
	r->physical = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : device_size(st.st_rdev);
	r->allocation = S_ISREG(st.st_mode) ? (uint64_t)st.st_blocks * SECTOR : r->physical;
}

/* Whether it is /dev/GROUP/NAME of a group that a configuration allows, by its text alone. */
static bool is_allowed_volume(const struct policy *policy, const char *spelled)
{
	char group[LVM_NAME_MAX];
	const char *name;
	size_t n;

	if (!policy_is_narrow(policy) || strncmp(spelled, "/dev/", 5) != 0)
		return false;
	n = strcspn(spelled + 5, "/");
	name = spelled + 5 + n;
	if (n >= sizeof(group) || *name != '/')
		return false;
	memcpy(group, spelled + 5, n);
	group[n] = '\0';
	return lvm_name_is_valid(group) && lvm_name_is_valid(name + 1) &&
	       policy_allow_group(policy, group) == 0;
}

/* LVM is asked only if there is no device, and then says why.  Else the error is recorded. */
static void look_at_volume(struct recorded *r, const struct policy *policy, const char *spelled)
{
	struct place *place = place_open(policy, spelled);
	int fd = place ? open(place->path, O_PATH | O_CLOEXEC) : -1;

	if (fd >= 0) {
		look_at_node(r, fd);
		close(fd);
		place_close(place);
	} else if (place) {
		image_close(image_open(place));
	}
	if (!r->path)
		r->path = strdup(spelled);
}

int recorded_look(struct recorded *r, const struct place *from, const char *name)
{
	int fd;

	memset(r, 0, sizeof(*r));
	if (!from || !recorded_is_path(name))
		return 0;
	r->spelled = make_absolute(from->spelled, path_of(name));
	if (!r->spelled)
		return -1;
	fd = policy_open_recorded(from->policy, r->spelled, O_PATH);
	if (fd >= 0) {
		look_at_node(r, fd);
		close(fd);
	} else if (err_status() == ST_REFUSED && is_allowed_volume(from->policy, r->spelled)) {
		look_at_volume(r, from->policy, r->spelled);
	}
	if (!r->path && (fd >= 0 || err_errno() == ENOENT))
		r->path = strdup(r->spelled);
	if (fd < 0 && !r->exists)
		err_take(&r->why);
	err_clear();
	return 0;
}

struct place *recorded_open(const struct recorded *r, const struct policy *policy)
{
	if (r->why.status != ST_OK) {
		err_put(&r->why);
		return NULL;
	}
	if (r->spelled)
		return place_open(policy, r->spelled);
	err_set(ST_REFUSED, "is not a path");
	return NULL;
}

struct place *recorded_place(const struct place *from, const char *name)
{
	struct place *place = NULL;
	struct recorded r;

	if (recorded_look(&r, from, name) == 0)
		place = recorded_open(&r, from->policy);
	recorded_fini(&r);
	return place;
}

/* What an absolute path leads to.  Whether it may be known, and exists. */
static bool stat_recorded(const struct policy *policy, const char *spelled, struct stat *st)
{
	int fd = policy_open_recorded(policy, spelled, O_PATH);
	bool is_known = fd >= 0 && fstat(fd, st) == 0;

	if (fd >= 0)
		close(fd);
	else if (err_status() == ST_REFUSED && is_allowed_volume(policy, spelled))
		is_known = stat(spelled, st) == 0 && S_ISBLK(st->st_mode);
	err_clear();
	return is_known;
}

int recorded_leads_to(const struct policy *policy, const char *from, const char *name,
	const char *identity, const char *path)
{
	char *spelled, other[IDENTITY_MAX];
	struct stat st;
	int r;

	if (!recorded_is_path(name))
		return 0;
	spelled = make_absolute(from, path_of(name));
	if (!spelled)
		return -1;
	if (stat_recorded(policy, spelled, &st))
		r = strcmp(identity_of(&st, other), identity) == 0;
	else
		r = strcmp(spelled, path) == 0;
	free(spelled);
	return r;
}

void recorded_fini(struct recorded *r)
{
	free(r->path);
	free(r->spelled);
	memset(r, 0, sizeof(*r));
}

int recorded_path(char **path, const struct place *from, const char *name)
{
	struct recorded r;
	int ret = recorded_look(&r, from, name);

	*path = r.path;
	r.path = NULL;
	recorded_fini(&r);
	return ret;
}
