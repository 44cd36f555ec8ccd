/*
 * relay: simulates a network link between two loopback ports, with a given
 * round-trip time and rate.
 *
 *   relay [-t RTT_MS] [-r BYTES_PER_SECOND] COUNTS PORT
 *
 * Listens on a port of its own, prints its number, and forwards every connection
 * to PORT.  The file COUNTS always holds one line: the number of open connections,
 * the bytes received from the side that connected, and those received from PORT.
 * Ends when its parent ends, or by a signal.
 *
 * There is one poll loop.  The bytes of one read are a parcel.  It is due at the
 * other end half a round trip after its last byte was sent over the link.  There
 * are two links, one for each direction, which all connections share.  Nothing is
 * read while a link has more than QUEUE_NS of work or a connection's ring buffer
 * is full; so the bytes in transit are bounded, and senders notice the rate as on
 * a real network.
 */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNS_MAX 64
#define PARCELS 4096	     /* in transit, for each direction of a connection */
#define CHUNK (64u << 10)    /* the most that is read at once */
#define RING_MIN (1u << 20)  /* bytes in transit, for each direction of a connection */
#define RING_MAX (64u << 20) /* rates and round-trip times that need more are refused */
#define QUEUE_NS 2000000     /* how much work may wait for a link */
#define LATE_NS 20000000     /* if this process is later than this, the link is slowed down */
#define RCVBUF (416 << 10)   /* small, or megabytes would wait in it for a slow link */

struct link {
	int64_t free_ns; /* when it will have sent all parcels */
	bool has_more;	 /* the last read was full, so more is probably waiting */
	uint64_t bytes;
};

struct parcel {
	size_t len; /* 0: the end of the stream */
	int64_t due_ns;
};

/* One direction of a connection. */
struct way {
	int from, to;
	struct link *link;
	char *ring;
	size_t head, used; /* bytes that are not written yet */
	struct parcel parcels[PARCELS];
	unsigned first, count;
	size_t sent; /* bytes of the first parcel */
	int64_t not_before_ns;
	bool read_all, done;
};

struct conn {
	struct way ways[2];
};

static struct link links[2];
static struct conn *conns[CONNS_MAX];
static unsigned open_conns;
static int64_t rtt_ns;
static double rate; /* bytes per nanosecond; 0: no limit */
static size_t ring_size, chunk = CHUNK;
static int counts_fd;
static in_port_t target_port;

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void write_counts(void)
{
	char line[64];

	memset(line, ' ', sizeof(line));
	line[snprintf(line, sizeof(line), "%u %llu %llu", open_conns,
		(unsigned long long)links[0].bytes, (unsigned long long)links[1].bytes)] = ' ';
	line[sizeof(line) - 1] = '\n';
	if (pwrite(counts_fd, line, sizeof(line), 0) < 0)
		err(1, "writing the counts");
}

static int new_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), size = RCVBUF;

	if (fd < 0)
		err(1, "socket");
	if (rate > 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return fd;
}

