/* partial: names, files of interrupted jobs, and many jobs at the same time. */
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "lib/base/err.h"
#include "lib/store/file/partial.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

#define CHILDREN 4
#define ROUNDS 200
#define HIDDEN ".x.img-tools"

static int dir;

static bool exists(const char *name)
{
	struct stat st;

	return lstat(name, &st) == 0;
}

static void test_names(void)
{
	char name[300], other[300], a[PARTIAL_NAME_MAX], b[PARTIAL_NAME_MAX];
	size_t n, wrong = 0;

	is_str(partial_name("x.img", a), ".x.img.img-tools", "name");
	for (n = 1; n <= 255; n++) {
		memset(name, 'n', n);
		name[n] = '\0';
		memcpy(other, name, n + 1);
		other[n - 1] = 'o';
		partial_name(name, a);
		partial_name(other, b);
		if (strlen(a) > 255 || strcmp(a, b) == 0 || !partial_is(a) || strchr(a, '/'))
			wrong++;
	}
	is_int(wrong, 0, "names: of every length, fit, differ and are known");
	ok(strlen(a) == 255, "names: the longest");
	is_str(partial_name(name, b), a, "names: the same again");
	ok(!partial_is("x.img-tools") && !partial_is(".img-tools") &&
			!partial_is("..img-tools.x") && !partial_is(".x.img") && !partial_is("") &&
			!partial_is(".x.img-tools-unfinished"),
		"names: others are not ours");
}

/* Whether another descriptor can lock it. */
static bool lockable(const char *name)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd = open(name, O_RDWR | O_CLOEXEC);
	bool can = fd >= 0 && fcntl(fd, F_OFD_SETLK, &l) == 0;

	close(fd);
	return can;
}

static void test_create(void)
{
	mode_t mask = umask(0277);
	int fd = partial_create(dir, HIDDEN), other;
	struct stat st;

	umask(mask);
	ok(fd >= 0 && fstat(fd, &st) == 0 && st.st_size == 0, "create");
	is_int(st.st_mode & 07777, 0600, "create: mode, whatever the umask");
	ok((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR && fcntl(fd, F_GETFD) & FD_CLOEXEC,
		"create: flags");
	ok(!lockable(HIDDEN), "create: locked");
	err_clear();
	ok(partial_create(dir, HIDDEN) == -1 && err_status() == ST_BUSY, "create: not twice");
	err_clear();
	ok(partial_check(dir, HIDDEN) == -1 && err_status() == ST_BUSY, "check: busy");
	ok(write(fd, "rubbish", 7) == 7 && exists(HIDDEN), "create: it is still there");
	close(fd);
	ok(exists(HIDDEN) && partial_check(dir, HIDDEN) == 0 && exists(HIDDEN),
		"check: the file of an interrupted job is left");
	fd = open(HIDDEN, O_RDONLY | O_CLOEXEC);
	other = partial_create(dir, HIDDEN);
	ok(other >= 0 && fstat(other, &st) == 0 && st.st_size == 0,
		"create: the file of an interrupted job is replaced");
	ok(fstat(fd, &st) == 0 && st.st_nlink == 0 && st.st_size == 7, "create: and not reused");
	close(fd);
	close(other);
	unlink(HIDDEN);
	ok(partial_check(dir, HIDDEN) == 0 && !exists(HIDDEN), "check: no file");
}

/* Testing whether a file is locked must not look like a job that has locked it. */
static void test_check_takes_nothing(void)
{
	int fd;

	scratch_save(HIDDEN, "dead", 4);
	ok(partial_check(dir, HIDDEN) == 0 && lockable(HIDDEN), "check: takes no lock");
	fd = partial_create(dir, HIDDEN);
	ok(fd >= 0, "check: and does not stand in the way");
	close(fd);
	unlink(HIDDEN);
}

static void refused(const char *what)
{
	struct stat before, after;
	char text[100];
	int r = lstat(HIDDEN, &before);

	err_clear();
	snprintf(text, sizeof(text), "create: %s is refused", what);
	ok(partial_create(dir, HIDDEN) == -1 && err_status() == ST_REFUSED, text);
	err_clear();
	snprintf(text, sizeof(text), "check: %s is refused", what);
	ok(partial_check(dir, HIDDEN) == -1 && err_status() == ST_REFUSED, text);
	snprintf(text, sizeof(text), "%s is left", what);
	ok(r == 0 && lstat(HIDDEN, &after) == 0 && before.st_ino == after.st_ino, text);
	remove(HIDDEN);
}

static void test_in_the_way(void)
{
	scratch_save("file", "precious", 8);
	ok(symlink("file", HIDDEN) == 0, "made");
	refused("a link");
	ok(symlink("gone", HIDDEN) == 0, "made");
	refused("a link to nowhere");
	ok(link("file", HIDDEN) == 0, "made");
	refused("a second link");
	ok(mkdir(HIDDEN, 0700) == 0, "made");
	refused("a directory");
	ok(mkfifo(HIDDEN, 0600) == 0, "made");
	refused("a FIFO");
	is_str(scratch_get(NULL, "cat file"), "precious", "and what they name is unharmed");
}

/* In a directory without write permission. */
static int as_nobody(void)
{
	int r;

	if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
		return 1;
	err_clear();
	r = partial_create(dir, HIDDEN);
	return r == -1 && err_status() == ST_REFUSED ? 0 : 2;
}

static void test_not_allowed(void)
{
	int status = -1;
	pid_t pid;

	chmod(".", 0555);
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		_exit(as_nobody());
	waitpid(pid, &status, 0);
	chmod(".", 0700);
	is_int(status, 0, "create: not allowed");
}

struct shared {
	atomic_int holders, overlaps, wins, others;
};

static void race(struct shared *s)
{
	struct stat a, b;
	int i, fd;

	for (i = 0; i < ROUNDS; i++) {
		err_clear();
		fd = partial_create(dir, HIDDEN);
		if (fd < 0) {
			s->others += err_status() != ST_BUSY;
			continue;
		}
		if (atomic_fetch_add(&s->holders, 1) != 0)
			s->overlaps++;
		if (fstat(fd, &a) < 0 || lstat(HIDDEN, &b) < 0 || a.st_ino != b.st_ino)
			s->overlaps++;
		s->wins++;
		s->holders--;
		if (i % 2) /* else the file stays, as of an interrupted job */
			unlink(HIDDEN);
		close(fd);
	}
}

static void test_race(void)
{
	struct shared *s =
		mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int i, status, bad = 0;

	fflush(NULL);
	for (i = 0; i < CHILDREN; i++)
		if (fork() == 0) {
			race(s);
			_exit(0);
		}
	for (i = 0; i < CHILDREN; i++)
		if (wait(&status) < 0 || status != 0)
			bad++;
	is_int(bad, 0, "race: all ended");
	is_int(s->overlaps, 0, "race: never two at once");
	is_int(s->others, 0, "race: the error of a loser is that the file is in use");
	ok(s->wins > 0, "race: some job wins");
	munmap(s, sizeof(*s));
	unlink(HIDDEN);
}

int main(void)
{
	scratch_open();
	dir = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	test_names();
	test_create();
	test_check_takes_nothing();
	test_in_the_way();
	test_not_allowed();
	test_race();
	close(dir);
	scratch_close(tap_failed);
	return tap_done();
}
