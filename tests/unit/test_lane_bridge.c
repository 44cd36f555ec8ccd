/* lane_bridge: all bytes arrive, in both directions, and it only runs when there is something to
 * do. */
#include <poll.h>
#include <signal.h>
#include <time.h>

#include "lib/job/lane_bridge.h"
#include "tests/unit/conns.h"
#include "tests/unit/tap.h"

#define MORE_THAN_FITS ((size_t)8 << 20)
#define LOOK_MS 300

static uint8_t sent[MORE_THAN_FITS], received[MORE_THAN_FITS];

/* Writes what it is given to a socket, and closes it. */
static void *write_all(void *arg)
{
	int fd = *(int *)arg;

	if (io_write(fd, sent, sizeof(sent)) < 0)
		abort();
	close(fd);
	return NULL;
}

static int64_t processor_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Sends as much as the sockets and the bridge hold while nobody reads; returns how much. */
static size_t send_until_full(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	size_t n = 0;
	ssize_t some;

	do {
		some = send(fd, sent + n, sizeof(sent) - n, MSG_DONTWAIT);
		n += some > 0 ? (size_t)some : 0;
	} while (some > 0 || (poll(&p, 1, LOOK_MS) > 0 && p.revents == POLLOUT));
	return n;
}

/* One end is closed while the other does not take what came before. */
static void test_slow_reader(void)
{
	struct lane_bridge *b;
	int one[2], other[2];
	pthread_t writer;
	int64_t before;
	char byte = 0;
	ssize_t n;
	size_t fits;

	conns_socket(one);
	conns_socket(other);
	conns_fill(sent, sizeof(sent), 1, false);
	b = lane_bridge_start(one[1], other[0]);
	ok(b && write(other[1], "x", 1) == 1 && read(one[0], &byte, 1) == 1 && byte == 'x',
		"a byte goes up");
	fits = send_until_full(one[0]);
	close(one[0]);
	ok(write(other[1], "beat", 4) == 4, "a BEAT comes back when it has gone");
	poll(NULL, 0, LOOK_MS); /* nothing is to happen, so nothing can be waited for */
	before = processor_ms();
	poll(NULL, 0, LOOK_MS);
	ok(processor_ms() - before < LOOK_MS / 2, "it waits for the reader without running");
	n = io_read(other[1], received, sizeof(received));
	ok(n == (ssize_t)fits && fits < sizeof(sent) && memcmp(sent, received, (size_t)n) == 0,
		"all bytes arrive after their sender has gone, and then the end");
	lane_bridge_end(b);
	close(other[1]);

	conns_socket(one);
	conns_socket(other);
	b = lane_bridge_start(one[1], other[0]);
	writer = conns_start(write_all, &one[0]);
	n = io_read(other[1], received, sizeof(received));
	conns_join(writer);
	ok(n == (ssize_t)sizeof(sent) && memcmp(sent, received, sizeof(sent)) == 0,
		"more than all buffers hold");
	lane_bridge_end(b);
	close(other[1]);
}

/* It can be ended while it waits. */
static void test_end(void)
{
	int one[2], other[2];
	struct lane_bridge *b;
	char byte;

	conns_socket(one);
	conns_socket(other);
	b = lane_bridge_start(one[1], other[0]);
	lane_bridge_end(b);
	is_int(read(one[0], &byte, 1), 0, "both ends are closed");
	is_int(read(other[1], &byte, 1), 0, "then");
	close(one[0]);
	close(other[1]);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	test_slow_reader();
	test_end();
	return tap_done();
}
