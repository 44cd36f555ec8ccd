/*
 * partial: the file is created with O_EXCL, then locked, then checked again, because
 * another job may have taken it for stale and removed it before it was locked.
 */
#include "lib/store/file/partial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/run.h"
#include "lib/block/digest.h"
#include "lib/host/identity.h"
#include "lib/store/file/precheck.h"

#define CREATE_TRIES 16
#define NAME_LIMIT 255 /* NAME_MAX of every filesystem that matters here */

char *partial_name(const char *name, char out[PARTIAL_NAME_MAX])
{
	size_t len = strlen(name), max = NAME_LIMIT - 1 - strlen(PARTIAL_SUFFIX);
	struct hash h;
	char hex[HASH_HEX];

	if (len <= max) {
		snprintf(out, PARTIAL_NAME_MAX, ".%s%s", name, PARTIAL_SUFFIX);
		return out;
	}
	hash_bytes(&h, name, len);
	hash_hex(&h, hex);
	snprintf(
		out, PARTIAL_NAME_MAX, ".%.*s~%.16s%s", (int)(max - 17), name, hex, PARTIAL_SUFFIX);
	return out;
}

bool partial_is(const char *entry)
{
	size_t len = strlen(entry), suffix = strlen(PARTIAL_SUFFIX);

	return entry[0] == '.' && len > suffix + 1 &&
	       strcmp(entry + len - suffix, PARTIAL_SUFFIX) == 0;
}

bool partial_is_same(int dir, const char *name, int fd)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && fstatat(dir, name, &b, AT_SYMLINK_NOFOLLOW) == 0 &&
	       identity_is_same(&a, &b);
}

/*
 * Whether the file has its final name, too: some filesystems need a hard link to rename
 * without replacing (publish.h), and an interrupted job then leaves both names.
 */
static bool has_final_name(int dir, const char *hidden, const struct stat *st)
{
	char name[PARTIAL_NAME_MAX];
	struct stat final;

	if (st->st_nlink != 2)
		return false;
	snprintf(name, sizeof(name), "%.*s", (int)(strlen(hidden) - strlen(PARTIAL_SUFFIX) - 1),
		hidden + 1);
	return fstatat(dir, name, &final, AT_SYMLINK_NOFOLLOW) == 0 && identity_is_same(&final, st);
}

/* Takes the lock, or only tests it.  1: it was free; 0: there are no locks here; -1 recorded.
 */
static int try_lock(int fd, bool take)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int r = fcntl(fd, take ? F_OFD_SETLK : F_OFD_GETLK, &l);
	bool busy = r < 0 ? errno == EAGAIN || errno == EACCES : !take && l.l_type != F_UNLCK;

	if (busy)
		return err_set(ST_BUSY, "in use: another job is making it");
	if (r < 0 && (errno == ENOLCK || errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL))
		return 0;
	return r < 0 ? err_sys("cannot lock the unfinished file") : 1;
}

static int lock_or_warn(int fd)
{
	int r = try_lock(fd, true);

	if (r == 0)
		log_warn("warning: this filesystem has no locks, so other jobs and QEMU are not "
			 "kept out");
	return r < 0 ? -1 : 0;
}

/* Failure is no error: the lock serves without the attribute. */
static void record_job(int fd)
{
	char run[RUN_TEXT_MAX];

	if (run_self(run) == 0)
		fsetxattr(fd, PARTIAL_ATTR, run, strlen(run), 0);
	err_clear();
}

void partial_unmark(int fd)
{
	fremovexattr(fd, PARTIAL_ATTR);
}

/* 0 if the job is known to have ended; else -1 with ST_BUSY recorded. */
static int check_stale(int fd, const char *hidden, bool take)
{
	char run[RUN_TEXT_MAX];
	ssize_t n = fgetxattr(fd, PARTIAL_ATTR, run, sizeof(run) - 1);
	int r;

	run[n > 0 ? n : 0] = '\0';
	if (run_is_elsewhere(run)) {
		run[strcspn(run, ":")] = '\0';
		return err_set(
			ST_BUSY, "a job of host '%s' has '%s', and may be running", run, hidden);
	}
	r = try_lock(fd, take);
	if (r == 0)
		return err_set(ST_BUSY,
			"this filesystem has no locks, so the job that has '%s' may be running",
			hidden);
	return r < 0 ? -1 : 0;
}

/* Whether unlink(2) would fail, with errno set. */
static bool is_kept(int dir, const struct stat *st)
{
	if (precheck_keeps_entries(dir))
		return true;
	errno = EPERM;
	return precheck_is_kept(dir, st);
}

/* As partial_clear(), or its checks only. */
static int clear_stale(int dir, const char *hidden, bool remove)
{
	struct stat st;
	int r = -1, fd = openat(dir, hidden, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0 && (errno == ELOOP || errno == EISDIR || errno == ENXIO))
		return err_set(ST_REFUSED, "'%s' exists and is not a partial file", hidden);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys("cannot open the unfinished '%s'", hidden);
	if (fstat(fd, &st) < 0)
		err_sys("cannot stat the unfinished '%s'", hidden);
	else if (!S_ISREG(st.st_mode) || (st.st_nlink > 1 && !has_final_name(dir, hidden, &st)))
		err_set(ST_REFUSED, "'%s' exists and is not a partial file", hidden);
	else if (check_stale(fd, hidden, remove) < 0)
		; /* recorded */
	else if (!remove && is_kept(dir, &st))
		err_sys("cannot remove the unfinished '%s'", hidden);
	else if (remove && partial_is_same(dir, hidden, fd) && unlinkat(dir, hidden, 0) < 0)
		err_sys("cannot remove the unfinished '%s'", hidden);
	else
		r = 0;
	close(fd);
	return r;
}

int partial_check(int dir, const char *hidden)
{
	return clear_stale(dir, hidden, false);
}

int partial_create(int dir, const char *hidden)
{
	int fd, tries;

	for (tries = 0; tries < CREATE_TRIES; tries++) {
		fd = openat(dir, hidden, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd < 0 && errno != EEXIST)
			return err_sys("cannot create");
		if (fd < 0) {
			if (clear_stale(dir, hidden, true) < 0)
				return -1;
			continue;
		}
		if (lock_or_warn(fd) == 0) {
			if (partial_is_same(dir, hidden, fd)) {
				fchmod(fd, 0600); /* whatever the umask */
				record_job(fd);
				return fd;
			}
		} else if (err_status() != ST_BUSY) {
			unlinkat(dir, hidden, 0);
			close(fd);
			return -1;
		}
		err_clear();
		close(fd);
	}
	return err_set(ST_BUSY, "in use: another job is making it");
}

int partial_lock(int fd)
{
	return lock_or_warn(fd);
}

int partial_clear(int dir, const char *hidden, bool dry_run)
{
	return clear_stale(dir, hidden, !dry_run);
}
