/*
 * lane_hub: lanes that join a job, and whatever else connects to its socket.
 */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "lib/wire/lane_hub.h"
#include "tests/unit/conns.h"
#include "tests/unit/tap.h"

/* How many descriptors are open here. */
static int open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	if (!d)
		abort();
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static bool has_ended(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };

	return poll(&p, 1, 0) == 1;
}

/* Two lanes, of which one is a socket and one is two pipes, join in another order. */
static void test_join(void)
{
	struct lane_hub h = LANE_HUB_INIT;
	struct lane_ends got[2], given;
	int before = open_files(), s[2], p[2], joined[2];
	char byte = 0;

	is_int(lane_hub_open(&h), 0, "a hub");
	conns_socket(s);
	if (pipe(p) < 0)
		abort();
	given = (struct lane_ends){ p[0], p[1] };
	joined[1] = lane_join(h.token, 1, &given);
	given = (struct lane_ends){ s[1], s[1] };
	joined[0] = lane_join(h.token, 0, &given);
	ok(joined[0] >= 0 && joined[1] >= 0, "both join");
	close(p[0]);
	close(p[1]);
	close(s[1]);
	is_int(lane_hub_take(&h, 2, got), 0, "and are taken");
	ok(write(got[0].out, "x", 1) == 1 && read(s[0], &byte, 1) == 1 && byte == 'x',
		"by their numbers");
	ok(write(got[1].out, "y", 1) == 1 && read(got[1].in, &byte, 1) == 1 && byte == 'y',
		"with both of their ends");
	ok((fcntl(got[1].in, F_GETFD) & FD_CLOEXEC) && (fcntl(got[0].out, F_GETFD) & FD_CLOEXEC),
		"that no child inherits");
	ok(!has_ended(joined[0]) && !has_ended(joined[1]), "those that joined stay");
	lane_hub_close(&h);
	ok(has_ended(joined[0]) && has_ended(joined[1]), "until the hub is closed");
	given = (struct lane_ends){ s[0], s[0] };
	is_int(lane_join(h.token, 0, &given), -1, "then none can join");
	is_int(err_status(), ST_PEER, "as the job is gone");
	close(s[0]);
	close(joined[0]);
	close(joined[1]);
	close(got[0].in);
	close(got[0].out);
	close(got[1].in);
	close(got[1].out);
	is_int(open_files(), before, "no descriptor is left");
}

/* Connects as lane_join() does, but sends n bytes of text and count descriptors. */
static int join_oddly(const struct lane_hub *h, const uint8_t *text, size_t n, int count)
{
	union {
		char bytes[CMSG_SPACE(8 * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { (void *)(uintptr_t)text, n };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };
	int fd[8] = { 0, 1, 2, 0, 1, 2, 0, 1 }, s;
	char hex[HASH_HEX];
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct cmsghdr *c;
	struct hash name;

	hash_bytes(&name, h->token, WIRE_TOKEN_SIZE);
	hash_hex(&name, hex);
	snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "img-tools-lane-%s", hex);
	s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (s < 0 || connect(s, (struct sockaddr *)&a,
			     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
					 strlen(a.sun_path + 1))) < 0)
		abort();
	if (count) {
		memset(&control, 0, sizeof(control));
		m.msg_control = control.bytes;
		m.msg_controllen = CMSG_SPACE((size_t)count * sizeof(int));
		c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
		memcpy(CMSG_DATA(c), fd, (size_t)count * sizeof(int));
	}
	if (n && sendmsg(s, &m, 0) != (ssize_t)n)
		abort();
	return s;
}

/* Strangers who have found the socket neither join nor keep others from it. */
static void test_strangers(void)
{
	static const struct lane_ends standard = { 0, 1 };
	struct lane_hub h = LANE_HUB_INIT;
	struct lane_ends got[2];
	uint8_t text[WIRE_LANE_SIZE + 1];
	int before = open_files(), s[8], n = 0, joined, twice, i;

	if (lane_hub_open(&h) < 0)
		abort();
	memcpy(text, h.token, WIRE_TOKEN_SIZE);
	text[WIRE_TOKEN_SIZE] = text[WIRE_TOKEN_SIZE + 1] = 0;
	s[n++] = join_oddly(&h, text, 0, 0);
	s[n++] = join_oddly(&h, text, WIRE_LANE_SIZE, 0);
	s[n++] = join_oddly(&h, text, WIRE_LANE_SIZE, 1);
	s[n++] = join_oddly(&h, text, WIRE_LANE_SIZE, 8);
	s[n++] = join_oddly(&h, text, WIRE_LANE_SIZE + 1, 2);
	text[WIRE_TOKEN_SIZE] = 1;
	s[n++] = join_oddly(&h, text, WIRE_LANE_SIZE, 2);
	text[WIRE_TOKEN_SIZE] = 0;
	text[3] ^= 1;
	s[n++] = join_oddly(&h, text, WIRE_LANE_SIZE, 2);
	joined = lane_join(h.token, 0, &standard);
	twice = lane_join(h.token, 0, &standard);
	ok(joined >= 0 && twice >= 0, "a lane joins, twice, after seven that are none");
	is_int(lane_hub_take(&h, 1, got), 0, "it is taken");
	for (i = 0; i < n; i++)
		ok(has_ended(s[i]), "another is closed");
	ok(!has_ended(joined), "and it is not");
	close(got[0].in);
	close(got[0].out);
	h.member[0] = (close(h.member[0]), -1);
	is_int(lane_hub_take(&h, 2, got), -1, "a lane that has not joined");
	is_int(err_status(), ST_PEER, "is an error");
	is_str(err_text(), "1 of 2 data lanes have joined", "which says so");
	lane_hub_close(&h);
	for (i = 0; i < n; i++)
		close(s[i]);
	close(joined);
	close(twice);
	is_int(open_files(), before, "no descriptor is left");
}

static void test_token(void)
{
	uint8_t token[WIRE_TOKEN_SIZE], back[WIRE_TOKEN_SIZE];
	char hex[LANE_TOKEN_HEX];
	int i;

	for (i = 0; i < WIRE_TOKEN_SIZE; i++)
		token[i] = (uint8_t)(17 * i);
	lane_token_hex(token, hex);
	is_str(hex, "00112233445566778899aabbccddeeff", "a token as text");
	ok(lane_token_parse(back, hex) == 0 && memcmp(back, token, sizeof(back)) == 0, "and back");
	hex[31] = '\0';
	is_int(lane_token_parse(back, hex), -1, "one that is too short");
	is_int(err_status(), ST_PEER, "is the peer's fault");
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	test_token();
	test_join();
	test_strangers();
	return tap_done();
}
