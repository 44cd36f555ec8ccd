/*
 * guest_pause: against a monitor that does not do what it should.  The process that pauses the
 * guest is this program, started again.
 */
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/host/guest_pause.h"
#include "lib/host/guest_pauser.h"
#include "tests/unit/qmp_server.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

#define WAIT_MS 20000

/* What the monitor does when it is to stop the guest, or to let it go on. */
enum mode {
	OBEYS,
	SILENT_STOP,	/* stops it, and does not answer */
	CLOSES_AT_STOP, /* stops it, and closes the connection */
	GARBAGE_AT_STOP,
	LIES,	     /* answers, and the guest runs */
	MIGRATES,    /* while it is paused */
	REFUSES_CONT /* for the first two times */
};

static char *program; /* this one; under memcheck, /proc/self/exe is that */

static struct monitor {
	int listener;
	pthread_t thread;
	_Atomic enum mode mode;
	atomic_int stops, conts, clients;
	atomic_bool is_running;
} monitor;

/* The value of "id" in a request. */
static int id_of(const char *line)
{
	const char *id = strstr(line, "\"id\":");

	return id ? atoi(id + 5) : 0;
}

static const char *status_now(void)
{
	if (atomic_load(&monitor.is_running))
		return "{\"running\": true, \"status\": \"running\"}";
	if (atomic_load(&monitor.mode) == MIGRATES)
		return "{\"running\": false, \"status\": \"postmigrate\"}";
	return "{\"running\": false, \"status\": \"paused\"}";
}

/* Does a command.  What it returns as JSON; "": an error; NULL: the mode has answered. */
static const char *monitor_do(int fd, const char *line)
{
	enum mode mode = atomic_load(&monitor.mode);

	if (strstr(line, "\"query-status\""))
		return status_now();
	if (strstr(line, "\"cont\"")) {
		if (atomic_fetch_add(&monitor.conts, 1) < 2 && mode == REFUSES_CONT)
			return "";
		atomic_store(&monitor.is_running, true);
	}
	if (strstr(line, "\"stop\"")) {
		atomic_fetch_add(&monitor.stops, 1);
		atomic_store(&monitor.is_running, mode == LIES);
		if (mode == GARBAGE_AT_STOP)
			tell(fd, "hello\n");
		if (mode == CLOSES_AT_STOP)
			shutdown(fd, SHUT_RDWR);
		if (mode == GARBAGE_AT_STOP || mode == CLOSES_AT_STOP || mode == SILENT_STOP)
			return NULL;
	}
	return "{}";
}

static void monitor_serve(int fd)
{
	char line[4096], answer[4096];
	const char *value;

	tell(fd, GREETING);
	while (hear(fd, line, sizeof(line))) {
		value = monitor_do(fd, line);
		if (!value)
			continue;
		if (*value)
			snprintf(answer, sizeof(answer), "{\"return\": %s, \"id\": %d}\n", value,
				id_of(line));
		else
			snprintf(answer, sizeof(answer),
				"{\"error\": {\"class\": \"GenericError\", \"desc\": \"not "
				"now\"}, \"id\": %d}\n",
				id_of(line));
		tell(fd, answer);
	}
}

/* One client after the other, as QEMU does. */
static void *monitor_run(void *arg)
{
	int fd;

	(void)arg;
	while ((fd = accept(monitor.listener, NULL, NULL)) >= 0) {
		atomic_fetch_add(&monitor.clients, 1);
		monitor_serve(fd);
		close(fd);
	}
	return NULL;
}

static void monitor_start(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "socket" };

	monitor.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (monitor.listener < 0 ||
		bind(monitor.listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(monitor.listener, 4) < 0 ||
		pthread_create(&monitor.thread, NULL, monitor_run, NULL) != 0)
		abort();
}

static void monitor_end(void)
{
	shutdown(monitor.listener, SHUT_RDWR);
	pthread_join(monitor.thread, NULL);
	close(monitor.listener);
}

/* Begins a case with a guest that runs, and a pause that was checked. */
static struct guest_pause begin_case(enum mode mode)
{
	struct guest_pause p = {
		.policy = &qmp_policy, .socket = "socket", .owner = getuid(), .program = program
	};

	atomic_store(&monitor.mode, mode);
	atomic_store(&monitor.stops, 0);
	atomic_store(&monitor.conts, 0);
	atomic_store(&monitor.is_running, true);
	err_clear();
	is_int(guest_pause_check(&p), 0, "check");
	ok(p.was_running, "... it runs");
	return p;
}

/* The guest runs, now or soon, since it was let go on so many times. */
static void goes_on(int conts)
{
	int64_t until = io_now_ms() + WAIT_MS;

	while ((atomic_load(&monitor.conts) < conts || !atomic_load(&monitor.is_running)) &&
		io_now_ms() < until)
		poll(NULL, 0, 10);
	ok(atomic_load(&monitor.is_running), "... the guest runs");
	is_int(atomic_load(&monitor.conts), conts, "... it was let go on so often");
}

