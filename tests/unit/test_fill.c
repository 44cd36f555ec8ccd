/* target: an existing file that is filled in place, and its mark while that is not complete. */
#include <signal.h>
#include <stdint.h>
#include <sys/stat.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/host/identity.h"
#include "tests/unit/places.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

#define MIB 1048576u

static const struct target_want plain = { .len = 5, .fsync = true };

static struct target *fill(const char *path, const struct target_want *want)
{
	struct place *p = places_open(path);

	return p ? target_fill(p, want) : NULL;
}

/* Whether an image is marked unfinished: 1, 0 or -1. */
static int marked(const char *path)
{
	struct image *img = places_image(&places_free, path);
	int r = img ? img->ops->is_unfinished(img) : -1;

	image_close(img);
	return r;
}

/* It must fail with status, and neither the file nor its mark may change. */
static void refused(
	const char *path, const struct target_want *want, enum status status, const char *what)
{
	char before[1000];
	struct target *t;

	snprintf(before, sizeof(before), "%s",
		scratch_get(NULL, "ls -liA --time-style=full-iso | grep -v log"));
	t = fill(path, want);
	ok(!t, what);
	is_int(err_status(), status, err_text());
	target_abort(t);
	is_str(scratch_get(NULL, "ls -liA --time-style=full-iso | grep -v log"), before,
		"and the directory has not changed");
	ok(marked("x") != 1, "nor is a file marked");
}

static void test_commit(void)
{
	struct target_want want = plain;
	char head[4] = "";
	struct stat before, after;
	struct target *t;

	scratch_save("x", "0123456789", 10);
	lstat("x", &before);
	t = fill("x", &want);
	if (!ok(t != NULL, "commit: an existing file"))
		return;
	is_int(target_space(t), 10, "commit: its space");
	is_int(target_peek(t, head, 3), 3, "commit: what it holds");
	is_str(head, "012", "commit: before the first write");
	is_int(marked("x"), 1, "commit: marked before the first write");
	ok(target_write(t, "lo", 2, 3) == 0 && target_write(t, "hel", 3, 0) == 0,
		"commit: written");
	is_str(scratch_get(NULL, "cat x"), "hello56789", "commit: in place");
	ok(target_set_len(t, 5) == 0 && target_commit(t) == 0, "commit: done");
	is_int(marked("x"), 0, "commit: the mark is gone");
	is_int(scratch_run("printf 'hello\\0\\0\\0\\0\\0' | cmp - x"), 0,
		"commit: what is behind is zeros");
	ok(lstat("x", &after) == 0 && after.st_ino == before.st_ino, "commit: the same file");
	is_int(scratch_run("test -z \"$(ls -A | grep '^\\.')\""), 0, "commit: and no other");
	unlink("x");
}

static void test_zero(bool sparse)
{
	struct target_want want = { .len = 8 * MIB, .sparse = sparse };
	struct target *t;
	struct stat st;

	is_int(scratch_run("head -c 8M /dev/zero | tr '\\0' x >x"), 0, "zero: made");
	t = fill("x", &want);
	ok(t && target_write(t, "a", 1, 0) == 0 && target_zero(t, 2 * MIB, MIB) == 0 &&
			target_write(t, "b", 1, 4 * MIB - 1) == 0 &&
			target_set_len(t, 4 * MIB) == 0 && target_commit(t) == 0,
		sparse ? "zero: sparse" : "zero: allocated");
	is_int(scratch_run("{ printf a; head -c 1048575 /dev/zero | tr '\\0' x; "
			   "head -c 2M /dev/zero; head -c 1048575 /dev/zero | tr '\\0' x; "
			   "printf b; head -c 4M /dev/zero; } | cmp - x"),
		0, "zero: the content");
	ok(lstat("x", &st) == 0 &&
			(sparse ? st.st_blocks * 512 <= 3 * MIB : st.st_blocks * 512 >= 8 * MIB),
		"zero: its space");
	unlink("x");
}

