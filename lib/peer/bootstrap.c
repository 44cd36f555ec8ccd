/*
 * bootstrap: the script, and the client's side of the dialogue with it.
 *
 * The login shell may be any: it gets `sh -c '...'`, and within the quotes there
 * is nothing that sh, csh and fish read differently, that is, no ', \, !, or
 * newline.  The script enters a directory first and then checks ".", so that it
 * uses the directory that it checked even if something is renamed meanwhile.
 */
#include "lib/peer/bootstrap.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "lib/base/deadline.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/text.h"
#include "lib/wire/wire.h"

#define LINE_MAX_LEN 512
#define OPTION_MAX 4200
#define SAID_MAX 256
#define SENDS_MAX 8 /* more than there are directories in the script */

/*
 * h: hash, n: size, m: arch, v: protocol, u: user ID, o: the directory of the
 * start.  ok() runs the file only if its size is right, so not a part of a
 * program.  A shell may take a file of zeros for a script that succeeds, so ok()
 * also compares what the program prints.
 */
#define SCRIPT_HEAD                                                                                \
	"h=%s; n=%zu; m=%s; v=%d; o=$PWD; u=$(id -u); umask 077; "                                 \
	"ok() { [ $(wc -c <$1) -eq $n ] && [ x$($1 --protocol 2>/dev/null) = x$v ] && "            \
	"$1 --self-check $h 2>/dev/null; }; "

/* An installed helper of the same protocol; under sudo only if root alone can write to it. */
#define SCRIPT_INSTALLED                                                                           \
	"for d in /usr/libexec /usr/local/libexec; do "                                            \
	"f=$d/img-tools/img-helper-$(uname -m); [ -x $f ] || continue; %s"                         \
	"[ x$($f --protocol 2>/dev/null) = x$v ] && exec $f --serve $c; "                          \
	"done; "
/* Continues with the next unless root alone can write to $f and all directories above it. */
#define SCRIPT_ROOTS_ALONE                                                                         \
	"f=$(readlink -f \"$f\"); p=$f; set -- $(ls -ln \"$f\" 2>/dev/null); "                     \
	"case $1.$3 in -[r-][w-]x[r-]-[x-][r-]-[x-]*.0) ;; *) continue ;; esac; "                  \
	"while [ \"$p\" ]; do p=${p%/*}; set -- $(ls -ldn \"$p/\" 2>/dev/null); "                  \
	"case $1.$3 in d[r-][w-]x[r-]-[xs-][r-]-[x-]*.0) ;; *) continue 2 ;; esac; done; "

#define SCRIPT_ARCH                                                                                \
	"[ $(uname -m) = $m ] || { echo; echo \"" WIRE_LINE "$v arch $(uname -m)\"; exit 1; }; "

/* Where a copy may be: directories of the user, or of root. */
#define DIRS_USER                                                                                  \
	"\"${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/img-tools\" /var/tmp/img-tools-$u "     \
	"/tmp/img-tools-$u /dev/shm/img-tools-$u /run/user/$u/img-tools"
#define DIRS_ROOT "/var/lib/img-tools /root/.cache/img-tools"

/*
 * Enters $d if it is a private directory of this user and not a link, because
 * somebody else's link may lead to another private directory of this user.
 */
#define SCRIPT_ENTER                                                                               \
	"cd -P \"$d\" 2>/dev/null || continue; p=$(pwd -P); q=$(cd -P \"${d%%/*}\" && pwd -P); "   \
	"[ \"x$p\" = \"x${q%%/}/${d##*/}\" ] || continue; set -- $(ls -ldn .); "                   \
	"case $1.$3 in drwx------.$u|drwx------..$u) ;; *) continue ;; esac; "

#define SCRIPT_EXEC "exec ./img-helper-$h --serve --cwd \"$o\" $c; "

#define SCRIPT_CACHED                                                                              \
	"for d in %s; do " SCRIPT_ENTER                                                            \
	"[ -f img-helper-$h ] && ok ./img-helper-$h && " SCRIPT_EXEC "done; "

/*
 * If the disk is full, the rest of the helper is still read, so that the next
 * directory gets the helper from its first byte.  The file gets its name only
 * after the check, because other jobs may use a file of that name.  A lost link is noticed in
 * the next directory's round: SIGPIPE must not end the shell there before its file is removed.
 */
