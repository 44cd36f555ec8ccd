/*
 * unfinished: both forms of the mark are looked for and removed, since a file may have
 * been moved here from another filesystem.
 */
#include "lib/store/file/unfinished.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/store/file/partial.h"
#include "lib/store/file/precheck.h"

static char *mark_name(const char *name)
{
	char *path;

	if (asprintf(&path, ".%s%s", name, UNFINISHED_SUFFIX) >= 0)
		return path;
	err_set(ST_FAILED, "out of memory");
	return NULL;
}

bool unfinished_reserves(const char *name)
{
	size_t len = strlen(name), suffix = strlen(UNFINISHED_SUFFIX);

	return partial_is(name) || (name[0] == '.' && len > suffix + 1 &&
					   strcmp(name + len - suffix, UNFINISHED_SUFFIX) == 0);
}

/* In a directory like /tmp anybody can create a file with the name of a mark. */
static bool is_mark(const struct stat *st, uid_t owner)
{
	return S_ISREG(st->st_mode) &&
	       (st->st_uid == owner || st->st_uid == geteuid() || st->st_uid == 0);
}

static bool has_mark_beside(int dir_fd, const char *mark, uid_t owner)
{
	struct stat st;

	return fstatat(dir_fd, mark, &st, AT_SYMLINK_NOFOLLOW) == 0 && is_mark(&st, owner);
}

int unfinished_is(int fd, int dir_fd, const char *name)
{
	struct stat st;
	char *mark;
	int r;

	if (partial_is(name))
		return 1;
	if (fgetxattr(fd, UNFINISHED_ATTR, NULL, 0) >= 0)
		return 1;
	if (errno != ENODATA && errno != EOPNOTSUPP && errno != EPERM)
		return err_sys("cannot read its attributes");
	if (fstat(fd, &st) < 0)
		return err_sys("cannot stat");
	mark = mark_name(name);
	if (!mark)
		return -1;
	r = has_mark_beside(dir_fd, mark, st.st_uid);
	free(mark);
	return r;
}

/* As unlink(2) would: whether we may remove an entry that st describes. */
static bool may_remove(int dir_fd, const struct stat *st)
{
	return faccessat(dir_fd, ".", W_OK | X_OK, AT_EACCESS) == 0 &&
	       !precheck_is_kept(dir_fd, st);
}

int unfinished_check(int dir_fd, const char *name, uid_t owner)
{
	char *mark = mark_name(name);
	struct stat st;
	int r = 0;

	if (!mark)
		return -1;
	if (fstatat(dir_fd, mark, &st, AT_SYMLINK_NOFOLLOW) == 0 && is_mark(&st, owner) &&
		!may_remove(dir_fd, &st))
		r = err_set(ST_REFUSED, "its unfinished mark '%s' belongs to another user", mark);
	free(mark);
	return r;
}

static int sync_mark(int dir_fd, int file, uid_t owner, const char *record)
{
	struct stat st;

	if (fstat(file, &st) < 0)
		return err_sys("cannot mark it as unfinished");
	if (!is_mark(&st, owner)) /* also a new one, where the server maps users */
		return err_set(ST_REFUSED,
			"cannot mark it as unfinished: the mark would belong to user %u",
			(unsigned)st.st_uid);
	if (st.st_nlink != 1) /* it may be a link to a file that must not be emptied */
		return err_set(ST_REFUSED,
			"cannot mark it as unfinished: the file that is its mark has %lu names",
			(unsigned long)st.st_nlink);
	if (ftruncate(file, 0) < 0 || (record && io_pwrite(file, record, strlen(record), 0) < 0))
		return err_sys("cannot mark it as unfinished");
	return fsync(file) < 0 || io_sync_dir(dir_fd, file) < 0
		       ? err_sys("cannot mark it as unfinished")
		       : 0;
}

/*
 * An interrupted img-rename leaves a mark with two names, and what has several may be any file, so
 * a new one takes its place.  There is a mark all the time.
 */
static int replace_mark(
	int dir_fd, const char *name, const char *mark, uid_t owner, const char *record)
{
	char hidden[PARTIAL_NAME_MAX];
	int r, file = partial_create(dir_fd, partial_name(name, hidden));

	if (file < 0)
		return -1;
	partial_unmark(file);
	r = sync_mark(dir_fd, file, owner, record);
	if (r == 0 && renameat(dir_fd, hidden, dir_fd, mark) < 0)
		r = err_sys("cannot mark it as unfinished");
	if (r < 0)
		unlinkat(dir_fd, hidden, 0);
	else if (io_sync_dir(dir_fd, -1) < 0)
		r = err_sys("cannot mark it as unfinished");
	close(file);
	return r;
}

/* Whether the open file is a mark that is not this name's alone. */
static bool is_shared_mark(int file, uid_t owner)
{
	struct stat st;

	return fstat(file, &st) == 0 && is_mark(&st, owner) && st.st_nlink > 1;
}