static void test_abort(void)
{
	struct target *t;

	scratch_save("x", "0123456789", 10);
	t = fill("x", &plain);
	is_int(marked("x"), 1, "abort: marked");
	err_set(ST_CORRUPT, "the first error");
	target_abort(t);
	is_int(err_status(), ST_CORRUPT, "abort: the error is kept");
	is_int(marked("x"), 0, "abort: before the first write, no mark is left");
	is_str(scratch_get(NULL, "cat x"), "0123456789", "abort: nor anything changed");
	t = fill("x", &plain);
	ok(t && target_write(t, "hello", 5, 0) == 0, "abort: written");
	target_abort(t);
	is_int(marked("x"), 1, "abort: after the first write it stays marked");
	t = fill("x", &plain);
	target_abort(t);
	is_int(marked("x"), 1, "abort: also if the next job writes nothing");
	t = fill("x", &plain);
	ok(t && target_write(t, "hello", 5, 0) == 0 && target_set_len(t, 5) == 0 &&
			target_commit(t) == 0,
		"abort: filled at last");
	is_int(marked("x"), 0, "abort: it is complete");
	unlink("x");
}

/* It is not complete before target_commit(). */
static void test_settle(void)
{
	struct target *t;

	scratch_save("x", "01234", 5);
	t = fill("x", &plain);
	ok(t && target_write(t, "hello", 5, 0) == 0 && target_settle(t) == 0, "settle");
	is_int(marked("x"), 1, "settle: still marked");
	is_int(target_commit(t), 0, "settle: commit");
	is_int(marked("x"), 0, "settle: it is complete");
	t = fill("x", &plain);
	ok(t && target_write(t, "HELLO", 5, 0) == 0 && target_settle(t) == 0, "settle: again");
	target_abort(t);
	is_int(marked("x"), 1, "settle: an abort leaves the mark");
	unlink("x");
}

static void test_too_long(void)
{
	struct target_want want = { .len = TARGET_LEN_UNKNOWN };
	struct target *t;

	scratch_save("x", "0123456789", 10);
	t = fill("x", &want);
	ok(t && target_write(t, "0123456789", 10, 0) == 0, "too long: all of it");
	err_clear();
	ok(t && target_write(t, "x", 1, 10) == -1 && err_status() == ST_NOROOM,
		"too long: a byte more");
	err_clear();
	ok(t && target_write(t, "x", 1, UINT64_MAX) == -1 && err_status() == ST_NOROOM,
		"too long: far beyond");
	err_clear();
	ok(t && target_zero(t, 2, 9) == -1 && err_status() == ST_NOROOM, "too long: zeros");
	err_clear();
	ok(t && target_set_len(t, 11) == -1 && err_status() == ST_NOROOM, "too long: the length");
	target_abort(t);
	is_str(scratch_get(NULL, "cat x"), "0123456789", "too long: the file has its length");
	unlink("x");
}

/* Its size counts when the job begins, and not when the path was looked up. */
static void test_resized(void)
{
	struct target_want want = { .len = 8 };
	struct place *p;
	struct target *t;

	scratch_save("x", "01234", 5);
	p = places_open("x");
	scratch_save("x", "0123456789", 10);
	t = p ? target_fill(p, &want) : NULL;
	if (!ok(t != NULL, "resized: larger"))
		return;
	is_int(target_space(t), 10, "resized: its space");
	ok(target_write(t, "HELLOHEL", 8, 0) == 0 && target_set_len(t, 8) == 0 &&
			target_commit(t) == 0,
		"resized: filled");
	is_int(scratch_run("printf 'HELLOHEL\\0\\0' | cmp - x"), 0, "resized: the rest is zeroed");
	p = places_open("x");
	scratch_save("x", "0123456", 7);
	err_clear();
	ok(p && !target_fill(p, &want) && err_status() == ST_NOROOM, "resized: too small");
	is_int(marked("x"), 0, "resized: it is not marked");
	unlink("x");
}

