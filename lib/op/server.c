/*
 * server: sends a greeting, then serves one request after the other.  If the client is lost or a
 * signal arrives, cancel_set() interrupts the operation, which then rolls back its work as after
 * any other error.
 */
#include "lib/op/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/base/hint.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/base/pathname.h"
#include "lib/op/data_lanes.h"
#include "lib/op/op.h"
#include "lib/op/snapping.h"

struct server {
	struct session session;
	struct policy system;
	struct config system_config, user_config;
	char *home_config; /* the path of the user's file, if not given */
};

static void cancel_on_end(void *arg)
{
	(void)arg;
	cancel_set();
}

/*
 * Sends a line of the log to the client.  The caller may have an error recorded,
 * which a lost client must not replace.
 */
static void send_message(enum log_level level, const char *line, void *arg)
{
	uint8_t out[1 + WIRE_TEXT_MAX];
	size_t n = strnlen(line, WIRE_TEXT_MAX);
	struct err e;

	out[0] = (uint8_t)level;
	memcpy(out + 1, line, n);
	err_take(&e);
	conn_send(arg, WIRE_MESSAGE, out, n + 1);
	err_put(&e);
}

static int send_greeting(struct conn *c)
{
	struct buf b = BUF_INIT;
	struct utsname u;
	const struct op *op;
	int r;

	if (uname(&u) < 0)
		return err_sys("cannot get the name of this host");
	kv_add_u64(&b, "protocol", WIRE_PROTOCOL);
	kv_add(&b, "version", VERSION);
	kv_add(&b, "arch", u.machine);
	kv_add(&b, "host", u.nodename);
	kv_add_u64(&b, "pid", (uint64_t)getpid());
	kv_add_u64(&b, "lanes", 1 + WIRE_LANES_MAX);
	for (op = op_table; op->name; op++)
		kv_add(&b, "op", op->name);
	r = buf_failed(&b);
	if (r == 0)
		r = conn_send(c, WIRE_GREETING, b.data, b.len);
	buf_fini(&b);
	return r;
}

static const struct op *find_op(const struct kv *request)
{
	const char *name = kv_get(request, "op");
	const struct op *op;

	if (!name) {
		err_set(ST_PEER, "protocol error: a request without 'op'");
		return NULL;
	}
	for (op = op_table; op->name; op++)
		if (strcmp(op->name, name) == 0)
			return op;
	err_set(ST_PEER, "the helper has no operation '%.64s'", name);
	return NULL;
}

/* Makes the checks of a request that do not need its images. */
static int check_request(const struct session *s, const struct op *op, const struct kv *request)
{
	if (schema_check(&op->schema, op->name, request) < 0)
		return -1;
	return schema_allow(&op->schema, op->name, request, s->rights);
}

/* Adds to the recorded error what the user could do about it, unless it says so already. */
static void add_hint(void)
{
	const char *hint = NULL;
	struct err e;
	size_t n;

	if (err_status() == ST_USAGE)
		hint = "see --help";
	else if (err_status() == ST_REFUSED && geteuid() != 0 &&
		 (err_errno() == EACCES || err_errno() == EPERM))
		hint = hint_sudo();
	if (!hint || strstr(err_text(), "(see ") || strstr(err_text(), "(try "))
		return;
	err_take(&e);
	n = strlen(e.text);
	snprintf(e.text + n, sizeof(e.text) - n, " (%s)", hint);
	err_put(&e);
}

/* Serves one request.  0: go on; -1 recorded: end the connection. */
static int serve_request(struct session *s, const struct frame *f)
{
	struct kv request = KV_INIT;
	struct buf reply = BUF_INIT;
	const struct op *op = NULL;
	struct err e;
	int r = -1;

	s->has_answered = false;
	if (kv_parse(&request, f->payload, f->len) == 0 && (op = find_op(&request)) &&
		check_request(s, op, &request) == 0)
		r = op->run(s, &request, &reply);
	if (r == 0)
		r = buf_failed(&reply);
	if (r == 0) {
		r = conn_send(s->conn, WIRE_OK, reply.data, reply.len);
	} else {
		if (cancel_signal())
			err_set(ST_PEER, "the helper was terminated by a signal");
		add_hint();
		err_take(&e);
		if (cancel_is_set() || (op && op->streams && s->has_answered)) {
			conn_send_error(s->conn, &e);
			err_put(&e);
		} else {
			r = conn_send_failed(s->conn, &e);
		}
	}
	kv_fini(&request);
	buf_fini(&reply);
	return r;
}