static int make_mark(int dir_fd, const char *name, uid_t owner, const char *record)
{
	const int flags = O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
	char *mark = mark_name(name);
	bool is_new;
	int file, r;

	if (!mark)
		return -1;
	file = openat(dir_fd, mark, flags | O_CREAT | O_EXCL, 0600);
	is_new = file >= 0;
	if (file < 0 && errno == EEXIST)
		file = openat(dir_fd, mark, flags);
	if (file >= 0 && !is_new && is_shared_mark(file, owner))
		r = replace_mark(dir_fd, name, mark, owner, record);
	else if (file >= 0)
		r = sync_mark(dir_fd, file, owner, record);
	else if (errno == EISDIR || errno == ELOOP || errno == ENXIO)
		r = err_set(ST_REFUSED, "cannot mark it as unfinished: '%s' is not a mark", mark);
	else
		r = err_sys("cannot mark it as unfinished");
	if (r < 0 && is_new)
		unlinkat(dir_fd, mark, 0);
	if (file >= 0)
		close(file);
	free(mark);
	return r < 0 ? -1 : is_new;
}

int unfinished_mark_name(int dir_fd, const char *name, uid_t owner)
{
	char *mark = mark_name(name);
	bool has = mark && has_mark_beside(dir_fd, mark, owner);

	if (!mark)
		return -1;
	free(mark);
	return has ? 0 : make_mark(dir_fd, name, owner, NULL);
}

int unfinished_set(int fd, int dir_fd, const char *name, const char *record)
{
	const char *value = record ? record : "1";
	struct stat st;

	if (fsetxattr(fd, UNFINISHED_ATTR, value, strlen(value), 0) == 0)
		return fsync(fd) < 0 ? err_sys("cannot mark it as unfinished") : 0;
	if (fstat(fd, &st) < 0)
		return err_sys("cannot stat");
	return make_mark(dir_fd, name, st.st_uid, record) < 0 ? -1 : 0;
}

/* What the mark beside dir_fd/name contains: its length, or -1: there is no such mark. */
static ssize_t read_mark(int dir_fd, const char *name, uid_t owner, char *out, size_t size)
{
	char *mark = mark_name(name);
	struct stat st;
	ssize_t n = -1;
	int file;

	if (!mark)
		return -1;
	file = openat(dir_fd, mark, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (file >= 0 && fstat(file, &st) == 0 && is_mark(&st, owner))
		n = io_pread(file, out, size, 0);
	if (file >= 0)
		close(file);
	free(mark);
	return n;
}

int unfinished_record(int fd, int dir_fd, const char *name, char out[UNFINISHED_RECORD_MAX])
{
	struct stat st;
	ssize_t n = fgetxattr(fd, UNFINISHED_ATTR, out, UNFINISHED_RECORD_MAX - 1);

	if (fstat(fd, &st) < 0)
		return err_sys("cannot stat");
	if (n < 0)
		n = read_mark(dir_fd, name, st.st_uid, out, UNFINISHED_RECORD_MAX - 1);
	out[n < 0 ? 0 : n] = '\0';
	return n > 1;
}

int unfinished_clear(int fd, int dir_fd, const char *name)
{
	struct stat st;

	if (fremovexattr(fd, UNFINISHED_ATTR) < 0 && errno != ENODATA && errno != EOPNOTSUPP &&
		errno != EPERM)
		return err_sys("cannot remove its unfinished mark");
	if (fstat(fd, &st) < 0)
		return err_sys("cannot stat");
	return unfinished_forget(dir_fd, name, st.st_uid);
}

int unfinished_forget(int dir_fd, const char *name, uid_t owner)
{
	char *mark = mark_name(name);
	int r = 0;

	if (!mark)
		return -1;
	if (!has_mark_beside(dir_fd, mark, owner))
		; /* what is there does not count */
	else if (unlinkat(dir_fd, mark, 0) == 0)
		r = io_sync_dir(dir_fd, -1);
	else if (errno != ENOENT)
		r = -1;
	free(mark);
	return r < 0 ? err_sys("cannot remove its unfinished mark") : 0;
}

/* Makes the mark of `to` from that of `from`, where that cannot be linked, with what it says. */
static int copy_mark(int dir_fd, const char *from, const char *to, uid_t owner)
{
	char record[UNFINISHED_RECORD_MAX];
	ssize_t n = read_mark(dir_fd, from, owner, record, sizeof(record) - 1);

	record[n < 0 ? 0 : n] = '\0';
	return make_mark(dir_fd, to, owner, n > 0 ? record : NULL) < 0 ? -1 : 0;
}

int unfinished_carry(int dir_fd, const char *from, const char *to, uid_t owner)
{
	char *old = mark_name(from), *new = mark_name(to);
	int r = -1;

	/* What was left beside another image of that name says nothing of this one. */
	if (!old || !new || unfinished_forget(dir_fd, to, owner) < 0)
		;
	else if (!has_mark_beside(dir_fd, old, owner))
		r = 0;
	else if (linkat(dir_fd, old, dir_fd, new, 0) == 0) /* it keeps the mark's owner */
		r = io_sync_dir(dir_fd, -1) < 0 ? err_sys("cannot mark it as unfinished") : 0;
	else
		r = copy_mark(dir_fd, from, to, owner);
	free(old);
	free(new);
	return r;
}
