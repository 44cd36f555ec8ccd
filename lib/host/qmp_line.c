/*
 * qmp_line: connects to a socket whose owner is checked, and reads and writes it with limits.
 */
#include "lib/host/qmp_line.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/pathname.h"
#include "lib/host/qmp.h"

#define READ_SIZE 65536

static bool line_trusts(uid_t uid, uid_t owner)
{
	return uid == 0 || uid == geteuid() || uid == owner;
}

static int line_refuse_owner(const char *what, uid_t uid)
{
	return err_set(ST_REFUSED,
		"%sbelongs to user %lu, who is neither root nor the owner of the image", what,
		(unsigned long)uid);
}

/* Whether it is libvirt's own: .../libvirt/qemu/domain-1-NAME/monitor.sock */
static bool line_is_libvirts(const char *path)
{
	return strstr(path, "/libvirt/qemu/") && strcmp(pathname_last(path), "monitor.sock") == 0;
}

/* Refuses what is not a socket that may be used.  0, or -1 recorded. */
static int line_check_node(int node, uid_t owner)
{
	char *path = io_path_dup(node);
	bool is_libvirts = path && line_is_libvirts(path);
	struct stat st;

	free(path);
	if (fstat(node, &st) < 0)
		return err_sys("cannot stat");
	if (!S_ISSOCK(st.st_mode))
		return err_set(ST_REFUSED, "is not a UNIX socket");
	if (is_libvirts)
		return err_set(ST_REFUSED, "is libvirt's own (use --libvirt)");
	return line_trusts(st.st_uid, owner) ? 0 : line_refuse_owner("", st.st_uid);
}

/* Connects fd through the descriptor node, so that it is the socket that was checked. */
static int line_connect(int fd, int node)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (fd < 0)
		return err_sys("cannot create a socket");
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d", node);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return 0;
	if (errno == EAGAIN)
		return err_set(ST_BUSY, "other clients are waiting for it, too");
	if (errno == ECONNREFUSED)
		return err_set(ST_ABSENT, "no process listens on it");
	return err_sys("cannot connect");
}

static int line_check_peer(int fd, uid_t owner)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return err_sys("cannot find out who listens on it");
	return line_trusts(peer.uid, owner) ? 0
					    : line_refuse_owner("the process behind it ", peer.uid);
}

int qmp_line_connect(const struct policy *policy, const char *path, uid_t owner)
{
	int node = policy_open(policy, path, O_PATH), fd = -1, r;

	if (node < 0)
		return -1;
	r = line_check_node(node, owner);
	if (r == 0) {
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		r = line_connect(fd, node);
	}
	close(node);
	if (r == 0 && line_check_peer(fd, owner) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

void qmp_line_init(struct qmp_line *l, int fd)
{
	struct ucred peer = { .pid = 0 };
	socklen_t len = sizeof(peer);

	memset(l, 0, sizeof(*l));
	l->fd = fd;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0)
		l->peer = peer.pid;
}

void qmp_line_fini(struct qmp_line *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	buf_fini(&l->in);
}

static int line_fail(struct qmp_line *l, const char *what)
{
	l->is_broken = true;
	return err_set(ST_FAILED, "%s", what);
}

/* Waits for events on the socket: 1; 0: the time is over; -1 recorded. */
static int line_wait(const struct qmp_line *l, struct deadline *limit, short events)
{
	struct pollfd p[2] = { { .fd = l->fd, .events = events },
		{ .fd = cancel_fd(), .events = POLLIN } };
	int wait, r;

	for (;;) {
		wait = limit ? deadline_wait(limit) : 0;
		r = poll(p, 2, wait);
		if (cancel_is_set())
			return err_set(ST_FAILED, "cancelled");
		if (r < 0 && errno != EINTR)
			return err_sys("cannot wait for QEMU");
		if (r > 0 && p[0].revents)
			return 1;
		if (wait == 0)
			return 0;
	}
}

/* Reads what has arrived: 1; 0: the time is over; -1 recorded. */
static int line_fill(struct qmp_line *l, struct deadline *limit)
{
	ssize_t n;
	int r;

	if (buf_reserve(&l->in, READ_SIZE) < 0)
		return -1;
	for (;;) {
		n = read(l->fd, l->in.data + l->in.len, READ_SIZE);
		if (n > 0) {
			l->in.len += (size_t)n;
			return 1;
		}
		if (n == 0 || errno == ECONNRESET)
			return line_fail(l, "QEMU has closed the connection");
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN) {
			l->is_broken = true;
			return err_sys("cannot read from QEMU");
		}
		r = line_wait(l, limit, POLLIN);
		if (r <= 0)
			return r;
	}
}

