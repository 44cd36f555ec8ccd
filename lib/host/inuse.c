/*
 * inuse: asks each part of the kernel that may know, and names all that it finds.  The questions
 * are cheap and take nothing: locks are only tested, and the one lease is given back at once (SIGIO
 * is ignored by the helper, for the case that somebody opens the file in between).
 */
#include "lib/host/inuse.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/host/inuse_find.h"
#include "lib/host/mounts.h"
#include "lib/lvm/dm.h"
#include "lib/lvm/volume.h"

/* QEMU: byte 100 + n is locked by who uses permission n, 200 + n by who does
 * not share it.  1 is writing, 3 is resizing. */
#define QEMU_USES 100
#define QEMU_KEEPS 200
#define QEMU_BITS 4

#define CIFS_MAGIC 0xff534d42 /* not in every <linux/magic.h> */
#define SMB2_MAGIC 0xfe534d42

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
	inuse_find_say(u, "locked by QEMU");
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
		inuse_find_process(st, u);
		inuse_find_say_only(u, "open for writing");
	} else if (inuse_find_process(st, u)) { /* another's file, or a filesystem without leases */
		u->writers = true;
	}
}

/* Of a device that somebody has open. */
static void find_opener(const struct stat *st, struct inuse *u)
{
	u->readers = u->writers = true;
	if (!inuse_find_process(st, u))
		inuse_find_loops(st, u);
	inuse_find_say_only(u, "open elsewhere");
}

/* The device mapper counts those that O_EXCL does not see; it cannot tell what they do. */
static bool is_open(int fd, const struct stat *st)
{
	struct dm_id id;
	bool is = dm_id(st->st_rdev, &id) == 1 && volume_is_open_elsewhere(fd, 1) > 0;

	err_clear(); /* who is not root cannot ask */
	return is;
}

/* Whether the device can be had exclusively, by a name that must mean it: errno if not. */
static int try_exclusively(const struct stat *st, const char *path)
{
	int fd = path ? open(path, O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC) : -1;
	struct stat own;
	int r = 0;

	if (fd < 0)
		return path ? errno : EINVAL;
	if (fstat(fd, &own) < 0 || own.st_rdev != st->st_rdev)
		r = ESTALE;
	close(fd);
	return r;
}

/* known: whether it is open elsewhere, or NULL. */
static void look_device(
	int fd, const char *path, const struct stat *st, struct inuse *u, const bool *known)
{
	char sys[64];
	bool writable = false;
	int r;

	inuse_find_mounts(st->st_rdev, u, &writable);
	u->readers = u->readers || u->mounted;
	u->writers = u->writers || writable;
	r = try_exclusively(st, path);
	if (r == 0) {
		if (known ? *known : is_open(fd, st))
			find_opener(st, u);
	} else if (r == EBUSY && !u->mounted) {
		u->readers = u->writers = true;
		snprintf(sys, sizeof(sys), "/sys/dev/block/%u:%u", major(st->st_rdev),
			minor(st->st_rdev));
		inuse_find_partitions(sys, u, &writable);
		inuse_find_holder(st->st_rdev, u);
		if (!u->who[0])
			inuse_find_process(st, u);
		inuse_find_say_only(u, "used by the kernel, or mounted elsewhere");
	}
}

static int look_all(int fd, const char *path, struct inuse *u, const bool *known)
{
	struct stat st;
	bool device;

	memset(u, 0, sizeof(*u));
	buf_init(&u->mountpoints);
	buf_init(&u->holders);
	if (fstat(fd, &st) < 0)
		return err_sys("cannot stat");
	device = S_ISBLK(st.st_mode);
	if (mounts_is_swap(device ? st.st_rdev : st.st_dev, st.st_ino, device)) {
		u->readers = u->writers = true;
		inuse_find_say(u, "used as swap");
	}
	if (device) {
		look_device(fd, path, &st, u, known);
	} else if (S_ISREG(st.st_mode)) {
		inuse_find_loops(&st, u);
		look_qemu(fd, u);
		look_lease(fd, &st, u);
	}
	return buf_failed(&u->mountpoints) < 0 ? -1 : buf_failed(&u->holders);
}

int inuse_look(int fd, const char *path, struct inuse *u)
{
	return look_all(fd, path, u, NULL);
}

int inuse_look_known(int fd, const char *path, struct inuse *u, bool is_open)
{
	return look_all(fd, path, u, &is_open);
}

void inuse_fini(struct inuse *u)
{
	buf_fini(&u->mountpoints);
	buf_fini(&u->holders);
}

int inuse_explain_busy(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct inuse u;
	int r;

	if (fd < 0)
		return err_sys("cannot open");
	r = inuse_look(fd, path, &u);
	inuse_fini(&u);
	close(fd);
	return r < 0 ? -1 : err_set(ST_BUSY, "in use: %s", u.who[0] ? u.who : "until just now");
}

int inuse_explain_open(int fd)
{
	struct inuse u;
	struct stat st;

	memset(&u, 0, sizeof(u));
	buf_init(&u.mountpoints);
	buf_init(&u.holders);
	if (fstat(fd, &st) < 0)
		return err_sys("cannot stat");
	find_opener(&st, &u);
	inuse_fini(&u);
	return err_set(ST_BUSY, "in use: %s", u.who);
}

int inuse_refuse(int fd, enum inuse_level level)
{
	struct inuse u;
	int r = inuse_look(fd, NULL, &u);

	if (r == 0 && (u.writers || (level == INUSE_ANY && u.readers)))
		r = err_set(ST_BUSY, "in use: %s", u.who);
	inuse_fini(&u);
	return r;
}
