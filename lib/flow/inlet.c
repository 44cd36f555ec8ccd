/*
 * inlet: small reads are served from the buffer; large ones go directly to their
 * destination once the buffer is empty.
 */
#include "lib/flow/inlet.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"

int inlet_init(struct inlet *in, int fd, const void *head, size_t head_len)
{
	memset(in, 0, sizeof(*in));
	in->fd = fd;
	in->stop = eventfd(0, EFD_CLOEXEC);
	if (in->stop < 0)
		return err_sys("cannot create an eventfd");
	in->buffer = malloc(INLET_BUFFER);
	if (!in->buffer) {
		inlet_fini(in);
		return err_set(ST_FAILED, "out of memory");
	}
	if (head_len)
		memcpy(in->buffer, head, head_len);
	in->len = head_len;
	return 0;
}

void inlet_fini(struct inlet *in)
{
	if (!in->buffer && !in->stop)
		return;
	close(in->stop);
	free(in->buffer);
	memset(in, 0, sizeof(*in));
}

void inlet_stop(struct inlet *in)
{
	uint64_t one = 1;

	if (write(in->stop, &one, sizeof(one)) < 0)
		abort(); /* cannot happen below the maximum of an eventfd */
}

/* Waits for input, then reads at most n bytes.  Their number; 0: end; -1 recorded. */
static ssize_t inlet_read_once(struct inlet *in, void *p, size_t n)
{
	struct pollfd w[3] = { { in->fd, POLLIN, 0 }, { in->stop, POLLIN, 0 },
		{ cancel_fd(), POLLIN, 0 } };
	ssize_t got;

	for (;;) {
		if (poll(w, 3, -1) < 0 && errno != EINTR)
			return err_sys("cannot wait for the input");
		if (w[1].revents || w[2].revents)
			return err_set(ST_FAILED, "interrupted");
		if (!w[0].revents)
			continue;
		got = read(in->fd, p, n);
		if (got == 0 && cancel_is_set_by_now())
			return err_set(ST_FAILED, "interrupted");
		if (got >= 0) {
			in->ended = in->ended || got == 0;
			return got;
		}
		if (errno != EINTR && errno != EAGAIN)
			return err_sys("cannot read the input");
	}
}

ssize_t inlet_peek(struct inlet *in, size_t n, const uint8_t **out)
{
	ssize_t got;

	if (in->at && in->at + n > INLET_BUFFER) {
		memmove(in->buffer, in->buffer + in->at, in->len - in->at);
		in->len -= in->at;
		in->at = 0;
	}
	while (in->len - in->at < n && !in->ended) {
		got = inlet_read_once(in, in->buffer + in->len, INLET_BUFFER - in->len);
		if (got < 0)
			return -1;
		in->len += (size_t)got;
	}
	*out = in->buffer + in->at;
	return (ssize_t)(in->len - in->at < n ? in->len - in->at : n);
}

void inlet_skip(struct inlet *in, size_t n)
{
	in->at += n;
	if (in->at == in->len)
		in->at = in->len = 0;
}

ssize_t inlet_read(struct inlet *in, void *p, size_t n)
{
	size_t done = in->len - in->at < n ? in->len - in->at : n;
	ssize_t got;

	memcpy(p, in->buffer + in->at, done);
	inlet_skip(in, done);
	while (done < n && !in->ended) {
		got = inlet_read_once(in, (uint8_t *)p + done, n - done);
		if (got < 0)
			return -1;
		done += (size_t)got;
	}
	return (ssize_t)done;
}