/* The length of the first line that is not taken, with its newline; 0: it is not complete. */
static size_t line_length(struct qmp_line *l)
{
	size_t have = l->in.len - l->taken;
	const uint8_t *start, *end;

	if (have == l->scanned)
		return 0;
	start = l->in.data + l->taken;
	end = memchr(start + l->scanned, '\n', have - l->scanned);
	l->scanned = end ? 0 : have;
	return end ? (size_t)(end - start) + 1 : 0;
}

/* Frees the space of what was taken, once that is all, or much. */
static void line_drop_taken(struct qmp_line *l)
{
	if (!l->taken || (l->taken < l->in.len && l->taken < READ_SIZE))
		return;
	memmove(l->in.data, l->in.data + l->taken, l->in.len - l->taken);
	l->in.len -= l->taken;
	l->taken = 0;
}

int qmp_line_read(struct qmp_line *l, struct deadline *limit, json_t **object, size_t *bytes)
{
	size_t len;
	int r;

	*object = NULL;
	/* Also if lines come so fast that nothing is waited for. */
	if (cancel_is_set())
		return err_set(ST_FAILED, "cancelled");
	if (l->is_broken)
		return err_set(ST_FAILED, "the connection to QEMU was lost");
	while ((len = line_length(l)) == 0) {
		if (l->in.len - l->taken > QMP_LINE_MAX)
			return line_fail(l, "does not speak QMP: a line that is too long");
		/* Another protocol may wait for us before it ends a line. */
		if (l->in.len > l->taken && !memchr("{ \r", l->in.data[l->taken], 3))
			return line_fail(l, "does not speak QMP: a line that is not a JSON object");
		/* Also if lines come without end. */
		if (limit && deadline_wait(limit) == 0)
			return 0;
		line_drop_taken(l);
		r = line_fill(l, limit);
		if (r <= 0)
			return r;
	}
	if (len <= QMP_LINE_MAX)
		*object = json_loadb((const char *)l->in.data + l->taken, len, 0, NULL);
	l->taken += len;
	*bytes = len;
	if (json_is_object(*object))
		return 1;
	json_decref(*object);
	*object = NULL;
	return line_fail(l, "does not speak QMP: a line that is not a JSON object");
}

int qmp_line_write(struct qmp_line *l, struct deadline *limit, const json_t *object)
{
	char *text = l->is_broken ? NULL : json_dumps(object, JSON_COMPACT);
	size_t left = text ? strlen(text) : 0;
	const char *p = text;
	ssize_t n;
	int r = 1;

	if (!text)
		return err_set(ST_FAILED,
			l->is_broken ? "the connection to QEMU was lost" : "out of memory");
	text[left++] = '\n'; /* in the place of the NUL */
	while (left && r > 0) {
		n = send(l->fd, p, left, MSG_NOSIGNAL);
		if (n >= 0) {
			p += n;
			left -= (size_t)n;
		} else if (errno == EAGAIN) {
			r = line_wait(l, limit, POLLOUT);
		} else if (errno == EPIPE || errno == ECONNRESET) {
			r = line_fail(l, "QEMU has closed the connection");
		} else if (errno != EINTR) {
			r = err_sys("cannot write to QEMU");
		}
	}
	free(text);
	l->is_broken |= left > 0;
	return r > 0 ? 0 : r < 0 ? -1 : err_set(ST_FAILED, "QEMU does not read its socket");
}
