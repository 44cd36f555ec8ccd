/*
 * info: opens once, then asks each module that knows something.
 */
#include "lib/store/info.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/kv.h"
#include "lib/store/image.h"
#include "lib/store/inuse.h"
#include "lib/store/probe.h"
#include "lib/store/qcow2.h"
#include "lib/store/volume.h"

static void add_text(struct buf *out, const char *key, const char *value)
{
	if (value[0])
		kv_add(out, key, value);
}

static void add_time(struct buf *out, const char *key, const struct timespec *t)
{
	kv_addf(out, key, "%lld.%09ld", (long long)t->tv_sec, t->tv_nsec);
}

/* The path is that of what was opened, wherever the name leads by now. */
static void add_names(struct buf *out, int fd, const char *path, const char *name)
{
	char *full = io_path_dup(fd);
	const char *shown = full ? full : path, *slash = strrchr(shown, '/');

	kv_add(out, "path", shown);
	kv_add(out, "name", name ? name : slash && slash[1] ? slash + 1 : shown);
	free(full);
}

static void add_stat(struct buf *out, int fd, const struct stat *st)
{
	char label[256];
	ssize_t n = fgetxattr(fd, "security.selinux", label, sizeof(label) - 1);

	kv_addf(out, "mode", "%04o", (unsigned)(st->st_mode & 07777));
	kv_add_u64(out, "owner", st->st_uid);
	kv_add_u64(out, "group", st->st_gid);
	if (n > 0) {
		label[n] = '\0';
		kv_add(out, "label", label);
	}
	add_time(out, "atime", &st->st_atim);
	add_time(out, "mtime", &st->st_mtim);
	add_time(out, "ctime", &st->st_ctim);
}

static void add_probe(struct buf *out, const struct probe *p)
{
	add_text(out, "fs.type", p->fs_type);
	add_text(out, "fs.label", p->fs_label);
	add_text(out, "fs.uuid", p->fs_uuid);
	add_text(out, "partitions", p->partitions);
}

/* A recorded name is relative to the image's directory; other protocols have no path. */
static void add_backing(struct buf *out, const char *path, const struct qcow2 *q)
{
	const char *colon = strchr(q->backing, ':'), *slash = strchr(q->backing, '/');
	char *dir, *end, *joined = NULL, *full;

	if (!q->backing[0])
		return;
	kv_add(out, "backing.recorded", q->backing);
	kv_add(out, "backing.format", q->backing_format[0] ? q->backing_format : NULL);
	if (colon && (!slash || colon < slash))
		return;
	dir = realpath(path, NULL);
	end = dir ? strrchr(dir, '/') : NULL;
	if (q->backing[0] == '/') {
		joined = strdup(q->backing);
	} else if (end) {
		*end = '\0';
		if (asprintf(&joined, "%s/%s", dir, q->backing) < 0)
			joined = NULL;
	}
	full = joined ? realpath(joined, NULL) : NULL;
	kv_add(out, "backing.path", full ? full : joined);
	free(full);
	free(joined);
	free(dir);
}

static int add_qcow2(struct buf *out, struct image *img)
{
	uint8_t *head = malloc(QCOW2_HEADER_MAX);
	struct qcow2 q;
	ssize_t n;
	unsigned i;
	int r = -1;

	if (!head)
		return err_set(ST_FAILED, "out of memory");
	n = io_pread(img->fd, head, QCOW2_HEADER_MAX, 0);
	if (n < 0)
		err_sys("cannot read the header");
	else
		r = qcow2_parse(&q, head, (size_t)n);
	free(head);
	if (r < 0)
		return -1;
	kv_add_u64(out, "capacity", q.size);
	kv_add(out, "compat", q.version == 2 ? "0.10" : "1.1");
	kv_add_u64(out, "cluster_size", q.cluster_size);
	for (i = 0; i < 128; i++)
		if (((i < 64 ? q.incompatible >> i : q.compatible >> (i - 64)) & 1) &&
			qcow2_feature(&q, i))
			kv_add(out, "feature", qcow2_feature(&q, i));
	add_backing(out, img->path, &q);
	return 0;
}

static int add_storage(struct buf *out, struct image *img)
{
	uint64_t bytes;

	if (img->ops->allocated(img, &bytes) < 0)
		return -1;
	kv_add_u64(out, "allocation", bytes);
	kv_add_u64(out, "physical", img->len);
	return 0;
}

static int add_content(struct buf *out, struct image *img)
{
	struct probe_archive a;
	struct probe p;
	const char *format = "raw";
	int archive = probe_is_archive(img);

	memset(&p, 0, sizeof(p));
	if (archive < 0)
		return -1;
	if (archive) {
		if (probe_archive_open(img, &a) < 0 || probe_archive(img, &a, &p, &format) < 0)
			return -1;
		kv_add(out, "compression", "lzo");
		kv_add(out, "archive",
			!a.is_whole	      ? "truncated"
			: a.header.has_length ? "recorded"
					      : "plain");
		kv_add_u64(out, "capacity", a.len);
	} else {
		if (probe_format(img, &format) < 0)
			return -1;
		if (strcmp(format, "qcow2") == 0) {
			if (add_qcow2(out, img) < 0)
				return -1;
		} else {
			kv_add_u64(out, "capacity", img->len);
			if (probe_fd(img->fd, img->len, &p) < 0)
				return -1;
		}
	}
	kv_add(out, "format", format);
	add_probe(out, &p);
	return add_storage(out, img);
}