static struct sockaddr_in loopback(in_port_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static void way_init(struct way *w, int from, int to, struct link *link)
{
	w->from = from;
	w->to = to;
	w->link = link;
	w->not_before_ns = now_ns() + rtt_ns + rtt_ns / 2; /* the connection needs a round trip */
	w->ring = malloc(ring_size);
	if (!w->ring)
		err(1, "a connection's buffer");
}

static void conn_open(int listening)
{
	struct sockaddr_in to = loopback(target_port);
	int near = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), far, on = 1;
	unsigned i = 0;

	if (near < 0)
		return;
	far = new_socket();
	if (connect(far, (struct sockaddr *)&to, sizeof(to)) < 0) {
		warn("connecting to port %u", target_port);
		close(near);
		close(far);
		return;
	}
	/* A network does not hold a small packet back until the one before it is acknowledged. */
	setsockopt(near, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(far, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	fcntl(far, F_SETFL, O_NONBLOCK);
	while (conns[i])
		i++;
	conns[i] = calloc(1, sizeof(*conns[i]));
	if (!conns[i])
		err(1, "a connection");
	way_init(&conns[i]->ways[0], near, far, &links[0]);
	way_init(&conns[i]->ways[1], far, near, &links[1]);
	open_conns++;
	write_counts();
}

static void conn_close(unsigned i)
{
	close(conns[i]->ways[0].from);
	close(conns[i]->ways[0].to);
	free(conns[i]->ways[0].ring);
	free(conns[i]->ways[1].ring);
	free(conns[i]);
	conns[i] = NULL;
	open_conns--;
	write_counts();
}

static bool can_read(const struct way *w)
{
	return !w->read_all && w->count < PARCELS && w->used < ring_size;
}

/* The time, perhaps in the past, from which on the link accepts more. */
static int64_t readable_at(const struct way *w)
{
	return w->link->free_ns - QUEUE_NS;
}

/* Reads one parcel.  0, or -1: the connection is broken. */
static int way_read(struct way *w, int64_t now)
{
	size_t tail = (w->head + w->used) % ring_size, room = ring_size - w->used;
	struct parcel *p = &w->parcels[(w->first + w->count) % PARCELS];
	ssize_t n;

	if (room > ring_size - tail)
		room = ring_size - tail;
	n = read(w->from, w->ring + tail, room < chunk ? room : chunk);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	/* If more was waiting, the link was not idle, even if this process is late. */
	if (w->link->free_ns < now - (w->link->has_more ? LATE_NS : 0))
		w->link->free_ns = now;
	w->link->has_more = (size_t)n == (room < chunk ? room : chunk);
	if (rate > 0)
		w->link->free_ns += (int64_t)((double)n / rate);
	p->len = (size_t)n;
	p->due_ns = w->link->free_ns + rtt_ns / 2;
	if (p->due_ns < w->not_before_ns)
		p->due_ns = w->not_before_ns;
	w->count++;
	w->used += (size_t)n;
	w->link->bytes += (uint64_t)n;
	w->read_all = n == 0;
	return 0;
}

/* Writes the parcels that are due.  0, or -1: the connection is broken. */
static int way_write(struct way *w, int64_t now)
{
	while (w->count > 0 && w->parcels[w->first].due_ns <= now) {
		struct parcel *p = &w->parcels[w->first];
		size_t n = p->len - w->sent;
		ssize_t done = 0;

		if (p->len == 0) {
			shutdown(w->to, SHUT_WR);
			w->done = true;
		} else {
			done = write(w->to, w->ring + w->head, n);
			if (done < 0)
				return errno == EAGAIN || errno == EINTR ? 0 : -1;
		}
		w->head = (w->head + (size_t)done) % ring_size;
		w->used -= (size_t)done;
		w->sent += (size_t)done;
		if (w->sent < p->len)
			return 0;
		w->sent = 0;
		w->first = (w->first + 1) % PARCELS;
		w->count--;
	}
	return 0;
}

/* Sets the events to poll both ends for; lowers *wake to the time when these change. */
static void way_wants(const struct way *w, int64_t now, short *from, short *to, int64_t *wake)
{
	int64_t at;

	if (can_read(w)) {
		at = readable_at(w);
		if (at <= now)
			*from |= POLLIN;
		else if (at < *wake)
			*wake = at;
	}
	if (w->count > 0) {
		at = w->parcels[w->first].due_ns;
		if (at <= now)
			*to |= POLLOUT;
		else if (at < *wake)
			*wake = at;
	}
}

/* Handles the events of a connection; each end is the source of one way, the target of one. */
static void conn_serve(unsigned i, short near, short far, int64_t now)
{
	struct way *up = &conns[i]->ways[0], *down = &conns[i]->ways[1];
	const short in = POLLIN | POLLHUP | POLLERR;
	int rc = 0;

	if ((near & in) && can_read(up) && readable_at(up) <= now)
		rc |= way_read(up, now);
	if ((far & in) && can_read(down) && readable_at(down) <= now)
		rc |= way_read(down, now);
	rc |= way_write(up, now) | way_write(down, now);
	if (rc < 0 || (up->done && down->done))
		conn_close(i);
}

static void poll_and_serve(int listening)
{
	struct pollfd fds[2 * CONNS_MAX + 1];
	struct timespec wait = { 0 };
	int64_t now = now_ns(), wake = INT64_MAX;
	unsigned i;

	for (i = 0; i < CONNS_MAX; i++) {
		struct pollfd *near = &fds[2 * i], *far = &fds[2 * i + 1];

		*near = *far = (struct pollfd){ .fd = -1 };
		if (!conns[i])
			continue;
		way_wants(&conns[i]->ways[0], now, &near->events, &far->events, &wake);
		way_wants(&conns[i]->ways[1], now, &far->events, &near->events, &wake);
		/* Without events, poll() would still report the end of a connection, again and
		 * again. */
		near->fd = near->events ? conns[i]->ways[0].from : -1;
		far->fd = far->events ? conns[i]->ways[0].to : -1;
	}
	fds[2 * CONNS_MAX] =
		(struct pollfd){ .fd = open_conns < CONNS_MAX ? listening : -1, .events = POLLIN };
	if (wake != INT64_MAX) {
		wait.tv_sec = (wake - now) / 1000000000;
		wait.tv_nsec = (wake - now) % 1000000000;
	}
	if (ppoll(fds, 2 * CONNS_MAX + 1, wake == INT64_MAX ? NULL : &wait, NULL) < 0 &&
		errno != EINTR)
		err(1, "poll");
	now = now_ns();
	for (i = 0; i < CONNS_MAX; i++)
		if (conns[i])
			conn_serve(i, fds[2 * i].revents, fds[2 * i + 1].revents, now);
	if (fds[2 * CONNS_MAX].revents)
		conn_open(listening);
}

static void parse_options(int argc, char **argv)
{
	int opt;

	while ((opt = getopt(argc, argv, "r:t:")) != -1) {
		if (opt == 'r')
			rate = strtod(optarg, NULL) / 1e9;
		else if (opt == 't')
			rtt_ns = (int64_t)(strtod(optarg, NULL) * 1e6);
		else
			exit(2);
	}
	if (argc - optind != 2 || rate < 0 || rtt_ns < 0)
		errx(2, "usage: relay [-t RTT_MS] [-r BYTES_PER_SECOND] COUNTS PORT");
	if (rate * (double)(rtt_ns + QUEUE_NS) > RING_MAX / 2)
		errx(2, "more than %u bytes would be in transit", RING_MAX / 2);
	ring_size = rate > 0 ? RING_MIN + (size_t)(rate * (double)(rtt_ns + QUEUE_NS))
			     : (rtt_ns ? RING_MAX / 2 : RING_MIN);
	if (rate > 0 && rate * 1e6 < CHUNK)
		chunk = rate * 1e6 < 1500 ? 1500 : (size_t)(rate * 1e6);
}

int main(int argc, char **argv)
{
	const struct sched_param first = { .sched_priority = 1 };
	struct sockaddr_in any = loopback(0);
	socklen_t len = sizeof(any);
	int listening;

	parse_options(argc, argv);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	/* Works only with privileges; then a busy host does not slow the link down. */
	sched_setscheduler(0, SCHED_RR, &first);
	signal(SIGPIPE, SIG_IGN);
	counts_fd = open(argv[optind], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (counts_fd < 0)
		err(1, "%s", argv[optind]);
	target_port = (in_port_t)atoi(argv[optind + 1]);
	listening = new_socket();
	if (bind(listening, (struct sockaddr *)&any, len) < 0 || listen(listening, CONNS_MAX) < 0 ||
		getsockname(listening, (struct sockaddr *)&any, &len) < 0)
		err(1, "listening");
	write_counts();
	printf("%u\n", ntohs(any.sin_port));
	if (fflush(stdout) != 0)
		err(1, "printing the port");
	for (;;)
		poll_and_serve(listening);
}
