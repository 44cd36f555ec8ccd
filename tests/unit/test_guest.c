/* guest: the states of a guest, by a monitor and by virsh. */
#include <stdio.h>
#include <sys/stat.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/host/guest.h"
#include "tests/unit/qmp_server.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

/* What query-status returns, one after the other. */
static const struct reply {
	const char *text;
	int result; /* of guest_state() */
	enum guest_state state;
	enum status status;
} replies[] = {
	{ "{\"running\": true, \"status\": \"running\"}", 0, GUEST_RUNNING, ST_OK },
	{ "{\"running\": false, \"status\": \"paused\"}", 0, GUEST_PAUSED, ST_OK },
	{ "{\"running\": false, \"status\": \"io-error\"}", 0, GUEST_STOPPED, ST_OK },
	{ "{\"running\": false, \"status\": \"prelaunch\"}", 0, GUEST_STOPPED, ST_OK },
	{ "{\"running\": false, \"status\": \"of later\"}", 0, GUEST_STOPPED, ST_OK },
	{ "{\"running\": false, \"status\": \"postmigrate\"}", -1, GUEST_STOPPED, ST_BUSY },
	{ "{\"running\": false, \"status\": \"inmigrate\"}", -1, GUEST_STOPPED, ST_BUSY },
	{ "{\"running\": false}", -1, GUEST_STOPPED, ST_FAILED },
	{ "{\"running\": 1, \"status\": \"running\"}", -1, GUEST_STOPPED, ST_FAILED },
	{ "{\"status\": \"running\"}", -1, GUEST_STOPPED, ST_FAILED },
	{ "{\"running\": true, \"status\": []}", -1, GUEST_STOPPED, ST_FAILED },
	{ "[]", -1, GUEST_STOPPED, ST_FAILED },
	{ "null", -1, GUEST_STOPPED, ST_FAILED },
};

#define REPLIES (sizeof(replies) / sizeof(*replies))

static void serve_states(int fd)
{
	char line[4096], answer[4096];
	size_t i;

	greet(fd);
	for (i = 0; i < REPLIES && hear(fd, line, sizeof(line)); i++) {
		snprintf(answer, sizeof(answer), "{\"return\": %s, \"id\": %zu}\n", replies[i].text,
			i + 2);
		tell(fd, strstr(line, "\"query-status\"") ? answer : "{}\n");
	}
	linger(fd);
}

static void test_states(void)
{
	struct guest g = { .qmp = dial(serve_states) };
	enum guest_state state;
	size_t i;

	for (i = 0; i < REPLIES; i++) {
		err_clear();
		is_int(guest_state(&g, &state), replies[i].result, replies[i].text);
		if (replies[i].result == 0)
			is_int(state, replies[i].state, "... its state");
		else
			is_int(err_status(), replies[i].status, err_text());
	}
	ok(!guest_is_lost(&g), "the connection is not lost");
	hang_up(g.qmp);
}

/* What virsh prints, with LC_ALL=C. */
static const struct reply lines[] = {
	{ "running (booted)\n\n", 0, GUEST_RUNNING, ST_OK },
	{ "running (unpaused)\n", 0, GUEST_RUNNING, ST_OK },
	{ "in shutdown (unknown)\n\n", 0, GUEST_RUNNING, ST_OK },
	{ "running", 0, GUEST_RUNNING, ST_OK },
	{ "paused (user)\n\n", 0, GUEST_PAUSED, ST_OK },
	{ "paused (I/O error)\n\n", 0, GUEST_STOPPED, ST_OK },
	{ "paused (of later)\n\n", 0, GUEST_STOPPED, ST_OK },
	{ "paused (migrating)\n\n", -1, GUEST_STOPPED, ST_BUSY },
	{ "paused (post-copy failed)\n\n", -1, GUEST_STOPPED, ST_BUSY },
	{ "shut off (destroyed)\n\n", 0, GUEST_STOPPED, ST_OK },
	{ "crashed (panicked)\n\n", 0, GUEST_STOPPED, ST_OK },
	{ "pmsuspended (unknown)\n\n", 0, GUEST_STOPPED, ST_OK },
	{ "no state\n", -1, GUEST_STOPPED, ST_FAILED },
	{ "Running (booted)\n", -1, GUEST_STOPPED, ST_FAILED },
	{ "running\tnot\n", -1, GUEST_STOPPED, ST_FAILED },
	{ "\nrunning\n", -1, GUEST_STOPPED, ST_FAILED },
	{ " (", -1, GUEST_STOPPED, ST_FAILED },
	{ "", -1, GUEST_STOPPED, ST_FAILED },
};

static void test_lines(void)
{
	enum guest_state state;
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		err_clear();
		is_int(guest_state_parse(lines[i].text, &state), lines[i].result,
			"a line of virsh");
		if (lines[i].result == 0)
			is_int(state, lines[i].state, "... its state");
		else
			is_int(err_status(), lines[i].status, err_text());
	}
}

static void serve_events(int fd)
{
	char line[4096];

	greet(fd);
	hear(fd, line, sizeof(line));
	tell(fd, "{\"event\": \"RESUME\"}\n{\"event\": \"STOP\"}\n");
	tell(fd, strstr(line, "\"stop\"") ? "{\"return\": {}, \"id\": 2}\n" : "{}\n");
	hear(fd, line, sizeof(line));
	tell(fd, strstr(line, "\"cont\"") ? "{\"return\": {}, \"id\": 3}\n" : "{}\n");
}

static void test_events(void)
{
	struct guest g = { .qmp = dial(serve_events) };
	enum guest_state state;

	is_int(guest_stop(&g), 0, "events: stop");
	ok(guest_has_resumed(&g), "events: it has resumed");
	ok(!guest_has_resumed(&g), "events: not again");
	is_int(guest_continue(&g), 0, "events: cont");
	is_int(guest_state(&g, &state), -1, "events: QEMU ends");
	is_str(err_text(), "QEMU has closed the connection", "events: ... why");
	ok(guest_is_lost(&g), "events: the connection is lost");
	hang_up(g.qmp);
}

static void test_names(void)
{
	struct guest g = { .domain = "-web" };
	enum guest_state state;

	is_int(guest_state(&g, &state), -1, "names: an option");
	is_int(err_status(), ST_USAGE, "names: ... its status");
	g.domain = "";
	is_int(guest_stop(&g), -1, "names: nothing");
	is_int(err_status(), ST_USAGE, "names: ... its status");
	ok(!guest_is_lost(&g) && !guest_has_resumed(&g), "names: without a monitor");
}

int main(void)
{
	if (cancel_init() < 0)
		return 1;
	scratch_open();
	test_states();
	test_lines();
	test_events();
	test_names();
	scratch_close(tap_failed);
	return tap_done();
}
