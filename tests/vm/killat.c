/*
 * For LD_PRELOAD into lvm: kills lvm just before its KILL_AT-th call that changes
 * something; without KILL_AT it appends each such call to the file KILL_LOG.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/aio_abi.h>
#include <linux/dm-ioctl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static void count(const char *what)
{
	const char *at = getenv("KILL_AT"), *log = getenv("KILL_LOG");
	static int n;
	FILE *f;

	n++;
	if (at && atoi(at) == n)
		raise(SIGKILL);
	f = at || !log ? NULL : fopen(log, "a");
	if (f) {
		fprintf(f, "%d %s\n", n, what);
		fclose(f);
	}
}

int ioctl(int fd, unsigned long request, ...)
{
	static int (*next)(int, unsigned long, ...);
	const struct dm_ioctl *dm;
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "ioctl");
	dm = arg;
	if (request == DM_DEV_CREATE)
		count("create");
	else if (request == DM_DEV_REMOVE)
		count("remove");
	else if (request == DM_TABLE_LOAD)
		count("load");
	else if (request == DM_TARGET_MSG)
		count("message");
	else if (request == DM_DEV_SUSPEND)
		count(dm->flags & DM_SUSPEND_FLAG ? "suspend" : "resume");
	return next(fd, request, arg);
}

int io_submit(aio_context_t context, long n, struct iocb *block[])
{
	static int (*next)(aio_context_t, long, struct iocb *[]);
	long i;

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "io_submit");
	for (i = 0; i < n; i++)
		if (block[i]->aio_lio_opcode == IOCB_CMD_PWRITE)
			count("write");
	return next(context, n, block);
}