#define SCRIPT_SENT                                                                                \
	"for d in %s; do mkdir -p \"$d\" 2>/dev/null; " SCRIPT_ENTER                               \
	"t=.img-helper-$h.$$; rm -f $t; (set -C; : >$t) 2>/dev/null || continue; "                 \
	"trap \"\" 13; echo; echo \"" WIRE_LINE "$v send\" || { rm -f $t; exit 1; }; trap - 13; "  \
	"head -c $n | { cat >>$t 2>/dev/null || cat >/dev/null; }; "                               \
	"chmod 700 $t && ok ./$t && mv -f $t img-helper-$h && " SCRIPT_EXEC "rm -f $t; done; "     \
	"echo; echo \"" WIRE_LINE                                                                  \
	"$v fail no directory with free space where programs may run, among: \"%s"

/* Explains is_plain(). */
#define PLAIN "an absolute path without blanks, line breaks and the characters ' \" \\ ! $ * ? [ `"

static bool is_plain(const char *path)
{
	return path[0] == '/' && !strpbrk(path, "'\\!\n\r\t \"`$*?[") &&
	       text_is_utf8(path, strlen(path));
}

/* The script for a given helper.  It uses no sudo but for the helper itself. */
static void add_given(struct buf *b, const struct bootstrap_way *way, const char *option)
{
	buf_addf(b, "sh -c '%sf=\"%s\"; ", option, way->path);
	if (!way->as_root) {
		buf_addf(b, "exec \"$f\" --serve $c'");
		return;
	}
	buf_addf(b,
		"for i in 1; do %sexec sudo -n \"$f\" --serve $c; done; echo; "
		"echo \"" WIRE_LINE "%d fail %s does not exist, or others than root can write to "
		"it\"'",
		SCRIPT_ROOTS_ALONE, WIRE_PROTOCOL, way->path);
}

int bootstrap_check(const struct bootstrap_way *way)
{
	if (way->config && !is_plain(way->config))
		return err_set(ST_USAGE, "with --sudo, --config takes " PLAIN);
	if (way->path && !is_plain(way->path))
		return err_set(ST_USAGE, "--helper takes " PLAIN);
	return 0;
}

char *bootstrap_command(const struct helper_file *h, const struct bootstrap_way *way)
{
	const char *dirs = way->as_root ? DIRS_ROOT : DIRS_USER;
	char option[OPTION_MAX];
	struct buf b = BUF_INIT;

	if (bootstrap_check(way) < 0)
		return NULL;
	snprintf(option, sizeof(option), "c=\"%s%s%s\"; ", way->is_local ? "--local " : "",
		way->config ? "--config " : "", way->config ? way->config : "");
	if (way->path) {
		add_given(&b, way, option);
	} else {
		buf_addf(&b, "%ssh -c '%s" SCRIPT_HEAD, way->as_root ? "sudo -n " : "", option,
			h->hash, h->size, h->arch, WIRE_PROTOCOL);
		buf_addf(&b, SCRIPT_INSTALLED, way->as_root ? SCRIPT_ROOTS_ALONE : "");
		buf_addf(&b, SCRIPT_ARCH SCRIPT_CACHED, dirs);
		buf_addf(&b, SCRIPT_SENT "'", dirs, dirs);
	}
	if (buf_failed(&b) < 0) {
		buf_fini(&b);
		return NULL;
	}
	buf_u8(&b, '\0');
	return (char *)b.data;
}

struct dialogue {
	int fd;
	const struct helper_file *h;
	struct bootstrap_limits limits;
	struct deadline deadline; /* of the current phase */
	int sent;		  /* how often the helper was sent */
	size_t noise;		  /* bytes of other text since it was sent */
	char said[SAID_MAX];	  /* the last line of other text */
};

/* Records why there is no helper, with what the remote host wrote instead.  Returns -1. */
static int dialogue_failed(const struct dialogue *d, const char *why)
{
	if (*d->said)
		return err_set(ST_PEER, "cannot start the helper: %s (the remote host said: %s)",
			why, d->said);
	return err_set(ST_PEER, "cannot start the helper: %s", why);
}

