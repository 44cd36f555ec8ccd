/*
 * volume: an existing device is identified by the device mapper; for a path without a device,
 * LVM is asked for the group.
 */
#include "lib/lvm/volume.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/lvm/dm.h"

char *volume_path(const struct volume_name *v, char out[VOLUME_PATH_MAX])
{
	snprintf(out, VOLUME_PATH_MAX, "/dev/%s%s%s", v->group, *v->name ? "/" : "", v->name);
	return out;
}

/*
 * LVM's device for a pool is VG-POOL with the suffix "-tpool" in its UUID only.  Once the pool has
 * volumes, that is called VG-POOL-tpool, and VG-POOL has the suffix "-pool" in its UUID.
 */
static bool is_pool_device(const struct dm_id *id)
{
	return dm_has_suffix(id, "-pool") || dm_has_suffix(id, "-tpool");
}

int volume_of_device(struct volume_name *out, dev_t dev)
{
	char group[DM_TEXT_MAX], name[DM_TEXT_MAX];
	struct dm_id id;
	size_t n;

	_Static_assert(sizeof(group) == sizeof(out->group), "one kind of name");
	if (dm_id(dev, &id) <= 0)
		return 0;
	if (dm_is_internal(&id) && !is_pool_device(&id))
		return err_set(ST_REFUSED, "is an internal LVM volume");
	if (!dm_is_volume(&id) && !is_pool_device(&id))
		return 0;
	if (!dm_split(id.name, group, name)) {
		n = strlen(id.name);
		if (!is_pool_device(&id) || n < strlen("-tpool"))
			return 0;
		id.name[n - strlen("-tpool")] = '\0';
		if (!dm_split(id.name, group, name))
			return 0;
	}
	memcpy(out->group, group, sizeof(out->group));
	memcpy(out->name, name, sizeof(out->name));
	return 1;
}

/* Whether path has the form /dev/GROUP or /dev/GROUP/NAME. */
static bool split_path(struct volume_name *out, const char *path)
{
	char copy[VOLUME_PATH_MAX], *group = copy + 5, *name;

	if (strncmp(path, "/dev/", 5) != 0 ||
		(size_t)snprintf(copy, sizeof(copy), "%s", path) >= sizeof(copy))
		return false;
	name = strchr(group, '/');
	if (name)
		*name++ = '\0';
	if (!lvm_name_is_valid(group) || (name && !lvm_name_is_valid(name)))
		return false;
	memcpy(out->group, group, strlen(group) + 1);
	if (name)
		memcpy(out->name, name, strlen(name) + 1);
	return true;
}

/* Whether /dev/GROUP is a file, or a filesystem of its own, such as /dev/shm. */
static bool is_elsewhere(const char *group)
{
	char path[VOLUME_PATH_MAX];
	struct stat dev, own;

	snprintf(path, sizeof(path), "/dev/%s", group);
	return stat("/dev", &dev) == 0 && stat(path, &own) == 0 &&
	       (!S_ISDIR(own.st_mode) || own.st_dev != dev.st_dev);
}

/* Whether /dev/GROUP exists, and contains something other than links to block devices. */
static bool is_other_directory(const char *group)
{
	char path[VOLUME_PATH_MAX];
	struct dirent *e;
	bool is = false;
	struct stat st;
	DIR *d;

	snprintf(path, sizeof(path), "/dev/%s", group);
	d = opendir(path);
	while (d && !is && (e = readdir(d)))
		if (e->d_name[0] != '.')
			is = e->d_type != DT_LNK || fstatat(dirfd(d), e->d_name, &st, 0) < 0 ||
			     !S_ISBLK(st.st_mode);
	if (d)
		closedir(d);
	return is;
}

/*
 * Asks LVM.  A directory of /dev that has another purpose, such as /dev/disk, is recognised
 * without root, too, since the directory of a group contains only links to its volumes.
 */
static int is_group(const char *group)
{
	struct lvm_groups g;

	if (geteuid() != 0 && is_other_directory(group))
		return 0;
	if (lvm_groups(&g, group) == 0) {
		lvm_groups_fini(&g);
		return 1;
	}
	if (err_status() != ST_ABSENT)
		return -1;
	err_clear();
	return 0;
}

/* Takes the name of a device in /dev/mapper apart.  False if it cannot be a volume's. */
static bool take_apart(struct volume_name *v)
{
	char group[DM_TEXT_MAX], name[DM_TEXT_MAX];

	if (!dm_split(v->name, group, name) || !lvm_name_is_valid(group) ||
		!lvm_name_is_valid(name))
		return false;
	snprintf(v->group, sizeof(v->group), "%s", group);
	snprintf(v->name, sizeof(v->name), "%s", name);
	return true;
}

int volume_of_spelling(struct volume_name *out, const char *path)
{
	bool is_mapper;

	memset(out, 0, sizeof(*out));
	if (!split_path(out, path))
		return 0;
	is_mapper = strcmp(out->group, "mapper") == 0;
	if (is_mapper ? !take_apart(out) : is_elsewhere(out->group))
		return 0;
	return is_group(out->group);
}

