/*
 * O_NONBLOCK belongs to the open file, and a terminal or pipe is shared with other
 * processes; so another process may have set it.  Then poll() does the waiting.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"

/* Whether to repeat a failed call; waits until fd is ready if errno is EAGAIN. */
static int wait_to_retry(int fd, short events)
{
	struct pollfd p = { .fd = fd, .events = events };

	if (errno == EINTR)
		return 1;
	if (errno != EAGAIN)
		return 0;
	return poll(&p, 1, -1) >= 0 || errno == EINTR;
}

/* Whether n bytes at off are within the range of a file offset; else sets errno. */
static int is_valid_range(size_t n, uint64_t off)
{
	if (n <= INT64_MAX && off <= INT64_MAX - n)
		return 1;
	errno = EOVERFLOW;
	return 0;
}

ssize_t io_read(int fd, void *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t r = read(fd, (char *)p + done, n - done);

		if (r == 0)
			break;
		if (r > 0)
			done += (size_t)r;
		else if (!wait_to_retry(fd, POLLIN))
			return -1;
	}
	return (ssize_t)done;
}

ssize_t io_pread(int fd, void *p, size_t n, uint64_t off)
{
	size_t done = 0;

	if (!is_valid_range(n, off))
		return -1;
	while (done < n) {
		ssize_t r = pread(fd, (char *)p + done, n - done, (off_t)(off + done));

		if (r == 0)
			break;
		if (r > 0)
			done += (size_t)r;
		else if (!wait_to_retry(fd, POLLIN))
			return -1;
	}
	return (ssize_t)done;
}

int io_pread_within(int fd, uint64_t len, void *p, size_t n, uint64_t off)
{
	ssize_t got;

	if (off > len || n > len - off)
		return 0;
	got = io_pread(fd, p, n, off);
	if (got < 0)
		return err_sys("cannot read at %llu", (unsigned long long)off);
	return (size_t)got == n;
}

int io_write(int fd, const void *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t r = write(fd, (const char *)p + done, n - done);

		if (r == 0)
			errno = EIO;
		if (r > 0)
			done += (size_t)r;
		else if (!wait_to_retry(fd, POLLOUT))
			return -1;
	}
	return 0;
}

int io_pwrite(int fd, const void *p, size_t n, uint64_t off)
{
	size_t done = 0;

	if (!is_valid_range(n, off))
		return -1;
	while (done < n) {
		ssize_t r = pwrite(fd, (const char *)p + done, n - done, (off_t)(off + done));

		if (r == 0)
			errno = EIO;
		if (r > 0)
			done += (size_t)r;
		else if (!wait_to_retry(fd, POLLOUT))
			return -1;
	}
	return 0;
}

void io_std_open(void)
{
	int fd;

	for (fd = 0; fd <= 2; fd++) {
		int got;

		if (fcntl(fd, F_GETFD) >= 0)
			continue;
		got = open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
		if (got < 0) /* without /dev: reading and writing this fails as well */
			got = open("/", O_PATH);
		if (got != fd)
			_exit(1);
	}
}

int io_read_line(const char *path, char *out, size_t size)
{
	FILE *f = fopen(path, "re");
	int ok = f && fgets(out, (int)size, f);

	if (f)
		fclose(f);
	out[ok ? strcspn(out, "\n") : 0] = '\0';
	return ok ? 0 : -1;
}

char *io_path_dup(int fd)
{
	char link[64], path[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path));
	if (n < 0 || (size_t)n == sizeof(path)) {
		errno = n < 0 ? errno : ENAMETOOLONG;
		return NULL;
	}
	return strndup(path, (size_t)n);
}

int io_set_cloexec(int fd)
{
	int flags = fcntl(fd, F_GETFD);

	if (flags < 0)
		return -1;
	return fcntl(fd, F_SETFD, flags | FD_CLOEXEC) < 0 ? -1 : 0;
}

int io_lock_file(const char *path)
{
	struct stat held, named;
	int fd, saved;

	for (;;) {
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0)
			return -1;
		if (flock(fd, LOCK_EX | LOCK_NB) < 0)
			break;
		if (fstat(fd, &held) == 0 && stat(path, &named) == 0 &&
			held.st_ino == named.st_ino && held.st_dev == named.st_dev)
			return fd;
		close(fd);
	}
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

int io_set_nonblock(int fd, int on)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -1;
	flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	return fcntl(fd, F_SETFL, flags) < 0 ? -1 : 0;
}

void io_widen_pipe(int fd)
{
	int sys = errno;

	if (fcntl(fd, F_SETPIPE_SZ, IO_PIPE) < 0)
		errno = sys;
}

int64_t io_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int io_sync_dir(int dir, int file)
{
	int r, keep, fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == EACCES) /* it may be written, but not read */
		return file < 0 ? 0 : syncfs(file);
	if (fd < 0)
		return -1;
	r = fsync(fd);
	keep = errno;
	close(fd);
	errno = keep;
	return r < 0 && errno == EINVAL ? 0 : r; /* the filesystem cannot sync directories */
}
