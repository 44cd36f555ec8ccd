/*
 * conns: both ends of a connection in one process, or one end whose peer is a plain
 * socket; threads, and waiting for a condition.
 */
#ifndef IMG_CONNS_H
#define IMG_CONNS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/wire/conn.h"

#define CONNS_PATIENCE_MS 30000

/* Waits until cond is true, at most CONNS_PATIENCE_MS.  Returns cond. */
#define conns_wait(cond)                                                                           \
	({                                                                                         \
		int64_t until_ = io_now_ms() + CONNS_PATIENCE_MS;                                  \
		bool is_;                                                                          \
		while (!(is_ = (cond)) && io_now_ms() < until_)                                    \
			conns_moment();                                                            \
		is_;                                                                               \
	})

static inline void conns_moment(void)
{
	const struct timespec t = { 0, 1000000 };

	nanosleep(&t, NULL);
}

static inline void conns_socket(int fd[2])
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd) < 0)
		abort();
}

/* Opens the client's end in c[0] and the helper's in c[1].  Hooks may be NULL. */
static inline void conns_pair(struct conn *c[2], const struct conn_hooks *client,
	const struct conn_hooks *helper, int silence_ms)
{
	int fd[2];

	conns_socket(fd);
	c[0] = conn_new(fd[0], fd[0], WIRE_CLIENT, client, silence_ms);
	c[1] = conn_new(fd[1], fd[1], WIRE_HELPER, helper, silence_ms);
	if (!c[0] || !c[1])
		abort();
}

/* Opens one end; *peer is the socket at the other end. */
static inline struct conn *conns_half(
	enum wire_side side, const struct conn_hooks *hooks, int silence_ms, int *peer)
{
	struct conn *c;
	int fd[2];

	conns_socket(fd);
	c = conn_new(fd[0], fd[0], side, hooks, silence_ms);
	if (!c)
		abort();
	*peer = fd[1];
	return c;
}

/* Starts a thread; the next function waits for its end. */
static inline pthread_t conns_start(void *(*body)(void *), void *arg)
{
	pthread_t t;

	if (pthread_create(&t, NULL, body, arg) != 0)
		abort();
	return t;
}

static inline void *conns_join(pthread_t t)
{
	void *result;

	pthread_join(t, &result);
	return result;
}

/*
 * Runs body in a process of its own, as a cancel cannot be withdrawn.  Returns what
 * body returns (0 to 99), or 100 + the signal that ended the process.
 */
static inline int conns_child(int (*body)(void))
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		alarm(CONNS_PATIENCE_MS / 1000 * 2);
		exit(body());
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		abort();
	return WIFEXITED(status) ? WEXITSTATUS(status) : 100 + WTERMSIG(status);
}

/* Fills in the content of a block, which depends only on seed; packable: compressible. */
static inline void conns_fill(uint8_t *p, size_t n, uint64_t seed, bool packable)
{
	uint64_t x = seed * 6364136223846793005u + 1442695040888963407u, v;
	size_t i, step;

	for (i = 0; i < n; i += step) {
		step = n - i < sizeof(v) ? n - i : sizeof(v);
		x = x * 6364136223846793005u + 1442695040888963407u;
		v = packable && i % 128 ? seed + i / 1024 : x ^ x >> 32;
		memcpy(p + i, &v, step);
	}
}

/* A new coded data block with that content. */
static inline struct block *conns_block(uint64_t off, size_t len, uint64_t seed, bool packable)
{
	struct block *b = block_new();

	if (!b)
		abort();
	block_set_data(b, off, len);
	conns_fill(b->raw, len, seed, packable);
	b->has_raw = true;
	block_encode(b, packable);
	return b;
}

#endif
