/*
 * outlet: small writes are collected in the buffer; a large one bypasses it.
 */
#include "lib/flow/outlet.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"

/*
 * Bytes of one write(2).  When poll() says that a pipe is writable, writing
 * PIPE_BUF bytes does not block, so a cancel is noticed however slow the reader
 * is.
 */
static size_t write_size(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? OUTLET_BUFFER : PIPE_BUF;
}

int outlet_init(struct outlet *o, struct target *target, int fd)
{
	memset(o, 0, sizeof(*o));
	o->target = target;
	o->fd = fd;
	o->piece = target ? 0 : write_size(fd);
	o->buffer = malloc(OUTLET_BUFFER);
	return o->buffer ? 0 : err_set(ST_FAILED, "out of memory");
}

void outlet_fini(struct outlet *o)
{
	free(o->buffer);
	o->buffer = NULL;
}

static int outlet_write_fd(const struct outlet *o, const uint8_t *p, size_t n)
{
	struct pollfd w[2] = { { o->fd, POLLOUT, 0 }, { cancel_fd(), POLLIN, 0 } };
	ssize_t put;

	while (n) {
		if (poll(w, 2, -1) < 0 && errno != EINTR)
			return err_sys("cannot wait for the output");
		if (w[1].revents)
			return err_set(ST_FAILED, "interrupted");
		if (!w[0].revents)
			continue;
		put = write(o->fd, p, n < o->piece ? n : o->piece);
		if (put < 0 && errno != EINTR && errno != EAGAIN)
			return err_sys("cannot write the output");
		if (put > 0) {
			p += put;
			n -= (size_t)put;
		}
	}
	return 0;
}

static int outlet_write_now(struct outlet *o, const void *p, size_t n)
{
	int r = o->target ? target_write(o->target, p, n, o->off) : outlet_write_fd(o, p, n);

	o->off += n;
	return r;
}

int outlet_flush(struct outlet *o)
{
	size_t n = o->len;

	o->len = 0;
	return n ? outlet_write_now(o, o->buffer, n) : 0;
}

int outlet_write(struct outlet *o, const void *p, size_t n)
{
	if (n > OUTLET_BUFFER - o->len && outlet_flush(o) < 0)
		return -1;
	if (n >= OUTLET_BUFFER)
		return outlet_write_now(o, p, n);
	memcpy(o->buffer + o->len, p, n);
	o->len += n;
	return 0;
}

int outlet_zeros(struct outlet *o, uint64_t n)
{
	size_t part;

	if (outlet_flush(o) < 0)
		return -1;
	memset(o->buffer, 0, n < OUTLET_BUFFER ? (size_t)n : OUTLET_BUFFER);
	for (; n; n -= part) {
		part = n < OUTLET_BUFFER ? (size_t)n : OUTLET_BUFFER;
		if (outlet_write_now(o, o->buffer, part) < 0)
			return -1;
	}
	return 0;
}
