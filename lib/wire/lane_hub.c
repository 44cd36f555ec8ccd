/*
 * lane_hub: see lane_hub.h.
 */
#include "lib/wire/lane_hub.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/err.h"

#define ENDS 2 /* descriptors in a message */

union control {
	char bytes[CMSG_SPACE(ENDS * sizeof(int))];
	struct cmsghdr align;
};

void lane_token_hex(const uint8_t token[WIRE_TOKEN_SIZE], char out[LANE_TOKEN_HEX])
{
	struct hash h;

	memcpy(h.byte, token, WIRE_TOKEN_SIZE);
	hash_hex(&h, out);
}

int lane_token_parse(uint8_t out[WIRE_TOKEN_SIZE], const char *hex)
{
	struct hash h;

	if (hash_from_hex(&h, hex) < 0)
		return err_set(ST_PEER, "protocol error: not a token");
	memcpy(out, h.byte, WIRE_TOKEN_SIZE);
	return 0;
}

/* The address for a token; returns its length. */
static socklen_t hub_address(const uint8_t token[WIRE_TOKEN_SIZE], struct sockaddr_un *a)
{
	char hex[HASH_HEX];
	struct hash h;
	int n;

	hash_bytes(&h, token, WIRE_TOKEN_SIZE);
	hash_hex(&h, hex);
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	n = snprintf(a->sun_path + 1, sizeof(a->sun_path) - 1, "img-tools-lane-%s", hex);
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
}

int lane_hub_open(struct lane_hub *h)
{
	struct sockaddr_un a;
	socklen_t len;

	*h = (struct lane_hub)LANE_HUB_INIT;
	if (getrandom(h->token, sizeof(h->token), 0) != sizeof(h->token))
		return err_sys("cannot get random bytes");
	len = hub_address(h->token, &a);
	h->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (h->listener >= 0 && bind(h->listener, (struct sockaddr *)&a, len) == 0 &&
		listen(h->listener, WIRE_LANES_MAX) == 0)
		return 0;
	err_sys("cannot create a socket");
	lane_hub_close(h);
	return -1;
}

void lane_hub_close(struct lane_hub *h)
{
	unsigned i;

	for (i = 0; i < WIRE_LANES_MAX; i++) {
		if (h->member[i] >= 0)
			close(h->member[i]);
		h->member[i] = -1;
	}
	if (h->listener >= 0)
		close(h->listener);
	h->listener = -1;
}

/* Takes exactly two descriptors; fewer or more are closed.  Whether there were two. */
static bool take_ends(struct msghdr *m, struct lane_ends *out)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(m);
	int fd[ENDS]; /* the kernel has closed what did not fit */
	size_t n, i;

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
		return false;
	n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fd, CMSG_DATA(c), n * sizeof(int));
	if (n == ENDS && !(m->msg_flags & MSG_CTRUNC)) {
		*out = (struct lane_ends){ fd[0], fd[1] };
		return true;
	}
	for (i = 0; i < n; i++)
		close(fd[i]);
	return false;
}

/* Compares in a time that does not depend on where they differ. */
static bool is_token(const struct lane_hub *h, const uint8_t *token)
{
	uint8_t differs = 0;
	size_t i;

	for (i = 0; i < WIRE_TOKEN_SIZE; i++)
		differs |= (uint8_t)(h->token[i] ^ token[i]);
	return !differs;
}

/* The number of the lane that a connection brings; -1: it brings none that is wanted. */
static int hear_member(const struct lane_hub *h, int fd, unsigned count, struct lane_ends *ends)
{
	uint8_t text[WIRE_LANE_SIZE + 1];
	struct iovec iov = { text, sizeof(text) };
	union control control;
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	unsigned number;

	if (n < 0 || !take_ends(&m, ends))
		return -1;
	number = text[WIRE_TOKEN_SIZE];
	if (n == WIRE_LANE_SIZE && is_token(h, text) && number < count && h->member[number] < 0)
		return (int)number;
	close(ends->in);
	close(ends->out);
	return -1;
}

int lane_hub_take(struct lane_hub *h, unsigned count, struct lane_ends *out)
{
	struct lane_ends ends;
	unsigned taken = 0, i;
	int fd = 0, number;

	while (taken < count && (fd = accept4(h->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		number = hear_member(h, fd, count, &ends);
		if (number < 0) {
			close(fd);
			continue;
		}
		h->member[number] = fd;
		out[number] = ends;
		taken++;
	}
	if (taken == count)
		return 0;
	for (i = 0; i < count; i++)
		if (h->member[i] >= 0) {
			close(out[i].in);
			close(out[i].out);
		}
	return err_set(ST_PEER, "%u of %u data lanes have joined", taken, count);
}

int lane_join(const uint8_t token[WIRE_TOKEN_SIZE], unsigned number, const struct lane_ends *lane)
{
	uint8_t text[WIRE_LANE_SIZE];
	struct iovec iov = { text, sizeof(text) };
	const int fd[ENDS] = { lane->in, lane->out };
	union control control;
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	struct sockaddr_un a;
	socklen_t len = hub_address(token, &a);
	int hub = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	memcpy(text, token, WIRE_TOKEN_SIZE);
	text[WIRE_TOKEN_SIZE] = (uint8_t)number;
	memset(&control, 0, sizeof(control));
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(c), fd, sizeof(fd));
	if (hub >= 0 && connect(hub, (struct sockaddr *)&a, len) == 0 &&
		sendmsg(hub, &m, MSG_NOSIGNAL) == WIRE_LANE_SIZE)
		return hub;
	err_set(ST_PEER, "cannot join the job of a data lane: %s", strerror(errno));
	if (hub >= 0)
		close(hub);
	return -1;
}
