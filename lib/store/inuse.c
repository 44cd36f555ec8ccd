/*
 * inuse: asks each part of the kernel that may know, and names the first that
 * says yes.  The questions are cheap and take nothing: locks are only tested,
 * and the one lease is given back at once (SIGIO is ignored by the helper, for
 * the case that somebody opens the file in between).
 */
#include "lib/store/inuse.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/lvm/dm.h"
#include "lib/store/mounts.h"
#include "lib/store/volume.h"

/* QEMU: byte 100 + n is locked by who uses permission n, 200 + n by who does
 * not share it.  1 is writing, 3 is resizing. */
#define QEMU_USES 100
#define QEMU_KEEPS 200
#define QEMU_BITS 4

#define CIFS_MAGIC 0xff534d42 /* not in every <linux/magic.h> */
#define SMB2_MAGIC 0xfe534d42

static void __attribute__((format(printf, 2, 3))) say(struct inuse *u, const char *fmt, ...)
{
	va_list ap;

	if (u->who[0])
		return;
	va_start(ap, fmt);
	vsnprintf(u->who, sizeof(u->who), fmt, ap);
	va_end(ap);
}

static bool locked(int fd, off_t from, off_t n)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = from, .l_len = n };

	return fcntl(fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK;
}

static void look_qemu(int fd, struct inuse *u)
{
	bool writes = locked(fd, QEMU_USES + 1, 1) || locked(fd, QEMU_USES + 3, 1);

	if (!writes && !locked(fd, QEMU_USES, QEMU_BITS) && !locked(fd, QEMU_KEEPS, QEMU_BITS))
		return;
	u->readers = true;
	u->writers = u->writers || writes;
	say(u, "locked by QEMU");
}

/* Any node of a device is that device. */
static bool is_same(const struct stat *a, const struct stat *b)
{
	if (S_ISBLK(a->st_mode))
		return S_ISBLK(b->st_mode) && a->st_rdev == b->st_rdev;
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/*
 * Finds and names another process that has the file open for writing, or the
 * device at all, if we may see it.
 */
static bool find_writer(const struct stat *st, struct inuse *u)
{
	DIR *proc = opendir("/proc"), *fds;
	struct dirent *p, *f;
	char path[600], comm[64];
	struct stat other, self;
	bool found = false;
	FILE *file;

	while (proc && !found && (p = readdir(proc))) {
		if (!isdigit((unsigned char)p->d_name[0]) || atoi(p->d_name) == getpid())
			continue;
		snprintf(path, sizeof(path), "/proc/%.20s/fd", p->d_name);
		fds = opendir(path);
		while (fds && !found && (f = readdir(fds))) {
			snprintf(path, sizeof(path), "/proc/%.20s/fd/%.20s", p->d_name, f->d_name);
			/* The link's own mode tells how it is open. */
			if (stat(path, &other) < 0 || !is_same(st, &other) ||
				lstat(path, &self) < 0 ||
				!((self.st_mode & S_IWUSR) || S_ISBLK(st->st_mode)))
				continue;
			snprintf(path, sizeof(path), "/proc/%.20s/comm", p->d_name);
			comm[0] = '\0';
			file = fopen(path, "re");
			if (file && fgets(comm, sizeof(comm), file))
				comm[strcspn(comm, "\n")] = '\0';
			if (file)
				fclose(file);
			say(u, "open%s in process %.20s (%s)",
				S_ISBLK(st->st_mode) ? "" : " for writing", p->d_name, comm);
			found = true;
		}
		if (fds)
			closedir(fds);
	}
	if (proc)
		closedir(proc);
	return found;
}

/* NFS and SMB refuse a lease to who has no delegation of it, too, which says nothing. */
static bool leases_tell(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) < 0 ||
	       ((uint32_t)fs.f_type != NFS_SUPER_MAGIC && (uint32_t)fs.f_type != CIFS_MAGIC &&
		       (uint32_t)fs.f_type != SMB2_MAGIC);
}

static void look_lease(int fd, const struct stat *st, struct inuse *u)
{
	if ((fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY)
		return;
	if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
		fcntl(fd, F_SETLEASE, F_UNLCK);
	} else if (errno == EAGAIN && leases_tell(fd)) {
		u->writers = true;
		if (!u->who[0])
			find_writer(st, u);
		say(u, "open for writing");
	} else if (find_writer(st, u)) { /* another's file, or a filesystem without leases */
		u->writers = true;
	}
}

/* The number in a one-line file below /sys, or -1. */
static long sys_number(const char *path)
{
	FILE *f = fopen(path, "re");
	long n = -1;

	if (f && fscanf(f, "%ld", &n) != 1)
		n = -1;
	if (f)
		fclose(f);
	return n;
}

