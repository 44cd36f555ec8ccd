/*
 * inuse: asks each part of the kernel, and names each use that is found.  The
 * questions are cheap and change nothing: locks are only tested, and the lease is
 * released at once.  If the file is opened in between, the helper gets SIGIO, which it
 * ignores.
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

/*
 * A QEMU that uses permission n locks byte 100 + n; one that does not share it locks byte
 * 200 + n.  Permission 1 is writing, 3 is resizing.
 */
#define QEMU_USES 100
#define QEMU_UNSHARED 200
#define QEMU_BITS 4

#define CIFS_MAGIC 0xff534d42 /* not in every <linux/magic.h> */
#define SMB2_MAGIC 0xfe534d42

/* Whether somebody else locked some of these bytes; then l says which lock that is. */
static bool get_lock(int fd, off_t from, off_t n, struct flock *l)
{
	*l = (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = from, .l_len = n };
	return fcntl(fd, F_OFD_GETLK, l) == 0 && l->l_type != F_UNLCK;
}

static bool is_locked(int fd, off_t from, off_t n)
{
	struct flock l;

	return get_lock(fd, from, n, &l);
}

static void find_locks(int fd, struct inuse *u)
{
	bool writes = is_locked(fd, QEMU_USES + 1, 1) || is_locked(fd, QEMU_USES + 3, 1);
	struct flock first;

	if (!writes && !is_locked(fd, QEMU_USES, QEMU_BITS) &&
		!is_locked(fd, QEMU_UNSHARED, QEMU_BITS))
		return;
	u->readers = true;
	u->writers = u->writers || writes;
	/* QEMU does not lock the first byte.  A job of ours locks all, as partial_lock() does. */
	if (!get_lock(fd, 0, 1, &first)) {
		inuse_find_say(u, "locked by QEMU");
		return;
	}
	u->job = first.l_pid == -1 && first.l_start == 0 && first.l_len == 0;
	inuse_find_say(u, u->job ? "another job is writing it" : "locked by another program");
}

/* NFS and SMB refuse a lease also to whoever has no delegation of the file. */
static bool is_lease_conclusive(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) < 0 ||
	       ((uint32_t)fs.f_type != NFS_SUPER_MAGIC && (uint32_t)fs.f_type != CIFS_MAGIC &&
		       (uint32_t)fs.f_type != SMB2_MAGIC);
}

static void find_writer(int fd, const struct stat *st, struct inuse *u)
{
	if ((fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDONLY)
		return;
	if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
		fcntl(fd, F_SETLEASE, F_UNLCK);
	} else if (errno == EAGAIN && is_lease_conclusive(fd)) {
		u->writers = true;
		inuse_find_process(st, u);
		inuse_find_say_only(u, "open for writing");
	} else if (inuse_find_process(st, u)) { /* the lease is not available */
		u->writers = true;
	}
}

/* Finds out who has a device open, which is known to be open elsewhere. */
static void find_opener(const struct stat *st, struct inuse *u)
{
	u->readers = u->writers = true;
	if (!inuse_find_process(st, u))
		inuse_find_loops(st, u);
	inuse_find_say_only(u, "open elsewhere");
}

/* The device mapper also counts users without O_EXCL, but not whether they read or write. */
static bool is_open(int fd, const struct stat *st, unsigned *wait_ms)
{
	struct dm_id id;
	bool is = dm_id(st->st_rdev, &id) == 1 && volume_is_open_elsewhere(fd, 1, wait_ms) > 0;

	err_clear(); /* only root can ask */
	return is;
}

/* Opens path exclusively, which must be the device st: 0, or an errno. */
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

/* What is known of a device before. */
struct open_known {
	bool is_known, is_open; /* whether it is open elsewhere */
	unsigned *wait_ms;	/* for which it may be open, or NULL: volume.h */
};

static void find_device_users(int fd, const char *path, const struct stat *st, struct inuse *u,
	const struct open_known *known)
{
	char sys[64];
	bool writable = false;
	int r;

	inuse_find_mounts(st->st_rdev, u, &writable);
	u->readers = u->readers || u->mounted;
	u->writers = u->writers || writable;
	r = try_exclusively(st, path);
	if (r == 0) {
		if (known->is_known ? known->is_open : is_open(fd, st, known->wait_ms))
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

static int find_users(int fd, const char *path, struct inuse *u, const struct open_known *known)
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
		find_device_users(fd, path, &st, u, known);
	} else if (S_ISREG(st.st_mode)) {
		inuse_find_loops(&st, u);
		find_locks(fd, u);
		find_writer(fd, &st, u);
	}
	return buf_failed(&u->mountpoints) < 0 ? -1 : buf_failed(&u->holders);
}

int inuse_look(int fd, const char *path, struct inuse *u)
{
	return inuse_look_within(fd, path, u, NULL);
}

int inuse_look_within(int fd, const char *path, struct inuse *u, unsigned *wait_ms)
{
	const struct open_known known = { .wait_ms = wait_ms };

	return find_users(fd, path, u, &known);
}

int inuse_look_known(int fd, const char *path, struct inuse *u, bool is_open)
{
	const struct open_known known = { .is_known = true, .is_open = is_open };

	return find_users(fd, path, u, &known);
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
	return r < 0 ? -1 : err_set(ST_BUSY, "in use: %s", u.who[0] ? u.who : "until a moment ago");
}

/* Names who has the device st open, which is known to be open elsewhere.  -1, with ST_BUSY. */
static int explain_open(const struct stat *st)
{
	struct inuse u;

	memset(&u, 0, sizeof(u));
	buf_init(&u.mountpoints);
	buf_init(&u.holders);
	find_opener(st, &u);
	inuse_fini(&u);
	return err_set(ST_BUSY, "in use: %s", u.who);
}

int inuse_refuse_open(int fd)
{
	struct stat st;
	struct dm_id id;
	int is;

	if (fstat(fd, &st) < 0)
		return err_sys("cannot stat");
	if (dm_id(st.st_rdev, &id) != 1)
		return 0;
	is = volume_is_open_elsewhere(fd, 1, NULL);
	if (is < 0 && err_status() == ST_REFUSED) { /* only root can ask */
		err_clear();
		return 0;
	}
	return is > 0 ? explain_open(&st) : is;
}

int inuse_refuse(int fd)
{
	struct inuse u;
	int r = inuse_look(fd, NULL, &u);

	if (r == 0 && (u.writers || u.readers))
		r = err_set(ST_BUSY, "in use: %s", u.who);
	inuse_fini(&u);
	return r;
}
