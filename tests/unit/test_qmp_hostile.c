/* qmp: against hostile servers. */
#include "lib/base/err.h"
#include "lib/host/qmp.h"
#include "tests/unit/qmp_server.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

/* A server of which qmp_open() fails. */
static void no_greeting(const char *what, serve_fn *serve, enum status status, const char *why)
{
	struct qmp *q = dial(serve);

	ok(!q, what);
	is_int(err_status(), status, "... its status");
	ok(strstr(err_text(), why), err_text());
	hang_up(q);
}

static void serve_silence(int fd)
{
	linger(fd);
}

static void serve_close(int fd)
{
	(void)fd;
}

static void serve_text(int fd)
{
	tell(fd, "220 mail ESMTP \033[2J\r\n");
	linger(fd);
}

static void serve_other(int fd)
{
	tell(fd, "{\"hello\": 1}\n");
	linger(fd);
}

static void serve_endless(int fd)
{
	static char x[65536];

	memset(x, '{', sizeof(x));
	while (say(fd, x, sizeof(x)))
		;
}

static void serve_deep(int fd)
{
	static char x[100000];

	tell(fd, "{\"QMP\": ");
	memset(x, '[', sizeof(x));
	say(fd, x, sizeof(x));
	memset(x, ']', sizeof(x));
	say(fd, x, sizeof(x));
	tell(fd, "}\n");
	linger(fd);
}

static void serve_refusal(int fd)
{
	char line[4096];

	tell(fd, GREETING);
	hear(fd, line, sizeof(line));
	tell(fd, "{\"error\": {\"class\": 1, \"desc\": 2}}\n");
	linger(fd);
}

static void test_greetings(void)
{
	no_greeting("silence", serve_silence, ST_BUSY, "another client is connected");
	no_greeting("closed", serve_close, ST_FAILED, "has closed the connection");
	no_greeting("no JSON", serve_text, ST_FAILED, "does not speak QMP");
	no_greeting("another object", serve_other, ST_FAILED, "does not speak QMP");
	no_greeting("a line without end", serve_endless, ST_FAILED, "a line that is too long");
	no_greeting("deeply nested", serve_deep, ST_FAILED, "does not speak QMP");
	no_greeting("refused", serve_refusal, ST_FAILED, "no reason");
}

/* A server that greets, and answers the next command badly. */
static void bad_call(const char *what, serve_fn *serve, bool is_over, const char *why)
{
	struct qmp *q = dial(serve);
	json_t *value = NULL;

	ok(q, what);
	is_int(qmp_call(q, "x", NULL, &value), -1, "... the command fails");
	is_int(err_status(), ST_FAILED, "... its status");
	ok(strstr(err_text(), why), err_text());
	if (is_over) {
		is_int(qmp_call(q, "x", NULL, &value), -1, "... and the next one");
		ok(strstr(err_text(), "was lost"), err_text());
		is_int(qmp_event(q, NULL, -1, &value), -1, "... and no event comes");
	}
	ok(!value, "... without a value");
	hang_up(q);
}

static void answer(int fd, const char *text)
{
	char line[4096];

	greet(fd);
	hear(fd, line, sizeof(line));
	tell(fd, text);
	linger(fd);
}

static void serve_future(int fd)
{
	answer(fd, "{\"return\": 1, \"id\": 3}\n");
}

static void serve_no_id(int fd)
{
	answer(fd, "{\"return\": 1}\n");
}

static void serve_text_id(int fd)
{
	answer(fd, "{\"return\": 1, \"id\": \"2\"}\n");
}

static void serve_no_value(int fd)
{
	answer(fd, "{\"id\": 2}\n");
}

static void serve_nothing(int fd)
{
	answer(fd, "{\"return\": 1, \"id\": 2}"); /* without a newline */
}

static void serve_half(int fd)
{
	char line[4096];

	greet(fd);
	hear(fd, line, sizeof(line));
	tell(fd, "{\"return\": 1, ");
}

static void serve_flood(int fd)
{
	greet(fd);
	while (tell(fd, "{\"event\": \"X\", \"data\": {}}\n"))
		;
}

static void serve_late_replies(int fd)
{
	greet(fd);
	while (tell(fd, "{\"return\": {}, \"id\": 1}\n"))
		;
}

static void serve_large_events(int fd)
{
	static char line[QMP_EVENT_BYTES / 2];
	int i;

	memset(line, ' ', sizeof(line));
	memcpy(line, "{\"event\": \"X\"", 13);
	memcpy(line + sizeof(line) - 2, "}\n", 2);
	greet(fd);
	for (i = 0; i < 8; i++)
		say(fd, line, sizeof(line));
	answer(fd, "");
}

static void test_calls(void)
{
	bad_call("the reply to a later command", serve_future, true, "nothing that was asked");
	bad_call("a reply without id", serve_no_id, true, "nothing that was asked");
	bad_call("an id that is a text", serve_text_id, true, "nothing that was asked");
	bad_call("a reply without value", serve_no_value, true, "without a value");
	bad_call("no reply", serve_nothing, false, "did not answer 'x'");
	bad_call("closed in the middle", serve_half, true, "has closed the connection");
	bad_call("only events", serve_flood, false, "did not answer 'x'");
}

static void test_floods(void)
{
	struct qmp *q = dial(serve_flood);
	json_t *event;
	int n;

	qmp_call(q, "x", NULL, NULL);
	ok(qmp_lost_events(q), "flood: events were lost");
	for (n = 0; n < QMP_EVENTS_MAX && qmp_event(q, "X", 0, &event) == 1; n++)
		json_decref(event);
	is_int(n, QMP_EVENTS_MAX, "flood: as many are kept");
	hang_up(q);
	q = dial(serve_large_events);
	qmp_call(q, "x", NULL, NULL);
	for (n = 0; qmp_event(q, "X", 0, &event) == 1; n++)
		json_decref(event);
	is_int(n, 2, "flood: only as many bytes are kept");
	hang_up(q);
	for (n = 0; n < 2; n++) {
		q = dial(n ? serve_flood : serve_late_replies);
		is_int(qmp_event(q, "Y", 0, &event), 0,
			"flood: what has come is looked at, and no more");
		is_int(qmp_event(q, "Y", 100, &event), 0, "flood: the time limit holds");
		hang_up(q);
	}
}

int main(void)
{
	scratch_open();
	test_greetings();
	test_calls();
	test_floods();
	scratch_close(tap_failed);
	return tap_done();
}
