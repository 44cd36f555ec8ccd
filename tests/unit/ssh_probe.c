/*
 * ssh_probe: runs a command on a host through lib/ssh/ssh.h, for tests/bats/ssh.bats.
 *
 *	ssh_probe LOCATION COMMAND [-F FILE] [-i IDENTITY] [-t SECONDS] [-v]
 *	          [-c CHANNELS -o PREFIX] [-z BYTES] [-s] [-x]
 *
 * Standard input goes to the command, and its output to standard output.  -c runs
 * it on several channels at once; each gets all of standard input, which must be a
 * file, and writes to PREFIX.N.  -z sends zeros instead of standard input.  -s prints
 * the speed.  -x closes the connection when standard input has ended, as INT, TERM
 * and HUP do at any time.  The exit status is that of the command.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/location.h"
#include "lib/base/log.h"
#include "lib/ssh/ssh.h"

#define PIECE (256 << 10)
#define CHANNELS_MAX 16

static int done_fd; /* an eventfd that counts the copies that have ended */

struct copy {
	int from, to;
	bool ends;	/* shut down to for writing at the end */
	uint64_t zeros; /* to send, if from is -1 */
	uint64_t bytes;
	pthread_t thread;
};

static void *copy_all(void *arg)
{
	struct copy *c = arg;
	char *piece = calloc(1, PIECE);
	ssize_t n;

	for (;;) {
		if (c->from >= 0)
			n = read(c->from, piece, PIECE);
		else
			n = c->zeros - c->bytes < PIECE ? (ssize_t)(c->zeros - c->bytes) : PIECE;
		if (n < 0 && errno == EINTR && !cancel_is_set())
			continue;
		if (n <= 0 || io_write(c->to, piece, (size_t)n) < 0)
			break;
		c->bytes += (uint64_t)n;
	}
	if (c->ends)
		shutdown(c->to, SHUT_WR);
	free(piece);
	eventfd_write(done_fd, 1);
	return NULL;
}

static int report_error(void)
{
	log_error("%s", err_text());
	cancel_die();
	return (int)err_status();
}

static int open_output(const char *prefix, int i)
{
	char name[4096];

	if (!prefix)
		return STDOUT_FILENO;
	snprintf(name, sizeof(name), "%s.%d", prefix, i);
	return open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

/* Waits for count copies to end.  0, or -1 on cancel. */
static int wait_for(int count)
{
	struct pollfd p[2] = { { .fd = done_fd, .events = POLLIN },
		{ .fd = cancel_fd(), .events = POLLIN } };
	eventfd_t one;

	while (count > 0) {
		if (cancel_is_set())
			return -1;
		if (poll(p, 2, -1) > 0 && p[0].revents && eventfd_read(done_fd, &one) == 0)
			count--;
	}
	return 0;
}

struct job {
	const char *command, *prefix;
	int channels;
	uint64_t zeros;
	bool speed, close_early;
};

static void print_speed(const struct copy *up, const struct copy *down, int channels, int64_t start)
{
	double seconds = (double)(io_now_ms() - start) / 1000;
	uint64_t sent = 0, got = 0;
	int i;

	for (i = 0; i < channels; i++) {
		sent += up[i].bytes;
		got += down[i].bytes;
	}
	fprintf(stderr, "up %.0f MB/s, down %.0f MB/s\n", (double)sent / 1e6 / seconds,
		(double)got / 1e6 / seconds);
}

/* Runs the command on all channels.  Its exit status, or -1 if that is unknown. */
static int run_command(struct ssh *s, const struct job *j)
{
	static struct copy up[CHANNELS_MAX], down[CHANNELS_MAX];
	int64_t start;
	int i, fd;
	bool is_early;

	for (i = 0; i < j->channels; i++) {
		fd = ssh_exec(s, j->command);
		if (fd < 0)
			return report_error();
		up[i] = (struct copy){ .to = fd, .from = -1, .zeros = j->zeros, .ends = true };
		if (!j->zeros)
			up[i].from = j->prefix ? open("/proc/self/fd/0", O_RDONLY) : STDIN_FILENO;
		down[i] = (struct copy){ .from = fd, .to = open_output(j->prefix, i) };
	}
	start = io_now_ms();
	for (i = 0; i < j->channels; i++) {
		pthread_create(&up[i].thread, NULL, copy_all, &up[i]);
		pthread_create(&down[i].thread, NULL, copy_all, &down[i]);
	}
	is_early = wait_for(j->close_early ? 1 : 2 * j->channels) < 0 || j->close_early;
	for (i = 0; i < j->channels; i++) {
		if (is_early)
			shutdown(up[i].to, SHUT_RDWR);
		if (is_early && !j->close_early) /* it may wait for standard input */
			pthread_detach(up[i].thread);
		else
			pthread_join(up[i].thread, NULL);
		pthread_join(down[i].thread, NULL);
		close(up[i].to);
	}
	if (j->speed)
		print_speed(up, down, j->channels, start);
	return is_early ? 0 : ssh_exit_status(s);
}

static int parse_options(int argc, char **argv, struct ssh_options *opt, struct job *j)
{
	int c;

	while ((c = getopt(argc, argv, "F:i:t:c:o:z:svx")) != -1) {
		if (c == 'F')
			opt->config_file = optarg;
		else if (c == 'i')
			opt->identity = optarg;
		else if (c == 't')
			opt->timeout_s = atoi(optarg);
		else if (c == 'c')
			j->channels = atoi(optarg);
		else if (c == 'o')
			j->prefix = optarg;
		else if (c == 'z')
			j->zeros = strtoull(optarg, NULL, 10);
		else if (c == 's')
			j->speed = true;
		else if (c == 'x')
			j->close_early = true;
		else if (c == 'v')
			log_set_level(LOG_LEVEL_DEBUG);
		else
			return -1;
	}
	return argc - optind == 2 && j->channels > 0 && j->channels <= CHANNELS_MAX ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct ssh_options opt = { .timeout_s = 0 };
	struct ssh_failure why = { .may_retry = false };
	struct job job = { .channels = 1 };
	struct location loc;
	char *errors;
	struct ssh *s;
	int status;

	io_std_open();
	log_init("ssh_probe");
	done_fd = eventfd(0, EFD_SEMAPHORE | EFD_CLOEXEC);
	if (parse_options(argc, argv, &opt, &job) < 0 || done_fd < 0)
		return ST_USAGE;
	if (cancel_init() < 0 || location_parse(&loc, argv[optind]) < 0)
		return report_error();
	cancel_on_signals();
	s = ssh_open(&loc, &opt, &why);
	location_fini(&loc);
	if (!s)
		return report_error();
	job.command = argv[optind + 1];
	status = run_command(s, &job);
	errors = ssh_stderr(s);
	if (errors && *errors)
		fprintf(stderr, "stderr: %s\n", errors);
	free(errors);
	if (*ssh_lost_why(s)) {
		log_error("connection lost: %s", ssh_lost_why(s));
		status = ST_PEER;
	}
	ssh_close(s);
	cancel_die();
	return status < 0 ? 255 : status;
}