static int dialogue_timed_out(const struct dialogue *d)
{
	char why[80];

	if (d->sent)
		snprintf(why, sizeof(why),
			"it was sent, but is not ready after %d s (see --timeout)",
			d->limits.send_ms / 1000);
	else
		snprintf(why, sizeof(why), "no answer after %d s (see --timeout)",
			d->limits.answer_ms / 1000);
	return dialogue_failed(d, why);
}

/* Waits for events on the descriptor: 0, or -1 recorded. */
static int wait_for(struct dialogue *d, short events)
{
	struct pollfd p[2] = { { d->fd, events, 0 }, { cancel_fd(), POLLIN, 0 } };
	int wait, r = 0;

	while (r <= 0 && !cancel_is_set()) {
		wait = deadline_wait(&d->deadline);
		if (wait == 0)
			return dialogue_timed_out(d);
		r = poll(p, 2, wait);
		if (r < 0 && errno != EINTR)
			return err_sys("cannot wait for the helper");
	}
	return cancel_check();
}

static int send_helper(struct dialogue *d)
{
	size_t done = 0;
	ssize_t n;

	if (d->sent++ == 0)
		deadline_set(&d->deadline, d->limits.send_ms);
	if (d->sent > SENDS_MAX)
		return err_set(ST_PEER,
			"cannot start the helper: it was asked for more than %d times", SENDS_MAX);
	d->noise = 0;
	while (done < d->h->size) {
		if (wait_for(d, POLLOUT) < 0)
			return -1;
		n = send(d->fd, d->h->bytes + done, d->h->size - done, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN && errno != EINTR) {
			err_sys("cannot send the helper");
			return err_set(ST_PEER, "%s", err_text());
		}
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/*
 * The next line.  It is read byte by byte, because the bytes after the last line
 * belong to a frame.  Longer lines are cut.  0 or -1 recorded.
 */
static int read_line(struct dialogue *d, char line[LINE_MAX_LEN])
{
	size_t n = 0;
	ssize_t got;
	char c;

	for (;;) {
		if (wait_for(d, POLLIN) < 0)
			return -1;
		got = read(d->fd, &c, 1);
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (got <= 0)
			return dialogue_failed(d, "the connection was closed");
		if (++d->noise > BOOTSTRAP_NOISE_MAX)
			return err_set(ST_PEER, "cannot start the helper: too much other text "
						"(check what the login scripts print)");
		if (c == '\n')
			break;
		if (n < LINE_MAX_LEN - 1)
			line[n++] = c;
	}
	if (n && line[n - 1] == '\r')
		n--;
	line[n] = '\0';
	return 0;
}

int bootstrap_wrong_protocol(uint64_t theirs)
{
	return err_set(ST_PEER,
		"the helper speaks protocol %llu and this program protocol %d (install the same "
		"version of img-tools on both hosts, or leave out --helper and one is sent)",
		(unsigned long long)theirs, WIRE_PROTOCOL);
}

enum bootstrap_end bootstrap_run(int fd, const struct helper_file *h,
	const struct bootstrap_limits *limits, char arch[BOOTSTRAP_ARCH_MAX])
{
	struct dialogue d = { .fd = fd, .h = h, .limits = *limits };
	char line[LINE_MAX_LEN], rest[LINE_MAX_LEN];
	int version;

	deadline_set(&d.deadline, limits->answer_ms);
	for (;;) {
		if (read_line(&d, line) < 0)
			return BOOTSTRAP_FAILED;
		if (sscanf(line, WIRE_LINE "%5d %511[^\n]", &version, rest) != 2) {
			if (*line)
				text_safe(line, d.said, sizeof(d.said));
			continue;
		}
		if (strcmp(rest, "ready") == 0) {
			if (version == WIRE_PROTOCOL)
				return BOOTSTRAP_READY;
			bootstrap_wrong_protocol((uint64_t)version);
			return BOOTSTRAP_FAILED;
		}
		if (strcmp(rest, "send") == 0 && h) {
			if (send_helper(&d) < 0)
				return BOOTSTRAP_FAILED;
		} else if (sscanf(rest, "arch %31[a-zA-Z0-9_]", arch) == 1) {
			return BOOTSTRAP_ARCH;
		} else if (strncmp(rest, "fail ", 5) == 0) {
			err_set(ST_PEER, "cannot start the helper: %s", rest + 5);
			return BOOTSTRAP_FAILED;
		}
	}
}