int volume_look(struct lvm_volume *out, const struct volume_name *name)
{
	if (lvm_volume(out, name->group, name->name) < 0)
		return -1;
	if (out->is_visible || out->is_pool)
		return 0;
	lvm_volume_fini(out);
	return err_set(ST_REFUSED, "is an internal LVM volume");
}

int volume_look_unprivileged(
	struct lvm_volume *out, const struct volume_name *name, const struct err *why)
{
	char path[VOLUME_PATH_MAX];
	struct volume_name own;
	struct dm_id id;
	struct stat st;

	memset(out, 0, sizeof(*out));
	volume_path(name, path);
	if (stat(path, &st) < 0 || !S_ISBLK(st.st_mode) || access(path, R_OK) < 0 ||
		volume_of_device(&own, st.st_rdev) <= 0 || strcmp(own.group, name->group) != 0 ||
		strcmp(own.name, name->name) != 0 || dm_id(st.st_rdev, &id) <= 0 ||
		!dm_is_volume(&id)) {
		err_put(why);
		return -1;
	}
	memcpy(out->group, name->group, sizeof(out->group));
	memcpy(out->name, name->name, sizeof(out->name));
	snprintf(out->uuid, sizeof(out->uuid), "%.71s", id.uuid);
	out->used = out->meta_used = -1;
	out->is_visible = out->is_active = true;
	out->tags = strdup("");
	return out->tags ? 0 : err_set(ST_FAILED, "out of memory");
}

int volume_open(const struct lvm_volume *v, int flags)
{
	const struct volume_name name = volume_name_of(v);
	char path[VOLUME_PATH_MAX];
	struct stat st;
	struct dm_id id;
	int fd;

	if (volume_check_active(v) < 0)
		return -1;
	fd = open(volume_path(&name, path), flags | O_CLOEXEC);
	if (fd < 0)
		return err_sys(errno == EBUSY ? "in use" : "cannot open");
	if (fstat(fd, &st) == 0 && dm_id(st.st_rdev, &id) == 1 && strcmp(id.uuid, v->uuid) == 0)
		return fd;
	close(fd);
	return err_set(ST_BUSY, "was replaced while it was opened");
}

bool volume_is_unfinished(const struct lvm_volume *v)
{
	char *run = lvm_tag(v, VOLUME_TAG_RUN), *mark = lvm_tag(v, VOLUME_TAG_UNFINISHED);
	char *commit = lvm_tag(v, VOLUME_TAG_COMMIT);
	bool is = run || mark || commit;

	free(run);
	free(mark);
	free(commit);
	return is;
}

bool volume_has_name(int fd, const struct volume_name *name)
{
	struct volume_name now;
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISBLK(st.st_mode) &&
	       volume_of_device(&now, st.st_rdev) > 0 && strcmp(now.group, name->group) == 0 &&
	       strcmp(now.name, name->name) == 0;
}

int volume_swap_tag(const char *group, const char *uuid, const char *add, const char *del)
{
	char which[64];
	const char *argv[10] = { "lvchange", "-qq", "--select", which, group };
	size_t n = 5;

	snprintf(which, sizeof(which), "lv_uuid=%s", uuid);
	if (add) {
		argv[n++] = "--addtag";
		argv[n++] = add;
	}
	if (del) {
		argv[n++] = "--deltag";
		argv[n++] = del;
	}
	return lvm_change(argv);
}

int volume_set_tag(const char *group, const char *uuid, const char *tag, bool set)
{
	return volume_swap_tag(group, uuid, set ? tag : NULL, set ? NULL : tag);
}

int volume_run_tag(char out[VOLUME_RUN_TAG_MAX])
{
	char run[RUN_TEXT_MAX];

	if (run_self(run) < 0)
		return -1;
	snprintf(out, VOLUME_RUN_TAG_MAX, VOLUME_TAG_RUN "%s", run);
	return 0;
}

enum run_state volume_run_state(const struct lvm_volume *v)
{
	char *run = lvm_tag(v, VOLUME_TAG_RUN);
	enum run_state state = run ? run_state(run) : RUN_DEAD;

	free(run);
	return state;
}

bool volume_is_own(const struct lvm_volume *v)
{
	char *run = lvm_tag(v, VOLUME_TAG_RUN), tag[VOLUME_RUN_TAG_MAX];
	bool is = false;

	if (run && volume_run_tag(tag) == 0)
		is = strcmp(run, tag + strlen(VOLUME_TAG_RUN)) == 0;
	free(run);
	return is;
}

struct volume_name volume_name_of(const struct lvm_volume *v)
{
	struct volume_name name;

	memcpy(name.group, v->group, sizeof(name.group));
	memcpy(name.name, v->name, sizeof(name.name));
	return name;
}

int volume_is_gone(const struct volume_name *name)
{
	struct lvm_volume v;

	if (lvm_volume(&v, name->group, name->name) == 0) {
		lvm_volume_fini(&v);
		return 0;
	}
	if (err_status() != ST_ABSENT)
		return -1;
	err_clear();
	return 1;
}
