/*
 * start_local: starts the helper of this build as a child.  Its channel is
 * descriptor 3, so that it has the user's standard input and output for "-".
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/child.h"
#include "lib/base/err.h"
#include "lib/peer/bootstrap.h"
#include "lib/peer/start.h"

#define READY_MS 30000

int start_local(struct started *s, const struct peer_options *opt)
{
	const struct bootstrap_limits limits = { .answer_ms = READY_MS };
	enum bootstrap_end end;
	char arch[BOOTSTRAP_ARCH_MAX], *path = NULL;
	const char *argv[8] = { NULL, "--serve", "--on-fd", "3", NULL };
	int pair[2] = { -1, -1 }, r = -1;

	path = helper_file_path(NULL);
	if (!path)
		return -1;
	argv[0] = path;
	if (opt->config) {
		argv[4] = "--config";
		argv[5] = opt->config;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		err_sys("cannot create a socket");
		goto out;
	}
	s->pid = child_start(argv, -1, -1, pair[1]);
	close(pair[1]);
	s->fd = pair[0];
	if (s->pid < 0)
		goto out;
	end = bootstrap_run(s->fd, NULL, &limits, arch);
	if (end == BOOTSTRAP_ARCH)
		err_set(ST_PEER, "cannot start the helper: '%s' is not a helper", path);
	r = end == BOOTSTRAP_READY ? 0 : -1;
out:
	free(path);
	return r;
}
