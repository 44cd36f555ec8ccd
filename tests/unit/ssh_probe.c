/*
 * ssh_probe: a command on a host by lib/peer/ssh.h, for tests/bats/ssh.bats.
 *
 *	ssh_probe LOCATION COMMAND [-F FILE] [-i IDENTITY] [-t SECONDS] [-v]
 *	          [-c CHANNELS -o PREFIX] [-z BYTES] [-s] [-x]
 *
 * Standard input goes to the command, its output to standard output; -c runs
 * it on several channels at once, each with the whole of standard input (a
 * file) and output to PREFIX.N.  -z sends zeros instead of standard input, -s
 * prints the speed, -x closes the connection when standard input has ended.
 * Ends with the command's exit status.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/location.h"
#include "lib/base/log.h"
#include "lib/peer/ssh.h"

#define PIECE (256 << 10)
#define CHANNELS_MAX 16

struct copy {
	int from, to;
	bool ends;	/* shut to down for writing at the end */
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
	return NULL;
}

static int fail(void)
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

static int run(struct ssh *s, const char *command, int channels, const char *prefix, uint64_t zeros,
	bool speed, bool leave)
{
	struct copy up[CHANNELS_MAX], down[CHANNELS_MAX];
	uint64_t sent = 0, got = 0;
	double seconds;
	int64_t start;
	int i, fd, status;

	for (i = 0; i < channels; i++) {
		fd = ssh_exec(s, command);
		if (fd < 0)
			return fail();
		up[i] = (struct copy){ .to = fd, .from = -1, .zeros = zeros, .ends = true };
		if (!zeros)
			up[i].from = prefix ? open("/proc/self/fd/0", O_RDONLY) : STDIN_FILENO;
		down[i] = (struct copy){ .from = fd, .to = open_output(prefix, i) };
	}
	start = io_now_ms();
	for (i = 0; i < channels; i++) {
		pthread_create(&up[i].thread, NULL, copy_all, &up[i]);
		pthread_create(&down[i].thread, NULL, copy_all, &down[i]);
	}
	for (i = 0; i < channels; i++) {
		pthread_join(up[i].thread, NULL);
		if (leave) {
			close(up[i].to);
			ssh_close(s);
			_exit(0);
		}
		pthread_join(down[i].thread, NULL);
		sent += up[i].bytes;
		got += down[i].bytes;
	}
	seconds = (double)(io_now_ms() - start) / 1000;
	if (speed)
		fprintf(stderr, "up %.0f MB/s, down %.0f MB/s\n", (double)sent / 1e6 / seconds,
			(double)got / 1e6 / seconds);
	status = ssh_exit_status(s);
	for (i = 0; i < channels; i++)
		close(up[i].to);
	return status;
}

int main(int argc, char **argv)
{
	struct ssh_options opt = { NULL, NULL, 0 };
	struct location loc;
	const char *prefix = NULL;
	bool speed = false, leave = false;
	int c, status, channels = 1;
	uint64_t zeros = 0;
	char *errors;
	struct ssh *s;

	io_std_open();
	log_init("ssh_probe");
	while ((c = getopt(argc, argv, "F:i:t:c:o:z:svx")) != -1) {
		if (c == 'F')
			opt.config_file = optarg;
		else if (c == 'i')
			opt.identity = optarg;
		else if (c == 't')
			opt.timeout_s = atoi(optarg);
		else if (c == 'c')
			channels = atoi(optarg);
		else if (c == 'o')
			prefix = optarg;
		else if (c == 'z')
			zeros = strtoull(optarg, NULL, 10);
		else if (c == 's')
			speed = true;
		else if (c == 'x')
			leave = true;
		else if (c == 'v')
			log_set_level(LOG_LEVEL_DEBUG);
		else
			return ST_USAGE;
	}
	if (argc - optind != 2 || channels < 1 || channels > CHANNELS_MAX)
		return ST_USAGE;
	if (cancel_init() < 0 || location_parse(&loc, argv[optind]) < 0)
		return fail();
	cancel_on_signals();
	s = ssh_open(&loc, &opt);
	location_fini(&loc);
	if (!s)
		return fail();
	status = run(s, argv[optind + 1], channels, prefix, zeros, speed, leave);
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
