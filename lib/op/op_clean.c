/*
 * clean: removes what dead runs left unfinished in a directory or group.
 *	REQUEST op=clean, path (absent: the configured directories, and all groups
 *	        that may be touched), dry_run
 *	RECORD  path, state: removed, resumed (a suspended volume), alive (its run
 *	        lives), foreign (not ours), failed; why, and its status
 *	OK
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/op/op.h"
#include "lib/store/group.h"
#include "lib/store/naming.h"
#include "lib/store/partial.h"
#include "lib/store/volume.h"

static const char *state_of(int r)
{
	if (r == 0)
		return "removed";
	if (err_status() == ST_BUSY)
		return "alive";
	return err_status() == ST_REFUSED && !err_errno() ? "foreign" : "failed";
}

static int clean_entry(struct session *s, int dir, const char *path, const char *entry, bool dry)
{
	struct buf record = BUF_INIT;
	int r = partial_clear(dir, entry, dry);

	kv_addf(&record, "path", "%s/%s", path, entry);
	kv_add(&record, "state", state_of(r));
	kv_add(&record, "why", r < 0 ? err_text() : NULL);
	kv_add_u64(&record, "status", r < 0 ? (uint64_t)err_status() : ST_OK);
	err_clear();
	r = op_record(s, &record);
	buf_fini(&record);
	return r;
}

static int clean_directory(struct session *s, const char *path, bool dry)
{
	int r = 0, fd = limits_open(&s->limits, path, O_RDONLY | O_DIRECTORY);
	struct dirent *e;
	DIR *d;

	if (fd < 0)
		return err_errno() == ENOTDIR ? err_set(ST_REFUSED, "is not a directory") : -1;
	d = fdopendir(fd);
	if (!d) {
		close(fd);
		return err_sys("cannot list");
	}
	while (r == 0 && (e = readdir(d)))
		if (partial_is(e->d_name))
			r = clean_entry(s, fd, path, e->d_name, dry);
	if (r == 0 && !dry && naming_sync(fd) < 0)
		r = err_sys("cannot bring the directory to stable storage");
	closedir(d);
	return r;
}

static int send(void *arg, const struct buf *record)
{
	return op_record(arg, record);
}

int op_clean(struct session *s, const struct kv *request, struct buf *reply)
{
	const struct limits *roots = limits_roots(&s->limits);
	const char *path = kv_get(request, "path");
	bool dry = op_flag(request, "dry_run");
	struct volume_name volume;
	int is_volume;
	size_t i;

	(void)reply;
	if (path) {
		is_volume = volume_find(&volume, &s->limits, path);
		if (is_volume == 0)
			return clean_directory(s, path, dry);
		if (is_volume > 0 && *volume.name)
			return err_set(ST_REFUSED, "is a volume, not a directory or a group");
		return is_volume < 0 ? -1 : group_clean(&s->limits, volume.group, dry, send, s);
	}
	for (i = 0; i < roots->count; i++)
		if (clean_directory(s, roots->root[i].path, dry) < 0)
			return -1;
	return group_clean(&s->limits, NULL, dry, send, s);
}
