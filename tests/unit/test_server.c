/*
 * The helper's loop in a process of its own: requests that it refuses because
 * of its rights or because they are wrong, and frames that have no place there.
 */
#include <signal.h>

#include "lib/op/schema.h"
#include "lib/op/server.h"
#include "lib/peer/bootstrap.h"
#include "lib/wire/lane_hub.h"
#include "tests/unit/conns.h"
#include "tests/unit/tap.h"

static const struct bootstrap_limits limits = { CONNS_PATIENCE_MS, CONNS_PATIENCE_MS };
static pid_t server;

/* A helper with these rights that has greeted. */
static struct conn *start_server(unsigned rights)
{
	struct server_options opt = { .user_config = "/dev/null", .rights = rights };
	char arch[BOOTSTRAP_ARCH_MAX];
	struct conn *c;
	struct frame *f;
	struct kv kv;
	uint64_t lanes = 0, protocol = 0;
	int fd[2];

	conns_socket(fd);
	fflush(stdout);
	server = fork();
	if (server == 0) {
		close(fd[0]);
		opt.in = opt.out = fd[1];
		_exit(server_run(&opt));
	}
	close(fd[1]);
	if (server < 0 || bootstrap_run(fd[0], NULL, &limits, arch) != BOOTSTRAP_READY ||
		!(c = conn_new(fd[0], fd[0], WIRE_CLIENT, NULL, 0)) ||
		conn_expect(c, WIRE_GREETING, &f) < 0 || kv_parse(&kv, f->payload, f->len) < 0)
		abort();
	ok(kv_get_u64(&kv, "protocol", &protocol) == 1 && protocol == 3, "a helper of protocol 3");
	ok(kv_get_u64(&kv, "lanes", &lanes) == 1 && lanes == 9, "takes lanes");
	kv_fini(&kv);
	conn_release(c, f);
	return c;
}

/* Lets it end; its exit status. */
static int end_server(struct conn *c)
{
	int status = -1;

	conn_finish(c);
	if (!conn_drain(c, CONNS_PATIENCE_MS) || waitpid(server, &status, 0) != server)
		abort();
	conn_close(c);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void request(struct conn *c, const char *op, const char *path)
{
	struct buf b = BUF_INIT;

	kv_add(&b, "op", op);
	kv_add(&b, "path", path);
	if (conn_send(c, WIRE_REQUEST, b.data, b.len) < 0)
		abort();
	buf_fini(&b);
}

/* What FAILED says. */
static struct err failure(struct conn *c)
{
	struct err e = { ST_OK, 0, "" };
	struct frame *f;

	if (conn_expect(c, WIRE_FAILED, &f) == 0) {
		wire_error_parse(&e, f->payload, f->len);
		conn_release(c, f);
	}
	return e;
}

static void test_rights(void)
{
	struct conn *c = start_server(RIGHT_READ);
	struct err e;

	request(c, "delete", "/nonexistent/x");
	e = failure(c);
	is_int(e.status, ST_REFUSED, "which may only read, does not delete");
	is_str(e.text, "this helper may not do that: delete needs the right to delete",
		"and says why");
	request(c, "info", "/nonexistent/x");
	e = failure(c);
	is_int(e.status, ST_ABSENT, "but it goes on, and looks for an image");
	request(c, "info", NULL);
	e = failure(c);
	is_int(e.status, ST_PEER, "whose path it needs");
	is_str(e.text, "protocol error: info without 'path'", "as it says");
	request(c, "explode", NULL);
	e = failure(c);
	is_str(e.text, "the helper has no operation 'explode'", "and it knows what it can");
	is_int(end_server(c), 0, "then it ends in order");
}

/* A frame that ends the connection with this text. */
static void test_frame(enum wire_type type, size_t len, const char *text)
{
	struct conn *c = start_server(RIGHT_ALL);
	uint8_t payload[64] = { 0 };
	struct frame *f;

	if (conn_send(c, type, payload, len) < 0)
		abort();
	err_clear();
	is_int(conn_expect(c, WIRE_OK, &f), -1, wire_name(type));
	is_str(err_text(), text, "is refused");
	is_int(end_server(c), ST_PEER, "and the helper ends");
}

/* A target that has asked for no SAME. */
static void test_same(void)
{
	char path[] = "/tmp/img-server.XXXXXX", target[64];
	const struct wire_same s = { .off = 0, .len = BLOCK_SIZE };
	struct conn *c = start_server(RIGHT_ALL);
	uint8_t payload[WIRE_SAME_SIZE];
	struct frame *f;

	if (!mkdtemp(path))
		abort();
	snprintf(target, sizeof(target), "%s/x.img", path);
	request(c, "write", target);
	is_int(conn_expect(c, WIRE_RECORD, &f), 0, "is ready to write");
	conn_release(c, f);
	wire_same_put(payload, &s);
	if (conn_send(c, WIRE_SAME, payload, sizeof(payload)) < 0)
		abort();
	err_clear();
	is_int(conn_expect(c, WIRE_OK, &f), -1, "a SAME that was not asked for");
	is_str(err_text(), "protocol error: SAME in a stream", "is refused");
	is_int(err_status(), ST_PEER, "as a fault of the peer");
	end_server(c);
	is_int(rmdir(path), 0, "and nothing is left");
}

/* Its channel becomes a lane of this process's job, until that ends. */
static void test_lane(void)
{
	struct lane_hub hub = LANE_HUB_INIT;
	struct conn *c = start_server(RIGHT_READ);
	uint8_t lane[WIRE_LANE_SIZE];
	struct lane_ends ends;
	struct frame *f;
	int in, out, status = -1;
	char byte = 0;

	if (lane_hub_open(&hub) < 0)
		abort();
	memcpy(lane, hub.token, WIRE_TOKEN_SIZE);
	lane[WIRE_TOKEN_SIZE] = 3;
	if (conn_send(c, WIRE_LANE, lane, sizeof(lane)) < 0)
		abort();
	is_int(conn_expect(c, WIRE_OK, &f), 0, "gives its channel to a job");
	conn_release(c, f);
	conn_detach(c, &in, &out);
	is_int(lane_hub_take(&hub, 3, &ends), -1,
		"as the lane with that number, which is not 0 to 2");
	lane_hub_close(&hub);
	is_int(waitpid(server, &status, 0), server, "it ends when the job does not need it");
	is_int(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0, "in order");
	is_int(read(in, &byte, 1), 0, "and so does the lane");
	close(in);

	c = start_server(RIGHT_READ);
	if (conn_send(c, WIRE_LANE, lane, sizeof(lane)) < 0)
		abort();
	is_int(conn_expect(c, WIRE_OK, &f), -1, "a lane of a job that is gone");
	is_int(end_server(c), ST_PEER, "ends the helper");

	c = start_server(RIGHT_READ);
	request(c, "info", "/nonexistent/x");
	failure(c);
	if (conn_send(c, WIRE_LANE, lane, sizeof(lane)) < 0)
		abort();
	err_clear();
	is_int(conn_expect(c, WIRE_OK, &f), -1, "a LANE after a request");
	is_str(err_text(), "protocol error: LANE without a request", "is refused");
	is_int(end_server(c), ST_PEER, "and the helper ends");
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	test_rights();
	test_frame(WIRE_SAME, WIRE_SAME_SIZE, "protocol error: SAME without a request");
	test_frame(WIRE_GO, 0, "protocol error: GO without a request");
	test_same();
	test_lane();
	return tap_done();
}
