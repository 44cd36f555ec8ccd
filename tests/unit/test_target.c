/* target: a complete file or none, with existing files and with changes meanwhile. */
#include <signal.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "lib/base/err.h"
#include "lib/host/identity.h"
#include "tests/unit/places.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"
#include "tests/unit/written.h"

#define LABEL "security.selinux"

static const struct target_want plain = { .len = 5, .sparse = true, .fsync = true };
static const struct target_want over = {
	.len = 5, .sparse = true, .overwrite = true, .fsync = true
};

/* Making it must fail with status, and the directory must not change. */
static void refused(
	const char *path, const struct target_want *want, enum status status, const char *what)
{
	char before[1000];
	struct target *t;

	snprintf(before, sizeof(before), "%s", scratch_get(NULL, "ls -liA | grep -v log"));
	t = places_make(path, want);
	ok(!t, what);
	is_int(err_status(), status, err_text());
	target_abort(t);
	is_str(scratch_get(NULL, "ls -liA | grep -v log"), before,
		"and the directory has not changed");
}

static bool is_there(const char *name)
{
	struct stat st;

	return lstat(name, &st) == 0;
}

/* Writes and commits the target. */
static bool made(struct target *t, const char *path)
{
	return t && target_write(t, "hello", 5, 0) == 0 && target_commit(t) == 0 &&
	       written_holds(path, "hello") && written_partials(".") == 0;
}

static void test_commit(void)
{
	struct target *t;
	struct stat st;
	mode_t mask = umask(0);

	t = places_make("x", &plain);
	umask(mask);
	ok(t && target_write(t, "lo", 2, 3) == 0 && target_write(t, "hel", 3, 0) == 0,
		"commit: written");
	is_str(t ? strrchr(target_path(t), '/') : NULL, "/x", "commit: path");
	ok(!is_there("x") && is_there(".x.img-tools"), "commit: hidden before");
	is_int(target_commit(t), 0, "commit");
	ok(written_holds("x", "hello") && written_partials(".") == 0,
		"commit: complete afterwards");
	ok(lstat("x", &st) == 0 && (st.st_mode & 07777) == 0600 && st.st_nlink == 1 &&
			st.st_uid == geteuid(),
		"commit: mode and owner");
	unlink("x");
}

/* What takes time is done before, and nobody sees it. */
static void test_settle(void)
{
	struct target *t = places_make("x", &plain);

	ok(t && target_write(t, "hello", 5, 0) == 0 && target_settle(t) == 0, "settle");
	ok(!is_there("x") && is_there(".x.img-tools"), "settle: hidden still");
	is_int(target_commit(t), 0, "settle: commit");
	ok(written_holds("x", "hello") && written_partials(".") == 0,
		"settle: complete afterwards");
	unlink("x");
	t = places_make("x", &plain);
	ok(t && target_settle(t) == 0, "settle: another");
	target_abort(t);
	ok(!is_there("x") && written_partials(".") == 0, "settle: no file is left of an abort");
}

static void test_abort(void)
{
	struct target *t = places_make("x", &plain);

	ok(t && target_write(t, "hello", 5, 0) == 0, "abort: written");
	err_set(ST_CORRUPT, "the first error");
	target_abort(t);
	ok(!is_there("x") && written_partials(".") == 0, "abort: no file is left");
	ok(err_status() == ST_CORRUPT && strcmp(err_text(), "the first error") == 0,
		"abort: the error is kept");
	target_abort(NULL);
	is_int(err_status(), ST_CORRUPT, "abort: of NULL");
}

static void test_exists(void)
{
	struct target_want links = over;
	struct target *t;

	scratch_save("x", "old", 3);
	scratch_run("ln -s x to-x; ln -s gone to-gone; mkdir dir; mkfifo fifo");
	refused("x", &plain, ST_EXISTS, "exists: a file");
	refused("to-x", &plain, ST_REFUSED, "exists: a link");
	refused("to-x", &over, ST_REFUSED, "exists: a link, overwrite");
	refused("to-gone", &plain, ST_REFUSED, "exists: a link to nowhere");
	refused("to-gone", &over, ST_REFUSED, "exists: a link to nowhere, overwrite");
	refused("dir", &plain, ST_REFUSED, "exists: a directory");
	refused("dir", &over, ST_REFUSED, "exists: a directory, overwrite");
	refused("fifo", &plain, ST_EXISTS, "exists: a FIFO");
	refused("fifo", &over, ST_REFUSED, "exists: a FIFO, overwrite");
	refused("/dev/null", &over, ST_REFUSED, "exists: a device, overwrite");
	ok(link("x", "also-x") == 0, "exists: linked");
	refused("x", &over, ST_REFUSED, "exists: several links, overwrite");
	links.allow_links = true;
	t = places_make("x", &links);
	ok(t && target_write(t, "newer", 5, 0) == 0 && target_commit(t) == 0,
		"exists: links allowed");
	ok(written_holds("x", "newer") && written_holds("also-x", "old"),
		"exists: only that name is replaced");
	refused("gone/x", &plain, ST_ABSENT, "no such directory");
	scratch_run("rm -rf x to-x to-gone dir fifo also-x");
}

