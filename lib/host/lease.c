/*
 * lease: see lease.h.
 */
#include "lib/host/lease.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/vfs.h>

#include "lib/base/err.h"

#define CIFS_MAGIC 0xff534d42 /* not in every <linux/magic.h> */
#define SMB2_MAGIC 0xfe534d42

/* The kernel names the descriptor; giving its lease back lets the other program go on. */
static void give_back(int sig, siginfo_t *info, void *context)
{
	int keep = errno;

	(void)sig;
	(void)context;
	fcntl(info->si_fd, F_SETLEASE, F_UNLCK);
	errno = keep;
}

static void install_handler(void)
{
	struct sigaction sa;

	memset(&sa, 0, sizeof(sa));
	sa.sa_sigaction = give_back;
	sa.sa_flags = SA_SIGINFO | SA_RESTART;
	sigaction(LEASE_SIGNAL, &sa, NULL);
}

/* NFS and SMB refuse a lease also to whoever has no delegation of the file. */
bool lease_tells(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) < 0 ||
	       ((uint32_t)fs.f_type != NFS_SUPER_MAGIC && (uint32_t)fs.f_type != CIFS_MAGIC &&
		       (uint32_t)fs.f_type != SMB2_MAGIC);
}

int lease_hold(int fd)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, install_handler);
	if (fcntl(fd, F_SETSIG, LEASE_SIGNAL) == 0 && fcntl(fd, F_SETLEASE, F_RDLCK) == 0)
		return 1;
	if (errno == EAGAIN && lease_tells(fd))
		return err_set(ST_BUSY, "in use: open for writing");
	return 0;
}

bool lease_is_kept(int fd)
{
	return fcntl(fd, F_GETLEASE) == F_RDLCK;
}
