/*
 * inuse: writers, readers, QEMU, loop devices, mounts and swap, with real programs.
 * Fails without qemu-io.  What only root may do is tested only as root.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <time.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/host/inuse.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

#define PATIENCE_MS 20000

/* Checks path as for a source. */
static int look(const char *path, struct inuse *u)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), r;

	memset(u, 0, sizeof(*u));
	err_clear();
	r = fd < 0 ? -1 : inuse_look(fd, path, u);
	if (fd >= 0)
		close(fd);
	return r;
}

/* The status that inuse_refuse() records. */
static enum status refuse(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC), r;

	err_clear();
	r = inuse_refuse(fd);
	close(fd);
	return r == 0 ? ST_OK : err_status();
}

/* Checks what is found, what is refused, and that the message names who has the file open. */
static void expect(const char *path, bool writers, bool readers, const char *who, const char *what)
{
	struct inuse u;
	char text[1000];

	snprintf(text, sizeof(text), "%s: look", what);
	is_int(look(path, &u), 0, text);
	snprintf(text, sizeof(text), "%s: writers, readers", what);
	is_int(u.writers * 10 + u.readers, writers * 10 + readers, text);
	snprintf(text, sizeof(text), "%s: '%s' names '%s'", what, u.who, who);
	ok(who[0] ? strstr(u.who, who) != NULL : !u.who[0], text);
	inuse_fini(&u);
	snprintf(text, sizeof(text), "%s: as a target", what);
	is_int(refuse(path), writers || readers ? ST_BUSY : ST_OK, text);
	snprintf(text, sizeof(text), "%s: the message has the holder", what);
	ok(strstr(err_text(), who) != NULL, text);
}