static void test_overwrite(void)
{
	const char *label = "system_u:object_r:virt_image_t:s0";
	struct target *t;
	struct stat st, old;
	char got[100] = "";
	bool labelled;

	scratch_save("x", "old", 3);
	chmod("x", 0640);
	if (geteuid() == 0)
		ok(chown("x", 1234, 4321) == 0, "overwrite: made another's");
	labelled = setxattr("x", LABEL, label, strlen(label), 0) == 0;
	lstat("x", &old);
	t = places_make("x", &over);
	ok(t && target_write(t, "hello", 5, 0) == 0 && written_holds("x", "old"),
		"overwrite: old until the end");
	target_abort(t);
	ok(written_holds("x", "old") && written_partials(".") == 0, "overwrite: aborted, old");
	t = places_make("x", &over);
	ok(made(t, "x"), "overwrite: new");
	ok(lstat("x", &st) == 0 && st.st_ino != old.st_ino, "overwrite: by another file");
	is_int(st.st_mode & 07777, 0640, "overwrite: mode");
	is_int(st.st_uid, old.st_uid, "overwrite: owner");
	is_int(st.st_gid, old.st_gid, "overwrite: group");
	if (labelled) {
		getxattr("x", LABEL, got, sizeof(got) - 1);
		is_str(got, label, "overwrite: label");
	}
	unlink("x");
	t = places_make("x", &over);
	ok(made(t, "x"), "overwrite: of no existing file");
	lstat("x", &st);
	is_int(st.st_mode & 07777, 0600, "overwrite: of no existing file, mode");
	unlink("x");
}

static void test_same_source(void)
{
	struct target_want want = over;
	char id[IDENTITY_MAX];
	struct stat st;

	scratch_save("x", "old", 3);
	stat("x", &st);
	want.source_id = identity_of(&st, id);
	refused("x", &want, ST_REFUSED, "the source itself");
	want.overwrite = false;
	refused("x", &want, ST_REFUSED, "the source itself, without overwrite");
	ok(link("x", "y") == 0, "linked");
	want.overwrite = want.allow_links = true;
	refused("y", &want, ST_REFUSED, "the source by another name");
	unlink("x");
	unlink("y");
}

/* Changes by others between target_make() and target_commit(). */
static void test_meanwhile(void)
{
	struct target *t = places_make("x", &plain);
	int fd;

	scratch_save("x", "theirs", 6);
	ok(t && target_commit(t) == -1 && err_status() == ST_EXISTS, "meanwhile: made by another");
	ok(written_holds("x", "theirs") && written_partials(".") == 0,
		"meanwhile: the file of the other is kept");
	t = places_make("x", &over);
	scratch_save("y", "other", 5);
	ok(rename("y", "x") == 0 && t && target_commit(t) == -1 && err_status() == ST_BUSY,
		"meanwhile: replaced by another");
	ok(written_holds("x", "other") && written_partials(".") == 0,
		"meanwhile: the other file is kept");
	t = places_make("x", &over);
	fd = open("x", O_WRONLY | O_CLOEXEC);
	ok(t && target_commit(t) == -1 && err_status() == ST_BUSY, "meanwhile: opened for writing");
	close(fd);
	ok(written_holds("x", "other") && written_partials(".") == 0, "meanwhile: and it is kept");
	t = places_make("x", &over);
	unlink("x");
	ok(made(t, "x"), "meanwhile: removed");
	unlink("x");
	ok(mkdir("dir", 0700) == 0 && (t = places_make("dir/x", &plain)) != NULL,
		"meanwhile: open");
	scratch_run("rm -rf dir");
	ok(target_commit(t) == -1 && err_status() != ST_OK, "meanwhile: the directory is gone");
}

