/*
 * inuse_find: see inuse_find.h.
 */
#include "lib/host/inuse_find.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/host/identity.h"
#include "lib/host/mounts.h"
#include "lib/lvm/dm.h"

void inuse_find_say(struct inuse *u, const char *fmt, ...)
{
	const char *holder = (const char *)u->holders.data;
	const char *end = holder ? holder + u->holders.len : NULL;
	char text[sizeof(u->who)];
	unsigned count = 0;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (; holder < end; holder += strlen(holder) + 1, count++)
		if (strcmp(holder, text) == 0)
			return;
	if (count < INUSE_HOLDERS_MAX)
		buf_add(&u->holders, text, strlen(text) + 1);
	if (!u->who[0])
		memcpy(u->who, text, sizeof(text));
}

void inuse_find_say_only(struct inuse *u, const char *text)
{
	if (!u->who[0])
		inuse_find_say(u, "%s", text);
}

/*
 * Whether the open file `name` of that directory is st.  Without asking a server, which may not
 * answer any more.
 */
static bool leads_to(int dir, const char *name, const struct stat *st)
{
	struct statx x;
	struct stat file = { .st_dev = 0 };

	if (statx(dir, name, AT_STATX_DONT_SYNC, STATX_TYPE | STATX_INO, &x) < 0)
		return false;
	file.st_mode = x.stx_mode;
	file.st_ino = x.stx_ino;
	file.st_dev = makedev(x.stx_dev_major, x.stx_dev_minor);
	file.st_rdev = makedev(x.stx_rdev_major, x.stx_rdev_minor);
	return identity_is_same(st, &file);
}

/* Whether process pid has the file open for writing, or the device in any way. */
static bool has_open(const char *pid, const struct stat *st)
{
	char path[300];
	struct stat link;
	struct dirent *e;
	bool has = false;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	d = opendir(path);
	while (d && !has && (e = readdir(d))) {
		/* The mode of the link shows how the file is open. */
		has = leads_to(dirfd(d), e->d_name, st) &&
		      (S_ISBLK(st->st_mode) ||
			      (fstatat(dirfd(d), e->d_name, &link, AT_SYMLINK_NOFOLLOW) == 0 &&
				      (link.st_mode & S_IWUSR)));
	}
	if (d)
		closedir(d);
	return has;
}

bool inuse_find_process(const struct stat *st, struct inuse *u)
{
	DIR *d = opendir("/proc");
	char path[300], name[64];
	struct dirent *e;
	bool found = false;

	while (d && (e = readdir(d))) {
		if (!isdigit((unsigned char)e->d_name[0]) || atoi(e->d_name) == getpid() ||
			!has_open(e->d_name, st))
			continue;
		found = true;
		snprintf(path, sizeof(path), "/proc/%.20s/comm", e->d_name);
		io_read_line(path, name, sizeof(name));
		inuse_find_say(u, "open%s in process %.20s (%s)",
			S_ISBLK(st->st_mode) ? "" : " for writing", e->d_name, name);
	}
	if (d)
		closedir(d);
	return found;
}

int inuse_find_mounts(dev_t dev, struct inuse *u, bool *writable)
{
	size_t at = u->mountpoints.len;
	int n = mounts_find(dev, &u->mountpoints, writable);
	const char *point;

	if (n > 0) {
		u->mounted = true;
		if (buf_failed(&u->mountpoints) < 0)
			return -1;
		for (; at < u->mountpoints.len; at += strlen(point) + 1) {
			point = (const char *)u->mountpoints.data + at;
			inuse_find_say(u, "mounted on '%s'", point);
		}
	}
	return n;
}

void inuse_find_holder(dev_t dev, struct inuse *u)
{
	char path[600], name[DM_TEXT_MAX];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/holders", major(dev), minor(dev));
	d = opendir(path);
	while (d && (e = readdir(d))) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/sys/block/%.200s/dm/name", e->d_name);
		if (io_read_line(path, name, sizeof(name)) == 0)
			inuse_find_say(u, "a part of /dev/mapper/%s", name);
		else
			inuse_find_say(u, "a part of /dev/%.200s", e->d_name);
	}
	if (d)
		closedir(d);
}

int inuse_find_partitions(const char *disk, struct inuse *u, bool *writable)
{
	char path[600], number[32];
	struct dirent *e;
	unsigned maj, min;
	DIR *d = opendir(disk);
	int n, all = 0;

	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "%.300s/%.200s/partition", disk, e->d_name);
		if (access(path, F_OK) != 0)
			continue;
		snprintf(path, sizeof(path), "%.300s/%.200s/dev", disk, e->d_name);
		if (io_read_line(path, number, sizeof(number)) < 0 ||
			sscanf(number, "%u:%u", &maj, &min) != 2)
			continue;
		n = inuse_find_mounts(makedev(maj, min), u, writable);
		all += n > 0 ? n : 0;
		if (n <= 0)
			inuse_find_holder(makedev(maj, min), u);
	}
	if (d)
		closedir(d);
	return all;
}

static bool loop_has(const char *loop, const struct stat *st, dev_t *dev)
{
	char path[300], name[4200];
	struct loop_info64 info;
	struct stat other, node;
	bool has = false;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/dev/%s", loop);
	*dev = stat(path, &node) == 0 ? node.st_rdev : 0;
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0) {
		has = ioctl(fd, LOOP_GET_STATUS64, &info) == 0 &&
		      (S_ISBLK(st->st_mode) ? info.lo_rdevice == st->st_rdev
					    : info.lo_inode == st->st_ino &&
						      info.lo_device == st->st_dev);
		close(fd);
		return has;
	}
	/* If the device may not be asked, compare the path of its file. */
	snprintf(path, sizeof(path), "/sys/block/%s/loop/backing_file", loop);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = io_read(fd, name, sizeof(name) - 1);
	close(fd);
	if (n <= 0)
		return false;
	name[n - (name[n - 1] == '\n')] = '\0';
	return stat(name, &other) == 0 && identity_is_same(st, &other);
}

void inuse_find_loops(const struct stat *st, struct inuse *u)
{
	DIR *d = opendir("/sys/block");
	struct dirent *e;
	char path[300], read_only[8];
	bool writable;
	dev_t dev;
	int n;

	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "/sys/block/%.200s/loop/backing_file", e->d_name);
		if (strncmp(e->d_name, "loop", 4) != 0 || access(path, F_OK) != 0 ||
			!loop_has(e->d_name, st, &dev))
			continue;
		writable = false;
		n = inuse_find_mounts(dev, u, &writable);
		snprintf(path, sizeof(path), "/sys/block/%.200s", e->d_name);
		n += inuse_find_partitions(path, u, &writable);
		inuse_find_say(u, "attached to /dev/%s", e->d_name);
		u->readers = true;
		snprintf(path, sizeof(path), "/sys/block/%.200s/ro", e->d_name);
		io_read_line(path, read_only, sizeof(read_only));
		if (strcmp(read_only, "1") != 0 && (n <= 0 || writable))
			u->writers = true;
	}
	if (d)
		closedir(d);
}
