/*
 * storage: sizes by statvfs; reflinks by cloning one nameless file to another, since nothing
 * else shows whether an XFS supports them.
 */
#include "lib/host/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/kv.h"
#include "lib/host/mounts.h"

bool storage_can_reflink(int dir)
{
	static const char byte[4096];
	int a = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	int b = a < 0 ? -1 : openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	bool can = b >= 0 && io_write(a, byte, sizeof(byte)) == 0 && ioctl(b, FICLONE, a) == 0;

	if (a >= 0)
		close(a);
	if (b >= 0)
		close(b);
	return can;
}

/* Sends the record of an open directory; O_PATH is enough. */
static int send_directory(int dir, const char *path, const char *type,
	int (*each)(void *, const struct buf *), void *arg)
{
	struct buf b = BUF_INIT;
	struct statvfs vfs;
	bool writable;
	int r = 0;

	if (fstatvfs(dir, &vfs) < 0)
		return 0;
	writable = faccessat(dir, ".", W_OK | X_OK, AT_EACCESS) == 0;
	kv_add(&b, "kind", "directory");
	kv_add(&b, "path", path);
	kv_add(&b, "filesystem", type);
	kv_add_u64(&b, "size", (uint64_t)vfs.f_blocks * vfs.f_frsize);
	kv_add_u64(&b, "free", (uint64_t)vfs.f_bavail * vfs.f_frsize);
	kv_add_bool(&b, "reflink", writable && storage_can_reflink(dir));
	kv_add_bool(&b, "writable", writable);
	r = buf_failed(&b);
	if (r == 0)
		r = each(arg, &b);
	buf_fini(&b);
	return r;
}

/* Whether a mount can hold images: not a pseudo filesystem, in memory, or read-only. */
static bool is_storage(const struct mounts_entry *m)
{
	static const char *const none[] = { "autofs", "bpf", "binfmt_misc", "cgroup", "cgroup2",
		"configfs", "debugfs", "devpts", "devtmpfs", "efivarfs", "fusectl", "hugetlbfs",
		"mqueue", "nsfs", "proc", "pstore", "ramfs", "rpc_pipefs", "securityfs",
		"selinuxfs", "squashfs", "sysfs", "tmpfs", "tracefs", "iso9660" };
	struct stat st;
	size_t i;

	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		if (strcmp(m->type, none[i]) == 0)
			return false;
	return m->writable && stat(m->point, &st) == 0 && S_ISDIR(st.st_mode);
}

struct walk {
	int (*each)(void *, const struct buf *);
	void *arg;
	dev_t seen[256]; /* a filesystem that is mounted several times is reported once */
	size_t count;
};

static int send_mount(void *arg, const struct mounts_entry *m)
{
	struct walk *w = arg;
	int dir, r;
	size_t i;

	if (!is_storage(m))
		return 0;
	for (i = 0; i < w->count; i++)
		if (w->seen[i] == m->dev)
			return 0;
	if (w->count < sizeof(w->seen) / sizeof(w->seen[0]))
		w->seen[w->count++] = m->dev;
	dir = open(m->point, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return 0; /* it was unmounted, or may not be opened */
	r = send_directory(dir, m->point, m->type, w->each, w->arg);
	close(dir);
	return r;
}

int storage_each(
	const struct policy *policy, int (*each)(void *arg, const struct buf *record), void *arg)
{
	struct walk w = { .each = each, .arg = arg };
	const struct policy *roots = policy_roots(policy);
	char type[MOUNTS_TYPE_MAX];
	size_t i;
	int r = 0, dir;

	if (!roots->limited)
		return mounts_each(send_mount, &w);
	for (i = 0; r == 0 && i < roots->count; i++) {
		dir = policy_open(policy, roots->root[i].path, O_PATH | O_DIRECTORY);
		if (dir < 0) { /* a wider policy does not allow it */
			err_clear();
			continue;
		}
		mounts_type_of(dir, type);
		r = send_directory(dir, roots->root[i].path, type, each, arg);
		close(dir);
	}
	return r;
}