static void test_refused(void)
{
	struct target_want want = plain;
	char id[IDENTITY_MAX];
	struct stat st;
	int fd;

	scratch_save("x", "0123456789", 10);
	scratch_run("ln -s x to-x; ln -s gone to-gone; mkdir dir; mkfifo fifo");
	refused("gone", &plain, ST_ABSENT, "refused: absent");
	refused("to-x", &plain, ST_REFUSED, "refused: a link");
	refused("to-gone", &plain, ST_REFUSED, "refused: a link to nowhere");
	refused("dir", &plain, ST_REFUSED, "refused: a directory");
	refused("fifo", &plain, ST_REFUSED, "refused: a FIFO");
	refused("/dev/null", &plain, ST_REFUSED, "refused: a character device");
	want.len = 11;
	refused("x", &want, ST_NOROOM, "refused: it is too small");
	want.dry_run = true;
	refused("x", &want, ST_NOROOM, "refused: it is too small, dry run");
	want = plain;
	stat("x", &st);
	want.source_id = identity_of(&st, id);
	refused("x", &want, ST_REFUSED, "refused: the source itself");
	ok(link("x", "y") == 0, "linked");
	refused("x", &plain, ST_REFUSED, "refused: several links");
	want.allow_links = true;
	refused("y", &want, ST_REFUSED, "refused: the source by another name");
	unlink("y");
	fd = open("x", O_WRONLY | O_CLOEXEC);
	refused("x", &plain, ST_BUSY, "refused: open for writing");
	close(fd);
	scratch_run("rm -rf x to-x to-gone dir fifo");
}

static void test_links(void)
{
	struct target_want want = plain;
	struct target *t;

	scratch_save("x", "01234", 5);
	ok(link("x", "y") == 0, "links: made");
	want.allow_links = true;
	t = fill("x", &want);
	ok(t && target_write(t, "hello", 5, 0) == 0 && target_commit(t) == 0, "links: allowed");
	is_str(scratch_get(NULL, "cat y"), "hello", "links: both names have the content");
	unlink("x");
	unlink("y");
}

static bool refused_at(struct place *p, const struct target_want *want)
{
	err_clear();
	return p && !target_fill(p, want) && err_status() == ST_REFUSED;
}

static void test_dry(void)
{
	struct target_want want = plain;
	struct place *place[2];
	struct target *t;
	int status = -1;
	char path[400];
	pid_t pid;

	want.dry_run = true;
	scratch_save("x", "01234", 5);
	t = fill("x", &want);
	ok(t != NULL, "dry run");
	snprintf(path, sizeof(path), "%s/x", scratch_dir);
	is_str(t ? target_path(t) : NULL, path, "dry run: its path");
	is_int(marked("x"), 0, "dry run: no mark");
	target_abort(t);
	is_str(scratch_get(NULL, "cat x"), "01234", "dry run: nothing is written");
	chmod("x", 0444);
	chmod(".", 0755);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		/* Opened before, as the directory's path may be closed to that user. */
		place[0] = places_open("x");
		place[1] = places_open("x");
		if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
			_exit(1);
		_exit(!refused_at(place[0], &plain) ? 2 : !refused_at(place[1], &want) ? 3 : 0);
	}
	waitpid(pid, &status, 0);
	is_int(status, 0, "dry run: may not be written, also without");
	unlink("x");
}

/* Starts another process that fills x and then waits to be ended. */
static pid_t start_job(void)
{
	struct target *t;
	int up[2];
	pid_t pid;
	char c;

	if (pipe(up) < 0)
		exit(99);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		t = fill("x", &plain);
		if (t && target_write(t, "hello", 5, 0) == 0 && write(up[1], "", 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	close(up[1]);
	ok(read(up[0], &c, 1) == 1, "another job has started");
	close(up[0]);
	return pid;
}

static void test_other_job(void)
{
	struct target *t;
	pid_t pid;

	scratch_save("x", "0123456789", 10);
	pid = start_job();
	t = fill("x", &plain);
	ok(!t && err_status() == ST_BUSY, "another job: in use");
	target_abort(t);
	is_int(marked("x"), 1, "another job: its mark");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	is_int(marked("x"), 1, "interrupted job: its mark stays");
	t = fill("x", &plain);
	ok(t && target_write(t, "HELLO", 5, 0) == 0 && target_set_len(t, 5) == 0 &&
			target_commit(t) == 0,
		"interrupted job: the next one can fill it");
	is_int(marked("x"), 0, "interrupted job: then it is complete");
	unlink("x");
}

int main(void)
{
	int fds;

	scratch_open();
	fds = places_descriptors();
	test_commit();
	test_zero(false);
	test_zero(true);
	test_abort();
	test_settle();
	test_too_long();
	test_resized();
	test_refused();
	test_links();
	test_dry();
	test_other_job();
	is_int(places_descriptors(), fds, "no descriptor is left open");
	scratch_close(tap_failed);
	return tap_done();
}
