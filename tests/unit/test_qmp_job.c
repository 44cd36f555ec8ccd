/* qmp_job and qmp_node: what is asked, and what is taken from the replies. */
#include "lib/base/err.h"
#include "lib/host/qmp_job.h"
#include "lib/host/qmp_node.h"
#include "tests/unit/qmp_server.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

static const char *answer; /* to the only request */
static char heard[4096];

static void serve_one(int fd)
{
	greet(fd);
	if (hear(fd, heard, sizeof(heard)))
		tell(fd, answer);
	linger(fd);
}

static void find(const char *list, int want, struct qmp_job *job, const char *what)
{
	char text[2048];
	struct qmp *q;

	snprintf(text, sizeof(text), "{\"return\": %s, \"id\": 2}\n", list);
	answer = text;
	q = dial(serve_one);
	is_int(qmp_job_find(q, "mine", job), want, what);
	hang_up(q);
}

static void test_find(void)
{
	struct qmp_job job;

	find("[]", 0, &job, "find: none");
	find("{}", 0, &job, "find: no list");
	find("[{\"device\": \"other\"}, 7, {\"device\": []}]", 0, &job, "find: another one");
	find("[{\"device\": \"mine\", \"offset\": 5, \"len\": 9, \"status\": \"running\", "
	     "\"paused\": false, \"io-status\": \"nospace\"}]",
		1, &job, "find: one that runs");
	ok(job.done == 5 && job.total == 9 && !job.has_ended && !job.is_ready && !*job.error &&
			!job.is_without_space,
		"... its numbers");
	find("[{\"device\": \"mine\", \"offset\": 10, \"len\": -9, \"status\": \"ready\"}]", 1,
		&job, "find: one that is ready");
	ok(job.done == 0 && job.total == 0 && job.is_ready, "... numbers that are none");
	find("[{\"device\": \"mine\", \"status\": \"paused\", \"paused\": true, \"io-status\": "
	     "\"nospace\"}]",
		1, &job, "find: one without space");
	ok(job.is_without_space, "... which is known");
	find("[{\"device\": \"mine\", \"status\": \"concluded\", \"error\": \"bad\\u001b\"}]", 1,
		&job, "find: one that has failed");
	ok(job.has_ended, "... it has ended");
	is_str(job.error, "bad\\x1b", "... why");
	find("[{\"device\": \"mine\", \"status\": \"concluded\", \"error\": \"\"}]", 1, &job,
		"find: one that has failed without a reason");
	is_str(job.error, "no reason", "... which is no success");
}

static void test_commit(void)
{
	struct qmp_job_commit c = { .id = "mine", .root = "r", .base = "b" };
	struct qmp *q;

	answer = "{\"return\": {}, \"id\": 2}\n";
	q = dial(serve_one);
	is_int(qmp_job_commit(q, &c), 0, "commit: the active layer");
	is_str(heard,
		"{\"execute\":\"block-commit\",\"arguments\":{\"job-id\":\"mine\",\"device\":\"r\","
		"\"base-node\":\"b\",\"on-error\":\"enospc\",\"auto-finalize\":true,"
		"\"auto-dismiss\":false},\"id\":2}",
		"... as it is asked");
	hang_up(q);
	c.top = "t";
	c.backing = "../base";
	c.masks_protocol = true;
	answer = "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\"}, \"id\": 2}\n";
	q = dial(serve_one);
	is_int(qmp_job_commit(q, &c), -1, "commit: refused");
	is_str(err_text(), "QEMU refused 'block-commit': no", "... why");
	ok(strstr(heard, "\"top-node\":\"t\",\"base-node\":\"b\",\"backing-file\":\"../base\","
			 "\"backing-mask-protocol\":true"),
		"... as it was asked");
	hang_up(q);
}

static int can_mask(const char *schema)
{
	char text[2048];
	struct qmp *q;
	int r;

	snprintf(text, sizeof(text), "{\"return\": [%s], \"id\": 2}\n", schema);
	answer = text;
	q = dial(serve_one);
	r = qmp_job_can_mask_protocol(q);
	hang_up(q);
	return r;
}

#define COMMAND "{\"name\": \"block-commit\", \"meta-type\": \"command\", \"arg-type\": \"73\"}"
#define OBJECT(members) "{\"name\": \"73\", \"meta-type\": \"object\", \"members\": " members "}"

static void test_schema(void)
{
	is_int(can_mask(""), 0, "schema: no such command");
	is_int(can_mask(COMMAND), 0, "schema: no such type");
	is_int(can_mask(COMMAND ", " OBJECT("[{\"name\": \"job-id\"}, 7]")), 0,
		"schema: no such argument");
	is_int(can_mask(COMMAND ", " OBJECT("[{\"name\": \"backing-mask-protocol\"}]")), 1,
		"schema: the argument");
}

static void test_nodes(void)
{
	const char *above;
	json_t *list;
	struct qmp *q;

	answer = "{\"return\": [7, {}, {\"node-name\": \"p\", \"stats\": {\"wr_highest_offset\": "
		 "8}}, "
		 "{\"node-name\": \"t\", \"parent\": {\"node-name\": \"p\"}}, "
		 "{\"node-name\": \"x\", \"parent\": {\"node-name\": \"y\"}}, "
		 "{\"node-name\": \"z\", \"parent\": {\"node-name\": \"y\"}}, "
		 "{\"node-name\": \"self\", \"parent\": {\"node-name\": \"self\"}}, "
		 "{\"node-name\": \"n\", \"stats\": {\"wr_highest_offset\": -8}}], \"id\": 2}\n";
	q = dial(serve_one);
	list = qmp_node_list(q);
	is_int(qmp_node_above(list, "p", &above), 1, "nodes: one above");
	is_str(above, "t", "... its name");
	is_int(qmp_node_above(list, "t", &above), 0, "nodes: none above");
	is_int(qmp_node_above(list, "self", &above), 0, "nodes: none above itself");
	is_int(qmp_node_above(list, "y", &above), -1, "nodes: two above");
	is_int(err_status(), ST_REFUSED, "... which is refused");
	is_int(qmp_node_end(list, "p"), 8, "nodes: the end");
	ok(qmp_node_end(list, "n") == 0 && qmp_node_end(list, "none") == 0, "nodes: no end");
	json_decref(list);
	hang_up(q);
	answer = "{\"error\": {\"class\": \"GenericError\", \"desc\": \"in use\"}, \"id\": 2}\n";
	q = dial(serve_one);
	is_int(qmp_node_remove(q, "p"), 0, "nodes: one that is needed");
	hang_up(q);
	answer = "no\n";
	q = dial(serve_one);
	is_int(qmp_node_remove(q, "p"), -1, "nodes: no QEMU");
	hang_up(q);
}

int main(void)
{
	scratch_open();
	test_find();
	test_commit();
	test_schema();
	test_nodes();
	scratch_close(tap_failed);
	return tap_done();
}