/* A child process that keeps x open until release. */
static pid_t start(int (*hold)(void))
{
	pid_t pid;
	int up[2];
	char c;

	if (pipe(up) < 0)
		exit(99);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		if (hold() == 0 && write(up[1], "", 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	close(up[1]);
	ok(read(up[0], &c, 1) == 1, "the other process has it open");
	close(up[0]);
	return pid;
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static int hold_writing(void)
{
	return open("x", O_WRONLY | O_CLOEXEC) < 0 ? -1 : 0;
}

static int hold_reading(void)
{
	return open("x", O_RDONLY | O_CLOEXEC) < 0 ? -1 : 0;
}

static int hold_map(void)
{
	int fd = open("x", O_RDWR | O_CLOEXEC);

	if (fd < 0 || mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED)
		return -1;
	return close(fd);
}

static void test_processes(void)
{
	char name[100];
	pid_t pid;

	expect("x", false, false, "", "nobody");
	pid = start(hold_writing);
	snprintf(name, sizeof(name), "open for writing in process %d (test_inuse)", (int)pid);
	expect("x", true, false, name, "a writer");
	stop(pid);
	expect("x", false, false, "", "a writer that is gone");
	pid = start(hold_reading);
	expect("x", false, false, "", "a reader");
	stop(pid);
	pid = start(hold_map);
	expect("x", true, false, "open for writing", "a writer by a map alone");
	stop(pid);
}

/* Where no lease is possible, as on another user's file, the visible processes count. */
static int without_lease(void)
{
	struct inuse u;
	int r;

	if ((geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0)) ||
		prctl(PR_SET_DUMPABLE, 1) < 0)
		return 1;
	expect("x", false, false, "", "another's file, nobody");
	r = start(hold_writing);
	ok(look("x", &u) == 0 && u.writers, "another's file, a writer");
	stop(r);
	return tap_failed ? 2 : 0;
}

static void test_without_lease(void)
{
	int status = -1, out;
	pid_t pid;

	chmod("x", 0666);
	chmod(".", 0755);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		out = open("/dev/null", O_WRONLY | O_CLOEXEC);
		dup2(out, STDOUT_FILENO); /* the checks of the child print there */
		out = without_lease();
		fflush(NULL);
		_exit(out);
	}
	waitpid(pid, &status, 0);
	is_int(status, 0, "another's file");
	chmod("x", 0600);
}

static void test_descriptors(void)
{
	struct inuse u;
	int fd = open("x", O_RDWR | O_CLOEXEC);

	ok(inuse_look(fd, NULL, &u) == 0 && !u.writers && !u.readers,
		"one's own descriptor for writing");
	inuse_fini(&u);
	close(fd);
	err_clear();
	ok(inuse_look(fd, NULL, &u) == -1 && err_status() != ST_OK, "no descriptor");
	inuse_fini(&u);
	err_clear();
	ok(inuse_refuse(fd) == -1 && err_status() != ST_OK, "no descriptor is refused");
	fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ok(inuse_look(fd, NULL, &u) == 0 && !u.writers && !u.readers && !u.mounted, "a directory");
	inuse_fini(&u);
	close(fd);
}

/* QEMU takes its locks when it starts; this waits for the locks. */
static bool await_qemu(void)
{
	const struct timespec pause_ms = { 0, 10000000 };
	int64_t end = io_now_ms() + PATIENCE_MS;
	struct inuse u;
	bool seen;

	do {
		seen = look("x", &u) == 0 && strstr(u.who, "QEMU");
		inuse_fini(&u);
		if (!seen)
			nanosleep(&pause_ms, NULL);
	} while (!seen && io_now_ms() < end);
	return seen;
}

static void test_qemu(void)
{
	FILE *q = popen("exec qemu-io -f raw x >>log 2>&1", "w");

	ok(q && await_qemu(), "QEMU: its locks are seen");
	expect("x", true, true, "locked by QEMU", "QEMU");
	pclose(q);
	expect("x", false, false, "", "QEMU that is gone");
	q = popen("exec qemu-io -r -f raw x >>log 2>&1", "w");
	ok(q && await_qemu(), "QEMU that reads: its locks are seen");
	expect("x", false, true, "locked by QEMU", "QEMU that reads");
	pclose(q);
}

static void copy_line(char *out, size_t size, const char *line)
{
	snprintf(out, size, "%s", line);
}

static void test_loop(void)
{
	char loop[100], want[200];
	struct inuse u;

	copy_line(loop, sizeof(loop), scratch_get(NULL, "losetup -f --show x 2>>log"));
	if (!ok(strncmp(loop, "/dev/loop", 9) == 0, "loop: attached"))
		return;
	snprintf(want, sizeof(want), "attached to %s", loop);
	expect("x", true, true, want, "loop");
	expect(loop, false, false, "", "loop: the device itself");
	scratch_run("losetup -d %s", loop);
	copy_line(loop, sizeof(loop), scratch_get(NULL, "losetup -r -f --show x 2>>log"));
	snprintf(want, sizeof(want), "attached to %s", loop);
	expect("x", false, true, want, "loop, read-only");
	ok(look("y", &u) == 0 && !u.readers, "loop: another file is not in use");
	inuse_fini(&u);
	scratch_run("losetup -d %s", loop);
	expect("x", false, false, "", "loop: detached");
}

static bool has_point(const struct inuse *u, const char *point)
{
	const char *p = (const char *)u->mountpoints.data, *end = p + u->mountpoints.len;

	for (; p && p < end; p += strlen(p) + 1)
		if (strcmp(p, point) == 0)
			return true;
	return false;
}

/* Mounted through a loop device, on a directory with a blank in its name. */
static void test_mounted(const char *options, bool writers)
{
	char loop[100], point[400], what[100];
	struct inuse u;

	snprintf(what, sizeof(what), "mounted %s", options);
	snprintf(point, sizeof(point), "%s/a mount", scratch_dir);
	if (!ok(scratch_run("mount -o loop,%s x 'a mount'", options) == 0, what))
		return;
	expect("x", writers, true, point, what);
	ok(look("x", &u) == 0 && u.mounted && has_point(&u, point), "mounted: where");
	inuse_fini(&u);
	copy_line(loop, sizeof(loop), scratch_get(NULL, "losetup -n -O NAME -j x"));
	expect(loop, writers, true, point, "mounted: the device");
	ok(look(loop, &u) == 0 && u.mounted && has_point(&u, point), "mounted: the device, where");
	inuse_fini(&u);
	is_int(scratch_run("umount 'a mount'"), 0, "unmounted");
	expect("x", false, false, "", "unmounted");
}

/* A partition of a loop device, if the kernel creates nodes for partitions. */
static void test_partition(void)
{
	char loop[100], point[400];
	struct inuse u;

	snprintf(point, sizeof(point), "%s/a mount", scratch_dir);
	is_int(scratch_run("truncate -s 32M disk && echo 2048, | sfdisk -q --label dos disk"), 0,
		"partition: made");
	copy_line(loop, sizeof(loop), scratch_get(NULL, "losetup -P -f --show disk 2>>log"));
	if (scratch_run("test -b %sp1", loop) != 0) {
		puts("# no nodes for partitions here");
	} else if (ok(scratch_run("mkfs.ext4 -q %sp1 && mount %sp1 'a mount'", loop, loop) == 0,
			   "partition: mounted")) {
		ok(look("disk", &u) == 0 && u.mounted && u.writers && has_point(&u, point),
			"partition: the file is mounted");
		inuse_fini(&u);
		expect(loop, true, true, point, "partition: the whole device");
		scratch_run("umount 'a mount'");
	}
	scratch_run("losetup -d %s", loop);
}

static void test_swap(void)
{
	is_int(scratch_run("head -c 1M /dev/zero >'s w' && chmod 600 's w' && mkswap 's w'"), 0,
		"swap: made");
	if (scratch_run("swapon 's w'") != 0) {
		puts("# no swap here");
		return;
	}
	expect("s w", true, true, "used as swap", "swap");
	is_int(scratch_run("swapoff 's w'"), 0, "swap: off");
	expect("s w", false, false, "", "swap: off");
}

static void test_as_root(void)
{
	if (geteuid() != 0 || access("/dev/loop-control", R_OK | W_OK) != 0) {
		puts("# no loop devices here: neither they nor mounts are tested");
		return;
	}
	test_loop();
	if (unshare(CLONE_NEWNS) < 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
		puts("# may not mount here");
		return;
	}
	is_int(scratch_run("mkdir 'a mount' && mkfs.ext4 -q -F x"), 0, "mounted: made");
	test_mounted("rw", true);
	test_mounted("ro", false);
	test_partition();
	test_swap();
}

int main(void)
{
	scratch_open();
	signal(SIGIO, SIG_IGN);
	is_int(scratch_run("truncate -s 16M x && truncate -s 16M y && chmod 600 x y"), 0, "made");
	test_processes();
	test_without_lease();
	test_descriptors();
	test_qemu();
	test_as_root();
	scratch_close(tap_failed);
	return tap_done();
}
