/*
 * The part of the agent protocol (draft-miller-ssh-agent) that libssh uses:
 *
 *	message    be32 length, u8 type, ...
 *	11         request: list all keys
 *	12         reply: be32 count, count * (string blob, string comment)
 *	13         request: sign; string blob, string data, be32 flags
 *	5          reply: failure
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/ssh/ssh_keyring.h"

#define AGENT_FAILURE 5
#define AGENT_REQUEST_KEYS 11
#define AGENT_KEYS 12
#define AGENT_SIGN 13

void ssh_keyring_init(struct ssh_keyring *k)
{
	memset(k, 0, sizeof(*k));
	k->agent = k->ours = -1;
	pthread_mutex_init(&k->lock, NULL);
}

/*
 * Reads exactly n bytes; limit: NULL, or until when.  0; or -1 at end of file, on failure, at the
 * limit or on cancel; not recorded.
 */
static int read_all(int fd, uint8_t *p, size_t n, struct deadline *limit)
{
	while (n > 0) {
		int wait = limit ? deadline_wait(limit) : -1;
		struct pollfd f[2] = { { .fd = fd, .events = POLLIN },
			{ .fd = cancel_fd(), .events = POLLIN } };
		ssize_t got;

		if (cancel_is_set() || wait == 0)
			return -1;
		if (poll(f, 2, wait) <= 0 || !f[0].revents)
			continue;
		got = read(fd, p, n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -1;
		p += got;
		n -= (size_t)got;
	}
	return 0;
}

/* Reads one message, without its length.  As read_all(). */
static int read_message(int fd, struct buf *b, struct deadline *limit)
{
	uint8_t head[4];
	uint32_t len;

	buf_clear(b);
	if (read_all(fd, head, sizeof(head), limit) < 0)
		return -1;
	len = get_be32(head);
	if (len == 0 || len > SSH_KEYRING_MESSAGE_MAX || buf_reserve(b, len) < 0 ||
		read_all(fd, b->data, len, limit) < 0)
		return -1;
	b->len = len;
	return 0;
}

static int write_message(int fd, const struct buf *b)
{
	uint8_t head[4];

	put_be32(head, (uint32_t)b->len);
	if (b->failed || io_write(fd, head, sizeof(head)) < 0)
		return -1;
	return io_write(fd, b->data, b->len);
}

static void add_string(struct buf *b, const void *p, uint32_t len)
{
	buf_u32(b, len);
	buf_add(b, p, len);
}

/* Makes the list of keys that libssh sees. */
static void list_shown_key(struct ssh_keyring *k, struct buf *b)
{
	buf_clear(b);
	buf_u8(b, AGENT_KEYS);
	pthread_mutex_lock(&k->lock);
	buf_u32(b, k->shown ? 1 : 0);
	if (k->shown) {
		add_string(b, k->cert ? k->cert : k->shown->blob,
			k->cert ? k->cert_len : k->shown->len);
		add_string(b, "", 0);
	}
	pthread_mutex_unlock(&k->lock);
}

/* Puts the key into a request to sign with its certificate.  0, or -1: invalid, or no memory. */
static int sign_with_key(struct ssh_keyring *k, struct buf *b)
{
	struct buf changed = BUF_INIT;
	struct view v;
	uint32_t len;
	int r = 0;

	pthread_mutex_lock(&k->lock);
	if (k->cert) {
		view_init(&v, b->data, b->len);
		view_u8(&v);
		len = view_u32(&v);
		view_bytes(&v, len);
		r = view_bad(&v) ? -1 : 0;
		if (r == 0) {
			buf_u8(&changed, AGENT_SIGN);
			add_string(&changed, k->shown->blob, k->shown->len);
			buf_add(&changed, v.p, v.left);
			buf_clear(b);
			buf_add(b, changed.data, changed.len);
			r = changed.failed || b->failed ? -1 : 0;
		}
	}
	pthread_mutex_unlock(&k->lock);
	buf_fini(&changed);
	return r;
}

/* The thread: answers libssh's requests. */
static void *serve_agent(void *arg)
{
	struct ssh_keyring *k = arg;
	struct buf b = BUF_INIT;

	while (read_message(k->ours, &b, NULL) == 0) {
		if (b.data[0] == AGENT_REQUEST_KEYS) {
			list_shown_key(k, &b);
		} else if (b.data[0] != AGENT_SIGN || sign_with_key(k, &b) < 0 ||
			   write_message(k->agent, &b) < 0 ||
			   read_message(k->agent, &b, NULL) < 0) {
			buf_clear(&b);
			buf_u8(&b, AGENT_FAILURE);
		}
		if (write_message(k->ours, &b) < 0)
			break;
	}
	shutdown(k->ours, SHUT_RDWR);
	buf_fini(&b);
	return NULL;
}

/* Parses the agent's list of keys.  0, or -1. */
static int parse_keys(struct ssh_keyring *k, const struct buf *b)
{
	struct view v;
	uint32_t count;

	view_init(&v, b->data, b->len);
	if (view_u8(&v) != AGENT_KEYS)
		return -1;
	count = view_u32(&v);
	if (count > SSH_KEYRING_KEYS_MAX)
		count = SSH_KEYRING_KEYS_MAX;
	k->key = calloc(count + 1, sizeof(*k->key));
	for (; k->key && k->count < count; k->count++) {
		struct ssh_keyring_key *key = &k->key[k->count];
		uint32_t comment_len;
		const uint8_t *blob, *comment;

		key->len = view_u32(&v);
		blob = view_bytes(&v, key->len);
		comment_len = view_u32(&v);
		comment = view_bytes(&v, comment_len);
		if (view_bad(&v))
			return -1;
		key->blob = malloc(key->len + 1);
		key->comment = strndup((const char *)comment, comment_len);
		if (!key->blob || !key->comment) {
			free(key->blob);
			free(key->comment);
			return -1;
		}
		memcpy(key->blob, blob, key->len);
	}
	return k->key ? 0 : -1;
}

static int connect_agent(struct ssh_keyring *k, const char *path, int limit_ms)
{
	const struct timeval limit = { limit_ms / 1000, limit_ms % 1000 * 1000 };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(addr.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(addr.sun_path, path, strlen(path) + 1);
	k->agent = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* Its queue may be full: this limits connect(), too (unix(7)). */
	if (k->agent < 0 ||
		setsockopt(k->agent, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0)
		return -1;
	return connect(k->agent, (struct sockaddr *)&addr, sizeof(addr));
}

int ssh_keyring_open(struct ssh_keyring *k, const char *path, int limit_ms)
{
	struct buf b = BUF_INIT;
	struct deadline limit;
	int rc = 0;

	deadline_set(&limit, limit_ms);
	buf_u8(&b, AGENT_REQUEST_KEYS);
	if (connect_agent(k, path, limit_ms) < 0) {
		rc = err_set(ST_PEER, "cannot connect to the ssh-agent at '%s': %s", path,
			strerror(errno));
	} else if (write_message(k->agent, &b) < 0 || read_message(k->agent, &b, &limit) < 0 ||
		   parse_keys(k, &b) < 0) {
		rc = err_set(ST_PEER, "cannot get the keys of the ssh-agent at '%s': %s", path,
			deadline_left(&limit) == 0 ? "no answer in time" : "invalid reply");
	}
	buf_fini(&b);
	if (rc < 0)
		ssh_keyring_close(k);
	return rc;
}

int ssh_keyring_attach(struct ssh_keyring *k, ssh_session session)
{
	sigset_t all, old;
	int pair[2], rc;

	if (k->count == 0)
		return 0;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_set(ST_PEER, "cannot use the ssh-agent: %s", strerror(errno));
	k->ours = pair[0];
	if (ssh_set_agent_socket(session, pair[1]) !=
		SSH_OK) { /* if this succeeds, the session owns pair[1] */
		close(pair[1]);
		return err_set(ST_PEER, "cannot use the ssh-agent: %s", ssh_get_error(session));
	}
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(&k->thread, NULL, serve_agent, k);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (rc != 0)
		return err_set(ST_FAILED, "cannot start a thread: %s", strerror(rc));
	k->is_running = true;
	return 0;
}

void ssh_keyring_show(struct ssh_keyring *k, const struct ssh_keyring_key *key, const uint8_t *cert,
	uint32_t cert_len)
{
	pthread_mutex_lock(&k->lock);
	k->shown = key;
	k->cert = cert;
	k->cert_len = cert_len;
	pthread_mutex_unlock(&k->lock);
}

void ssh_keyring_close(struct ssh_keyring *k)
{
	size_t i;

	if (k->ours >= 0)
		shutdown(k->ours, SHUT_RDWR);
	if (k->agent >= 0)
		shutdown(k->agent, SHUT_RDWR);
	if (k->is_running)
		pthread_join(k->thread, NULL);
	if (k->ours >= 0)
		close(k->ours);
	if (k->agent >= 0)
		close(k->agent);
	for (i = 0; i < k->count; i++) {
		free(k->key[i].blob);
		free(k->key[i].comment);
	}
	free(k->key);
	pthread_mutex_destroy(&k->lock);
	ssh_keyring_init(k);
}
