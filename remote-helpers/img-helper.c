/*
 * img-helper: does the work of all img-tools on the host that has the image.  A
 * command starts it, on this host or through SSH; it is not meant to be run by hand.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/pathname.h"
#include "lib/block/digest.h"
#include "lib/host/guest_pauser.h"
#include "lib/op/schema.h"
#include "lib/op/server.h"
#include "lib/wire/wire.h"

#define SELF_MAX (16u << 20)
#define DESCRIPTORS 4096

/* The file of this program, also where /proc is not mounted. */
static int open_self(void)
{
	const char *started_as = (const char *)getauxval(AT_EXECFN);
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	return fd < 0 && started_as ? open(started_as, O_RDONLY | O_CLOEXEC) : fd;
}

/* Whether the running program file has the content that its sender named. */
static int self_check(const char *hex)
{
	struct hash want, have;
	uint8_t *bytes = malloc(SELF_MAX);
	int fd = open_self();
	ssize_t n = bytes && fd >= 0 ? io_read(fd, bytes, SELF_MAX) : -1;
	int status = ST_FAILED;

	if (n >= 0 && hash_from_hex(&want, hex) == 0) {
		hash_bytes(&have, bytes, (size_t)n);
		status = hash_equal(&want, &have) ? ST_OK : ST_CORRUPT;
	}
	if (fd >= 0)
		close(fd);
	free(bytes);
	return status;
}

/* Each layer of a chain takes several descriptors, and a chain may have 200 layers. */
static void allow_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= DESCRIPTORS)
		return;
	limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int usage(void)
{
	fprintf(stderr, "usage: img-helper --serve [--local] [--on-fd N] [--cwd DIRECTORY] "
			"[--config FILE]\n"
			"       img-helper --protocol | --version | --self-check HASH\n");
	return ST_USAGE;
}

static int serve(char **arg)
{
	struct server_options opt = {
		.in = STDIN_FILENO, .out = STDOUT_FILENO, .rights = RIGHT_ALL
	};
	int null;

	for (; arg[0]; arg += 2) {
		if (strcmp(arg[0], "--local") == 0) {
			opt.is_local = true;
			arg--; /* it has no value */
		} else if (!arg[1]) {
			return usage();
		} else if (strcmp(arg[0], "--on-fd") == 0) {
			opt.in = opt.out = atoi(arg[1]);
			opt.has_stdio = opt.is_local = true;
		} else if (strcmp(arg[0], "--cwd") == 0) {
			pathname_enter(arg[1]);
		} else if (strcmp(arg[0], "--config") == 0) {
			opt.user_config = arg[1];
		} else {
			return usage();
		}
	}
	if (opt.has_stdio) {
		if (io_set_cloexec(opt.in) < 0)
			return usage();
	} else {
		/* Nothing else must write into the channel by accident. */
		opt.in = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
		opt.out = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
		null = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (opt.in < 0 || opt.out < 0 || null < 0 || dup2(null, STDIN_FILENO) < 0 ||
			dup2(null, STDOUT_FILENO) < 0)
			return ST_FAILED;
		close(null);
	}
	/* SIGIO: another process may break a lease while it is tested (inuse.c). */
	signal(SIGIO, SIG_IGN);
	/* SIGXFSZ: a limit on the size of files is an error like a full disk. */
	signal(SIGXFSZ, SIG_IGN);
	cancel_on_signals();
	allow_descriptors();
	return server_run(&opt);
}

int main(int argc, char **argv)
{
	io_std_open();
	if (cancel_init() < 0)
		return ST_FAILED;
	if (argc >= 2 && strcmp(argv[1], "--serve") == 0)
		return serve(argv + 2);
	if (argc >= 3 && strcmp(argv[1], "--guest") == 0) /* only started by another helper */
		return guest_pauser_run(argv + 2);
	if (argc == 2 && strcmp(argv[1], "--protocol") == 0)
		return printf("%d\n", WIRE_PROTOCOL) < 0;
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return printf("img-helper %s\n", VERSION) < 0;
	if (argc == 3 && strcmp(argv[1], "--self-check") == 0)
		return self_check(argv[2]);
	return usage();
}
