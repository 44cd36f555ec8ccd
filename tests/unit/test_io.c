/* Complete reads and writes: pipes, files, non-blocking ends, standard descriptors. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "tests/unit/tap.h"

#define BIG (1u << 20) /* more than a pipe holds */

static uint8_t big[BIG], copy[BIG];

static void *write_big(void *arg)
{
	const int *fd = arg;
	int rc = io_write(*fd, big, BIG);

	close(*fd);
	return rc == 0 ? arg : NULL;
}

static void test_pipe(int nonblock)
{
	void *wrote = NULL;
	pthread_t t;
	size_t i;
	int p[2];

	for (i = 0; i < BIG; i++)
		big[i] = (uint8_t)(i * 7 + i / 251);
	memset(copy, 0, BIG);
	if (pipe(p) < 0 || io_set_nonblock(p[0], nonblock) || io_set_nonblock(p[1], nonblock)) {
		ok(0, "a pipe");
		return;
	}
	pthread_create(&t, NULL, write_big, &p[1]);
	is_int(io_read(p[0], copy, BIG), BIG, "all bytes come over a pipe");
	ok(memcmp(big, copy, BIG) == 0, "as they were");
	pthread_join(t, &wrote);
	ok(wrote != NULL, "the writer wrote all");
	is_int(io_read(p[0], copy, 1), 0, "the end reads as 0");
	close(p[0]);
}

static void test_file(void)
{
	char name[] = "/tmp/test_io.XXXXXX";
	int fd = mkstemp(name);

	unlink(name);
	is_int(io_pwrite(fd, "hello", 5, 1000), 0, "a write at an offset");
	is_int(io_pread(fd, copy, 100, 1000), 5, "a read stops at the end");
	ok(memcmp(copy, "hello", 5) == 0, "as written");
	is_int(io_pread(fd, copy, 100, 5000), 0, "no bytes after the end");
	is_int(io_pread_within(fd, 1005, copy, 5, 1000), 1, "a read within an image");
	is_int(io_pread_within(fd, 1004, copy, 5, 1000), 0, "one beyond its length");
	is_int(io_pread_within(fd, 2000, copy, 5, 1001), 0, "one beyond the end of the file");
	is_int(io_pread_within(fd, 1005, copy, SIZE_MAX, 1000), 0, "one of too many bytes");
	is_int(io_pread_within(fd, 1005, copy, 5, UINT64_MAX), 0, "one at an impossible offset");
	is_int(io_pread_within(-1, 1005, copy, 5, 1000), -1, "one that fails");
	ok(strstr(err_text(), "cannot read at 1000: "), err_text());
	errno = 0;
	is_int(io_pread(fd, copy, 1, UINT64_MAX), -1, "an offset that is none");
	is_int(errno, EOVERFLOW, "says so");
	is_int(io_pwrite(fd, copy, 2, INT64_MAX - 1), -1, "nor one that becomes none");
	is_int(io_set_cloexec(fd), 0, "close-on-exec");
	ok(fcntl(fd, F_GETFD) & FD_CLOEXEC, "is set");
	is_int(io_set_nonblock(fd, 1), 0, "non-blocking");
	ok(fcntl(fd, F_GETFL) & O_NONBLOCK, "is set");
	is_int(io_set_nonblock(fd, 0), 0, "blocking");
	ok(!(fcntl(fd, F_GETFL) & O_NONBLOCK), "is set");
	close(fd);
}

static void test_failure(void)
{
	int p[2];

	errno = 0;
	is_int(io_read(-1, copy, 1), -1, "no descriptor to read");
	is_int(errno, EBADF, "says so");
	is_int(io_write(-1, "x", 1), -1, "none to write");
	is_int(io_set_cloexec(-1), -1, "none to set a flag of");
	is_int(io_set_nonblock(-1, 1), -1, "nor the other");
	signal(SIGPIPE, SIG_IGN);
	if (pipe(p) < 0)
		return;
	close(p[0]);
	is_int(io_write(p[1], "x", 1), -1, "a pipe without a reader");
	is_int(errno, EPIPE, "says so");
	close(p[1]);
	p[0] = open("/dev/full", O_WRONLY);
	is_int(io_write(p[0], "x", 1), -1, "a full disk");
	is_int(errno, ENOSPC, "says so");
	close(p[0]);
}

static void test_lock(void)
{
	char path[] = "/tmp/test_io.XXXXXX";
	int one, two;

	close(mkstemp(path));
	unlink(path);
	one = io_lock_file(path);
	ok(one >= 0, "a file is made and locked");
	is_int(io_lock_file(path), -1, "by one only");
	is_int(errno, EWOULDBLOCK, "says so");
	unlink(path);
	two = io_lock_file(path);
	ok(two >= 0, "one that was removed is another");
	close(one);
	close(two);
	two = io_lock_file(path);
	ok(two >= 0, "it ends with its descriptor");
	close(two);
	unlink(path);
	if (symlink("/dev/null", path) == 0)
		is_int(io_lock_file(path), -1, "a link is not followed");
	unlink(path);
}

/* Runs in a process of its own.  0 if the descriptors were opened correctly. */
static int std_closed(void)
{
	char c;
	int fd;

	for (fd = 0; fd <= 2; fd++)
		close(fd);
	io_std_open();
	if (open("/dev/null", O_RDWR) <= 2)
		return 1;
	if (read(0, &c, 1) != -1 || errno != EBADF)
		return 2;
	if (write(1, "x", 1) != -1 || errno != EBADF || write(2, "x", 1) != -1)
		return 3;
	return 0;
}

static void test_std(void)
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(std_closed());
	waitpid(pid, &status, 0);
	is_int(status, 0, "closed standard descriptors are filled and fail");
	io_std_open();
	ok(isatty(1) || fcntl(1, F_GETFD) >= 0, "open ones stay");
}

/* A directory that may be written, but not read, is synced by way of a file in it. */
static void test_sync_dir(void)
{
	char path[] = "/tmp/test_io.XXXXXX";
	int dir, file, rc;

	ok(mkdtemp(path) != NULL, "a directory");
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	file = openat(dir, "file", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	is_int(io_sync_dir(dir, -1), 0, "it is synced");
	chmod(path, 0300);
	if (geteuid() == 0 && (chown(path, 65534, 65534) < 0 || seteuid(65534) < 0))
		ok(false, "another user");
	is_int(openat(dir, ".", O_RDONLY | O_CLOEXEC), -1, "it may not be read");
	is_int(io_sync_dir(dir, file), 0, "it is synced by a file");
	is_int(io_sync_dir(dir, -1), 0, "without one, nothing is done");
	rc = io_sync_dir(dir, dir);
	ok(rc == -1 && errno == EBADF, "a file that cannot be synced is a failure");
	if (getuid() == 0 && seteuid(0) < 0)
		ok(false, "root again");
	unlinkat(dir, "file", 0);
	rmdir(path);
	close(file);
	close(dir);
}

int main(void)
{
	int64_t t = io_now_ms();

	test_pipe(0);
	test_pipe(1);
	test_file();
	test_failure();
	test_lock();
	test_sync_dir();
	test_std();
	ok(t > 0 && io_now_ms() >= t, "the clock runs forward");
	return tap_done();
}