/* guest_pause_begin() fails, with that text, and the guest goes on. */
static void begin_fails(enum mode mode, const char *why, int conts)
{
	struct guest_pause p = begin_case(mode);

	is_int(guest_pause_begin(&p), -1, why);
	is_int(err_status(), ST_FAILED, "... its status");
	ok(strncmp(err_text(), "QMP socket 'socket': ", 21) == 0, err_text());
	ok(strstr(err_text(), why), why);
	is_int(atomic_load(&monitor.stops), 1, "... it was stopped once");
	goes_on(conts);
	err_clear();
	is_int(guest_pause_end(&p), 0, "... nothing is left to be ended");
}

static void test_good(void)
{
	struct guest_pause p = begin_case(OBEYS), none = { .policy = &qmp_policy };

	is_int(guest_pause_begin(&p), 0, "good: begin");
	ok(!atomic_load(&monitor.is_running) && p.has_paused, "good: it is paused");
	is_int(guest_pause_end(&p), 0, "good: end");
	ok(p.paused_us > 0, "good: for some time");
	goes_on(1);
	is_int(guest_pause_end(&p), 0, "good: it is ended only once");
	is_int(guest_pause_check(&none), 0, "good: no guest is wanted");
	is_int(guest_pause_begin(&none), 0, "good: ... begin");
	is_int(guest_pause_end(&none), 0, "good: ... end");
	goes_on(1);
}

static void test_kept_error(void)
{
	struct guest_pause p = begin_case(OBEYS);

	is_int(guest_pause_begin(&p), 0, "kept: begin");
	err_set(ST_NOROOM, "no free space");
	is_int(guest_pause_end(&p), 0, "kept: end");
	is_str(err_text(), "no free space", "kept: the error before");
	goes_on(1);
}

static void test_refused(void)
{
	struct guest_pause p = begin_case(REFUSES_CONT);

	is_int(guest_pause_begin(&p), 0, "refused: begin");
	is_int(guest_pause_end(&p), -1, "refused: end");
	ok(strstr(err_text(), "QEMU refused 'cont': not now"), err_text());
	goes_on(3);
}

/* It may run on another host then. */
static void test_migrated(void)
{
	struct guest_pause p = begin_case(OBEYS);

	is_int(guest_pause_begin(&p), 0, "migrated: begin");
	atomic_store(&monitor.mode, MIGRATES);
	is_int(guest_pause_end(&p), -1, "migrated: end");
	is_int(err_status(), ST_BUSY, err_text());
	is_int(atomic_load(&monitor.conts), 0, "migrated: it is not let go on");
}

static void test_killed(void)
{
	struct guest_pause p = begin_case(OBEYS);

	is_int(guest_pause_begin(&p), 0, "killed: begin");
	kill(p.pid, SIGKILL);
	is_int(guest_pause_end(&p), -1, "killed: end");
	ok(strstr(err_text(), "was killed"), err_text());
	goes_on(1);
}

/* The last case, as it cannot be taken back. */
static void test_cancelled(void)
{
	struct guest_pause p = begin_case(OBEYS);

	is_int(guest_pause_begin(&p), 0, "cancelled: begin");
	cancel_set();
	is_int(guest_pause_end(&p), 0, "cancelled: end");
	goes_on(1);
	is_int(guest_pause_begin(&p), -1, "cancelled: begin again");
	is_str(err_text(), "interrupted", "cancelled: ... its text");
	is_int(atomic_load(&monitor.conts), atomic_load(&monitor.stops), "cancelled: it goes on");
	ok(atomic_load(&monitor.is_running), "cancelled: ... and runs");
}

static void ignore_line(enum log_level level, const char *line, void *arg)
{
	(void)arg;
	printf("# %d: %s\n", (int)level, line);
}

int main(int argc, char **argv)
{
	if (cancel_init() < 0)
		return 1;
	if (argc > 2 && strcmp(argv[1], "--guest") == 0)
		return guest_pauser_run(argv + 2);
	log_route(ignore_line, NULL);
	program = realpath(argv[0], NULL);
	scratch_open();
	monitor_start();
	test_good();
	test_kept_error();
	begin_fails(SILENT_STOP, "QEMU did not answer 'stop' within 10 seconds", 1);
	begin_fails(CLOSES_AT_STOP, "QEMU has closed the connection", 1);
	begin_fails(GARBAGE_AT_STOP, "does not speak QMP", 1);
	begin_fails(LIES, "the guest runs although it was paused", 0);
	test_refused();
	test_migrated();
	test_killed();
	test_cancelled();
	monitor_end();
	free(program);
	scratch_close(tap_failed);
	return tap_done();
}