/* Of one that cannot be read. */
static int add_sizes(struct buf *out, struct image *img)
{
	kv_add_u64(out, "capacity", img->len);
	return add_storage(out, img);
}

/* is_open: whether it is open elsewhere, or NULL: that is not known yet. */
static int add_use(struct buf *out, int fd, const bool *is_open)
{
	struct inuse u;
	const char *point;
	int r = is_open ? inuse_look_known(fd, &u, *is_open) : inuse_look(fd, &u);

	if (r == 0) {
		kv_add_bool(out, "mounted", u.mounted);
		for (point = (const char *)u.mountpoints.data;
			point && point < (const char *)u.mountpoints.data + u.mountpoints.len;
			point += strlen(point) + 1)
			kv_add(out, "mountpoint", point);
		kv_add_bool(out, "in_use", u.mounted || u.readers || u.writers);
	}
	inuse_fini(&u);
	return r;
}

/* Of an open one, which is closed. */
static int collect_open(
	const struct limits *l, struct image *img, const bool *is_open, struct buf *out)
{
	int unfinished, r = -1;
	bool is_readable; /* an invalid snapshot is not */

	kv_add(out, "kind", img->ops->kind);
	add_stat(out, img->fd, &img->st);
	unfinished = img->ops->is_unfinished(img, l);
	if (img->ops->describe)
		img->ops->describe(img, out);
	is_readable = img->ops->check(img) == 0;
	if (!is_readable)
		err_clear();
	if (unfinished >= 0 && (is_readable ? add_content(out, img) : add_sizes(out, img)) == 0 &&
		add_use(out, img->fd, is_open) == 0) {
		kv_add_bool(out, "unfinished", unfinished);
		r = buf_failed(out);
	}
	image_close(img);
	return r;
}

static int collect_image(const struct limits *l, const char *path, struct buf *out)
{
	struct image img;

	return image_open(&img, l, path) < 0 ? -1 : collect_open(l, &img, NULL, out);
}

/* What it holds cannot be seen, and nobody can have it open. */
static int collect_inactive(const struct lvm_volume *lv, struct buf *out)
{
	kv_add(out, "kind", "volume");
	kv_add_bool(out, "inactive", true);
	kv_add_bool(out, "unfinished", volume_is_unfinished(lv));
	kv_add_u64(out, "capacity", lv->size);
	if (!lv->is_thin && !lv->is_snapshot)
		kv_add_u64(out, "allocation", lv->size);
	kv_add_u64(out, "physical", lv->size);
	kv_add_bool(out, "mounted", false);
	kv_add_bool(out, "in_use", false);
	if (*lv->origin)
		kv_add(out, "snapshot.origin", lv->origin);
	if (lv->is_snapshot)
		kv_add_bool(out, "snapshot.invalid", lv->is_invalid);
	return buf_failed(out);
}

static int collect_known_volume(const struct limits *l, const struct lvm_volume *lv,
	const char *called, const bool *is_open, struct buf *out)
{
	const struct volume_name name = volume_name_of(lv);
	char path[VOLUME_PATH_MAX];
	struct image img;

	kv_add(out, "path", volume_path(&name, path));
	kv_add(out, "name", called);
	if (!lv->is_active)
		return collect_inactive(lv, out);
	return image_open_volume(&img, lv) < 0 ? -1 : collect_open(l, &img, is_open, out);
}

int info_collect_volume(
	const struct limits *l, const struct lvm_volume *lv, bool is_open, struct buf *out)
{
	return collect_known_volume(l, lv, lv->name, &is_open, out);
}

static int collect_volume(
	const struct limits *l, const struct volume_name *volume, const char *name, struct buf *out)
{
	struct lvm_volume lv;
	int r;

	if (volume_look(&lv, volume) < 0)
		return -1;
	r = collect_known_volume(l, &lv, name ? name : lv.name, NULL, out);
	lvm_volume_fini(&lv);
	return r;
}

static int collect_group(const struct volume_name *volume, const char *name, struct buf *out)
{
	char path[VOLUME_PATH_MAX];
	struct lvm_groups group;

	if (lvm_groups(&group, volume->group) < 0)
		return -1;
	kv_add(out, "path", volume_path(volume, path));
	kv_add(out, "name", name ? name : volume->group);
	kv_add(out, "kind", "group");
	kv_add_bool(out, "unfinished", false);
	if (group.count == 1) {
		kv_add_u64(out, "size", group.group[0].size);
		kv_add_u64(out, "free", group.group[0].free);
	}
	lvm_groups_fini(&group);
	return buf_failed(out);
}

int info_collect(const struct limits *l, const char *path, const char *name, struct buf *out)
{
	struct volume_name volume;
	struct stat st;
	int r, fd, is_volume = volume_find(&volume, l, path);

	if (is_volume < 0)
		return -1;
	if (is_volume)
		return *volume.name ? collect_volume(l, &volume, name, out)
				    : collect_group(&volume, name, out);
	fd = limits_open(l, path, O_PATH);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0) {
		err_sys("cannot stat");
		close(fd);
		return -1;
	}
	add_names(out, fd, path, name);
	close(fd);
	if (!S_ISDIR(st.st_mode))
		return collect_image(l, path, out);
	fd = limits_open(l, path, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return -1;
	kv_add(out, "kind", "directory");
	kv_add_bool(out, "unfinished", false);
	add_stat(out, fd, &st);
	r = add_use(out, fd, NULL);
	close(fd);
	return r == 0 ? buf_failed(out) : -1;
}