/* Changes by others between place_open() and target_make(). */
static void test_before(void)
{
	struct place *p = places_open("x");
	struct target *t;

	scratch_save("x", "theirs", 6);
	t = target_make(p, &plain);
	ok(!t || (target_commit(t) == -1 && err_status() == ST_EXISTS), "before: made by another");
	ok(written_holds("x", "theirs") && written_partials(".") == 0,
		"before: the file of the other is kept");
	p = places_open("x");
	scratch_save("y", "other", 5);
	ok(rename("y", "x") == 0 && !target_make(p, &over) && err_status() == ST_BUSY,
		"before: replaced by another");
	ok(written_holds("x", "other") && written_partials(".") == 0,
		"before: the other file is kept");
	unlink("x");
}

static void test_in_use(void)
{
	int fd;
	struct target *t;

	scratch_save("x", "old", 3);
	fd = open("x", O_WRONLY | O_CLOEXEC);
	refused("x", &over, ST_BUSY, "in use: open for writing");
	close(fd);
	fd = open("x", O_RDONLY | O_CLOEXEC);
	t = places_make("x", &over);
	ok(t && target_commit(t) == 0, "in use: open for reading does not count");
	close(fd);
	unlink("x");
}

/* Starts another process that creates x and then waits to be ended. */
static pid_t start_run(void)
{
	int up[2];
	char c;
	pid_t pid;

	if (pipe(up) < 0)
		exit(99);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		struct target *t = places_make("x", &plain);

		if (t && target_write(t, "rubbish", 7, 0) == 0 && write(up[1], "", 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	close(up[1]);
	ok(read(up[0], &c, 1) == 1, "another job has started");
	close(up[0]);
	return pid;
}

static void test_other_run(void)
{
	struct target_want dry = plain;
	struct target *t;
	pid_t pid = start_run();

	dry.dry_run = true;
	refused("x", &plain, ST_BUSY, "another job");
	refused("x", &dry, ST_BUSY, "another job, dry run");
	t = places_make("y", &plain);
	ok(t != NULL, "another job: other names are free");
	target_abort(t);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ok(written_partials(".") == 1, "interrupted job: its file is left");
	t = places_make("x", &dry);
	ok(t && written_partials(".") == 1, "interrupted job: a dry run keeps its file");
	target_abort(t);
	is_int(written_partials("."), 1, "interrupted job: also afterwards");
	t = places_make("x", &plain);
	ok(t && target_commit(t) == 0, "interrupted job: its file is taken over");
	ok(!written_holds("x", "rubbish") && written_partials(".") == 0,
		"interrupted job: none of its bytes are left");
	unlink("x");
	t = places_make("x", &plain);
	refused("x", &plain, ST_BUSY, "the same job");
	ok(t && target_commit(t) == 0 && is_there("x"), "the same job: the first target can go on");
	unlink("x");
}

static void test_dry(void)
{
	struct target_want dry = plain;
	struct target *t;
	char path[1000];

	dry.dry_run = true;
	t = places_make("x", &dry);
	ok(t && written_partials(".") == 0 && !is_there("x"), "dry run: no file is created");
	snprintf(path, sizeof(path), "%s/x", scratch_dir);
	is_str(t ? target_path(t) : NULL, path, "dry: path");
	target_abort(t);
	ok(written_partials(".") == 0 && !is_there("x"), "dry: nor after");
	scratch_save("x", "old", 3);
	refused("x", &dry, ST_EXISTS, "dry: exists");
	unlink("x");
}

static bool refused_at(struct place *p, const struct target_want *want)
{
	err_clear();
	return p && !target_make(p, want) && err_status() == ST_REFUSED;
}

static void test_not_allowed(void)
{
	struct target_want dry = plain;
	struct place *place[2];
	int status = -1;
	pid_t pid;

	dry.dry_run = true;
	ok(mkdir("closed", 0555) == 0, "not allowed: made");
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		/* Opened before, as the directory's path may be closed to that user. */
		place[0] = places_open("closed/x");
		place[1] = places_open("closed/x");
		if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
			_exit(1);
		_exit(!refused_at(place[0], &plain) ? 2 : !refused_at(place[1], &dry) ? 3 : 0);
	}
	waitpid(pid, &status, 0);
	is_int(status, 0, "not allowed: a closed directory, also dry");
	rmdir("closed");
}

int main(void)
{
	int fds;

	scratch_open();
	fds = places_descriptors();
	test_commit();
	test_settle();
	test_abort();
	test_exists();
	test_overwrite();
	test_same_source();
	test_meanwhile();
	test_before();
	test_in_use();
	test_other_run();
	test_dry();
	test_not_allowed();
	is_int(places_descriptors(), fds, "no descriptor is left open");
	scratch_close(tap_failed);
	return tap_done();
}