static int look_mounts(dev_t dev, struct inuse *u, bool *writable)
{
	size_t before = u->mountpoints.len;
	int n = mounts_find(dev, &u->mountpoints, writable);

	if (n > 0) {
		u->mounted = true;
		if (buf_failed(&u->mountpoints) < 0)
			return -1;
		say(u, "mounted on '%s'", (const char *)u->mountpoints.data + before);
	}
	return n;
}

/* A loop device's partitions may be mounted, too. */
static int look_partitions(const char *loop, struct inuse *u, bool *writable)
{
	char path[600];
	struct dirent *e;
	unsigned maj, min;
	FILE *f;
	DIR *d;
	int n, all = 0;

	snprintf(path, sizeof(path), "/sys/block/%s", loop);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		if (strncmp(e->d_name, loop, strlen(loop)) != 0)
			continue;
		snprintf(path, sizeof(path), "/sys/block/%s/%s/dev", loop, e->d_name);
		f = fopen(path, "re");
		if (f && fscanf(f, "%u:%u", &maj, &min) == 2) {
			n = look_mounts(makedev(maj, min), u, writable);
			all += n > 0 ? n : 0;
		}
		if (f)
			fclose(f);
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
		has = ioctl(fd, LOOP_GET_STATUS64, &info) == 0 && info.lo_inode == st->st_ino &&
		      info.lo_device == st->st_dev;
		close(fd);
		return has;
	}
	/* Not allowed to ask the device: go by its file's name. */
	snprintf(path, sizeof(path), "/sys/block/%s/loop/backing_file", loop);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = io_read(fd, name, sizeof(name) - 1);
	close(fd);
	if (n <= 0)
		return false;
	name[n - (name[n - 1] == '\n')] = '\0';
	return stat(name, &other) == 0 && other.st_dev == st->st_dev && other.st_ino == st->st_ino;
}

static void look_loops(const struct stat *st, struct inuse *u)
{
	DIR *d = opendir("/sys/block");
	struct dirent *e;
	char path[300];
	bool writable;
	dev_t dev;
	int n;

	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "/sys/block/%.200s/loop/backing_file", e->d_name);
		if (strncmp(e->d_name, "loop", 4) != 0 || access(path, F_OK) != 0 ||
			!loop_has(e->d_name, st, &dev))
			continue;
		writable = false;
		n = look_mounts(dev, u, &writable);
		n += look_partitions(e->d_name, u, &writable);
		say(u, "attached to /dev/%s", e->d_name);
		u->readers = true;
		snprintf(path, sizeof(path), "/sys/block/%.200s/ro", e->d_name);
		if (sys_number(path) != 1 && (n <= 0 || writable))
			u->writers = true;
	}
	if (d)
		closedir(d);
}

/* The device mapper counts those that O_EXCL does not see; it cannot tell what they do. */
static void look_dm(int fd, const struct stat *st, struct inuse *u)
{
	struct dm_id id;

	if (dm_id(st->st_rdev, &id) != 1)
		return;
	if (volume_is_open_elsewhere(fd, 1) > 0) {
		u->readers = u->writers = true;
		find_writer(st, u);
		say(u, "open elsewhere");
	}
	err_clear(); /* who is not root cannot ask */
}

static void look_device(int fd, const struct stat *st, struct inuse *u)
{
	char path[64];
	bool writable = false;
	int excl;

	look_mounts(st->st_rdev, u, &writable);
	u->readers = u->readers || u->mounted;
	u->writers = u->writers || writable;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	excl = open(path, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC);
	if (excl >= 0) {
		close(excl);
		look_dm(fd, st, u);
	} else if (errno == EBUSY && !u->mounted) {
		u->readers = u->writers = true;
		say(u, "used by the kernel (md, dm, or mounted elsewhere)");
	}
}

int inuse_look(int fd, struct inuse *u)
{
	struct stat st;
	bool device;

	memset(u, 0, sizeof(*u));
	buf_init(&u->mountpoints);
	if (fstat(fd, &st) < 0)
		return err_sys("cannot stat");
	device = S_ISBLK(st.st_mode);
	if (mounts_is_swap(device ? st.st_rdev : st.st_dev, st.st_ino, device)) {
		u->readers = u->writers = true;
		say(u, "used as swap");
	}
	if (device) {
		look_device(fd, &st, u);
	} else if (S_ISREG(st.st_mode)) {
		look_loops(&st, u);
		look_qemu(fd, u);
		look_lease(fd, &st, u);
	}
	return buf_failed(&u->mountpoints);
}

void inuse_fini(struct inuse *u)
{
	buf_fini(&u->mountpoints);
}

int inuse_refuse(int fd, enum inuse_level level)
{
	struct inuse u;
	int r = inuse_look(fd, &u);

	if (r == 0 && (u.writers || (level == INUSE_ANY && u.readers)))
		r = err_set(ST_BUSY, "in use: %s", u.who);
	inuse_fini(&u);
	return r;
}