/* Tells the client why the connection ends. */
static int refuse_frame(struct session *s, const struct frame *f)
{
	struct err e;

	err_set(ST_PEER, "protocol error: %s without a request", wire_name(f->type));
	err_take(&e);
	conn_send_error(s->conn, &e);
	err_put(&e);
	return -1;
}

/* The channel is given to another helper. */
static int serve_lane(struct session *s, struct frame *f)
{
	uint8_t lane[WIRE_LANE_SIZE];
	struct conn *c = s->conn;

	memcpy(lane, f->payload, sizeof(lane));
	conn_release(c, f);
	log_route(NULL, NULL);
	s->conn = NULL;
	return data_lanes_serve(c, lane);
}

static int serve_all(struct session *s)
{
	bool is_first = true;
	struct frame *f;
	int r;

	for (;; is_first = false) {
		r = conn_recv(s->conn, &f);
		if (r <= 0)
			return r;
		if (f->type == WIRE_LANE && is_first)
			return serve_lane(s, f);
		if (f->type == WIRE_REQUEST)
			r = serve_request(s, f);
		else
			r = refuse_frame(s, f);
		conn_release(s->conn, f);
		if (r < 0)
			return -1;
	}
}

/* The system's configuration always limits; the user's file can only narrow that. */
static int read_config(struct server *sv, const char *given)
{
	const char *home = pathname_home(), *user = given;
	struct stat st;

	if (!user && home) {
		if (asprintf(&sv->home_config, "%s/.config/img-tools/config", home) < 0) {
			sv->home_config = NULL;
			return err_set(ST_FAILED, "out of memory");
		}
		user = sv->home_config;
	}
	/* A home that is no directory, such as /dev/null, has no configuration. */
	if (!given && user && stat(home, &st) == 0 && !S_ISDIR(st.st_mode))
		user = NULL;
	if (config_read(&sv->system_config, CONFIG_SYSTEM, false) < 0 ||
		(user && config_read(&sv->user_config, user, given != NULL) < 0) ||
		policy_init(&sv->system, &sv->system_config, CONFIG_SYSTEM) < 0 ||
		policy_init(&sv->session.policy, &sv->user_config, user) < 0)
		return -1;
	sv->session.policy.also = &sv->system;
	sv->session.system = &sv->system_config;
	sv->session.user = &sv->user_config;
	return 0;
}

/* Whether an image is in use, and which paths are open, is only known from /proc. */
static int check_proc(void)
{
	if (access("/proc/self/fd", X_OK) == 0)
		return 0;
	return err_set(ST_PEER, "cannot start the helper: /proc is not mounted there");
}

int server_run(const struct server_options *opt)
{
	const struct conn_hooks hooks = { .ended = cancel_on_end };
	struct server sv;
	struct err e;
	int r;

	if (opt->is_local)
		hint_is_local();
	memset(&sv, 0, sizeof(sv));
	sv.session.has_stdio = opt->has_stdio;
	sv.session.rights = opt->rights;
	/* On a line of its own, since the output of a login script may end without a newline. */
	if (io_write(opt->out, "\n" WIRE_READY "\n", strlen("\n" WIRE_READY "\n")) < 0)
		return ST_PEER;
	sv.session.conn = conn_new(
		opt->in, opt->out, WIRE_HELPER, &hooks, opt->is_local ? CONN_NO_SILENCE : 0);
	if (!sv.session.conn)
		return (int)err_status();
	log_route(send_message, sv.session.conn);
	r = check_proc();
	if (r == 0)
		r = read_config(&sv, opt->user_config);
	if (r < 0) {
		err_take(&e);
		conn_send_error(sv.session.conn, &e);
		err_put(&e);
	} else if ((r = send_greeting(sv.session.conn)) == 0) {
		r = serve_all(&sv.session);
	}
	snapping_free(sv.session.taken);
	log_route(NULL, NULL);
	conn_close(sv.session.conn);
	policy_fini(&sv.session.policy);
	policy_fini(&sv.system);
	config_fini(&sv.system_config);
	config_fini(&sv.user_config);
	free(sv.home_config);
	return r < 0 ? (int)err_status() : 0;
}
