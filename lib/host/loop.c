/*
 * loop: see loop.h.  The control device only proposes a number, which another process may take
 * first.
 */
#include "lib/host/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/base/err.h"

#define TRIES 64
#define SECTOR 512

/* Where LOOP_CONFIGURE is missing, before Linux 5.8, there are two steps. */
static int configure_old(int loop, const struct loop_config *c)
{
	int sys;

	if (ioctl(loop, LOOP_SET_FD, (int)c->fd) < 0)
		return -1;
	if (ioctl(loop, LOOP_SET_STATUS64, &c->info) == 0)
		return 0;
	sys = errno;
	ioctl(loop, LOOP_CLR_FD, 0);
	errno = sys;
	return -1;
}

static int configure(int loop, const struct loop_config *c)
{
	if (ioctl(loop, LOOP_CONFIGURE, c) == 0)
		return 0;
	return errno == EINVAL || errno == ENOTTY ? configure_old(loop, c) : -1;
}

/* Its descriptor, or -1 with errno set; EBUSY: another process has taken the proposed one. */
static int take_free(int control, const struct loop_config *c, int flags)
{
	int number = ioctl(control, LOOP_CTL_GET_FREE), fd, sys;
	char path[32];

	if (number < 0)
		return -1;
	snprintf(path, sizeof(path), "/dev/loop%d", number);
	fd = open(path, flags);
	if (fd < 0)
		return -1;
	if (configure(fd, c) == 0)
		return fd;
	sys = errno;
	close(fd);
	errno = sys;
	return -1;
}

static int open_control(void)
{
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);

	return control < 0 ? err_sys("cannot open /dev/loop-control, for a loop device") : control;
}

int loop_check(void)
{
	int control = open_control();

	if (control < 0)
		return -1;
	close(control);
	return 0;
}

int loop_open(int fd, uint64_t off, uint64_t len, bool read_only)
{
	struct loop_config c = { .fd = (uint32_t)fd,
		.info = { .lo_offset = off,
			.lo_sizelimit = len,
			.lo_flags = LO_FLAGS_AUTOCLEAR | (read_only ? LO_FLAGS_READ_ONLY : 0) } };
	int flags = O_CLOEXEC | (read_only ? O_RDONLY : O_RDWR);
	int control, loop = -1, tries;

	if (off % SECTOR || len % SECTOR || len == 0)
		return err_set(ST_FAILED, "a loop device cannot have these limits");
	control = open_control();
	if (control < 0)
		return -1;
	for (tries = 0; tries < TRIES && loop < 0; tries++) {
		loop = take_free(control, &c, flags);
		if (loop < 0 && errno != EBUSY)
			break;
	}
	if (loop < 0)
		err_sys("cannot make a loop device");
	close(control);
	return loop;
}
