/* progress: JSON lines, the line on a terminal, and messages in between. */
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/cli/progress.h"
#include "tests/unit/capture.h"
#include "tests/unit/conns.h"
#include "tests/unit/tap.h"

static struct cli cli;

static void begin(enum cli_progress how, int quiet)
{
	cli.progress = how;
	cli.quiet = quiet;
	progress_begin(&cli);
}

static const char *show(uint64_t done, uint64_t total, uint64_t wire)
{
	struct wire_progress p = { done, total, done, total > done ? total - done : 0, 0, 0, 0,
		UINT64_MAX };

	progress_show(NULL, "copy", &p, wire);
	return capture_read();
}

static void show_quietly(uint64_t done, uint64_t total)
{
	struct wire_progress p = { done, total, done, total - done, 0, 0, 0, UINT64_MAX };

	progress_show(NULL, "copy", &p, 0);
}

static void test_whether(void)
{
	begin(CLI_PROGRESS_NEVER, 0);
	ok(!progress_is_on(), "never is never");
	is_str(show(1, 2, 3), "", "and prints nothing");
	begin(CLI_PROGRESS_AUTO, 0);
	ok(!progress_is_on(), "by itself not to a pipe");
	begin(CLI_PROGRESS_ALWAYS, 1);
	ok(progress_is_on(), "if requested, also without a terminal, and with --quiet");
	begin(CLI_PROGRESS_JSON, 1);
	ok(progress_is_on(), "as JSON as well");
	progress_end(true);
	ok(!progress_is_on(), "until the end");
	capture_read();
}

/* Reports progress until a line is printed, and returns that line. */
static json_t *next_line(uint64_t done, uint64_t total, uint64_t wire)
{
	const char *text = "";
	json_t *line;

	if (!conns_wait(*(text = show(done, total, wire))))
		return NULL;
	line = json_loads(text, 0, NULL);
	return line && strchr(text, '\n') == text + strlen(text) - 1 ? line : NULL;
}

static uint64_t number(const json_t *line, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(line, key));
}

static void test_json(void)
{
	int64_t began = io_now_ms();
	json_t *line;

	begin(CLI_PROGRESS_JSON, 0);
	line = next_line(1000, 0, 0);
	ok(line && json_object_size(line) == 6, "a line of six keys, at once");
	is_str(json_string_value(json_object_get(line, "phase")), "copy", "the phase");
	ok(json_is_null(json_object_get(line, "total")) &&
			json_is_null(json_object_get(line, "eta")),
		"what is not known is null");
	ok(number(line, "done") == 1000 && number(line, "wire") == 0, "the rest is numbers");
	json_decref(line);
	line = next_line(101000, 1101000, 50000);
	ok(line && io_now_ms() - began >= PROGRESS_JSON_MS,
		"the next line comes half a second later");
	ok(number(line, "rate") > 0 && number(line, "rate") <= 200000 + 1000, "with a rate");
	ok(json_is_integer(json_object_get(line, "eta")) && number(line, "eta") >= 4,
		"how long it will be");
	ok(number(line, "total") == 1101000 && number(line, "wire") == 50000, "and all else");
	json_decref(line);
	line = next_line(UINT64_MAX, 5, 0);
	is_int(number(line, "done"), 5, "more than all is all");
	json_decref(line);
	progress_end(true);
	line = json_loads(capture_read(), 0, NULL);
	is_str(json_string_value(json_object_get(line, "phase")), "done",
		"the end is told at once");
	ok(number(line, "done") == 5 && number(line, "total") == 5 && json_object_size(line) == 6,
		"with all that was done");
	json_decref(line);
	begin(CLI_PROGRESS_JSON, 0);
	progress_end(false);
	line = json_loads(capture_read(), 0, NULL);
	is_str(json_string_value(json_object_get(line, "phase")), "failed", "also of what failed");
	ok(json_is_null(json_object_get(line, "total")), "before anything was known");
	json_decref(line);
	begin(CLI_PROGRESS_JSON, 0);
	progress_total(77);
	progress_end(true);
	line = json_loads(capture_read(), 0, NULL);
	ok(number(line, "done") == 77 && number(line, "total") == 77,
		"or of what was too short to show");
	json_decref(line);
}

static void test_live(void)
{
	const char *text;

	begin(CLI_PROGRESS_ALWAYS, 0);
	text = show(1048576, 4194304, 0);
	is_str(text, "\rcopy   25%     1 MiB of 4 MiB\033[K", "a live line");
	is_str(show(2, 4, 0), "", "is not redrawn all the time");
	log_note("a message");
	is_str(capture_read(), "\r\033[Ktest: a message\n", "a message replaces the line");
	log_note("another");
	is_str(capture_read(), "test: another\n", "no line is cleared then");
	ok(conns_wait(*(text = show(2097152, 4194304, 1024))), "it is drawn again");
	ok(strncmp(text, "\rcopy   50%     2 MiB of 4 MiB  ", 32) == 0 &&
			strstr(text, "/s     1 KiB sent     0:0"),
		"with rate, wire and time");
	progress_end(true);
	is_str(capture_read(), "\r\033[K", "and cleared at the end");
	log_note("last");
	is_str(capture_read(), "test: last\n", "for good");
}

/* What is left of a large image is a hole, which takes no time. */
static void test_holes(void)
{
	struct wire_progress p = { 1u << 30, 1ull << 40, 1000000, 1000000, 0, 0, 0, UINT64_MAX };
	json_t *line;

	begin(CLI_PROGRESS_JSON, 0);
	progress_show(NULL, "copy", &p, 0);
	capture_read();
	p.data += 500000;
	p.left -= 500000;
	line = NULL;
	while (!line) {
		progress_show(NULL, "copy", &p, 0);
		line = json_loads(capture_read(), 0, NULL);
	}
	ok(number(line, "rate") <= 1000000 && number(line, "rate") > 0, "the rate is that of data");
	ok(json_is_integer(json_object_get(line, "eta")) && number(line, "eta") < 1000,
		"and so is the time left");
	json_decref(line);
	progress_end(true);
	capture_read();
}

/* A rate of some bytes a second makes the time left hours. */
static void test_hours(void)
{
	const char *text;

	begin(CLI_PROGRESS_ALWAYS, 0);
	progress_item("a\033[31m\xc2\x9b.img", 2, 30);
	is_str(capture_read(), "\r2/30 a\\x1b[31m\\xc2\\x9b.img: connecting\033[K",
		"which image of how many");
	show(0, 1u << 30, 0);
	ok(conns_wait(*(text = show(50000, 1u << 30, 0))), "a slow copy");
	ok(strncmp(text, "\r2/30 a", 7) == 0 && strstr(text, ":") && strstr(text, " left"),
		"has the name and the time left");
	text = strstr(text, "/s ");
	ok(text && strlen(text) > 12 && strchr(text, ':') != strrchr(text, ':'), "in hours");
	progress_item("b", 3, 30);
	is_str(capture_read(), "\r3/30 b: connecting\033[K", "the next image");
	progress_end(true);
	capture_read();
}

/* A stopped terminal accepts nothing: the thread of the connection must not wait for it. */
static void test_stopped(void)
{
	static char full[4096];
	size_t n = 0;

	io_set_nonblock(STDERR_FILENO, 1);
	while (write(STDERR_FILENO, full, sizeof(full)) > 0)
		n++;
	io_set_nonblock(STDERR_FILENO, 0);
	begin(CLI_PROGRESS_ALWAYS, 0);
	show_quietly(1, 2);
	ok(n > 0 && progress_is_on(), "if the terminal accepts nothing, nobody waits");
	progress_end(true);
	while (*capture_read() || read(capture_pipe[0], full, sizeof(full)) > 0)
		;
}

static void *log_much(void *arg)
{
	int i;

	for (i = 0; i < 200; i++)
		log_note("x");
	return arg;
}

static void *progress_much(void *arg)
{
	uint64_t i;

	for (i = 0; i < 5000; i++)
		show_quietly((uint64_t)i, 5000);
	return arg;
}

/* One thread prints messages while another reports progress. */
static void test_threads(void)
{
	pthread_t a, b;

	begin(CLI_PROGRESS_ALWAYS, 0);
	a = conns_start(log_much, &cli);
	b = conns_start(progress_much, &cli);
	conns_join(a);
	conns_join(b);
	progress_end(true);
	ok(strstr(capture_read(), "test: x\n") != NULL,
		"messages and progress do not hinder each other");
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	log_init("test");
	capture_stderr();
	test_whether();
	test_json();
	test_live();
	test_holes();
	test_hours();
	test_stopped();
	test_threads();
	capture_stderr_end();
	return tap_done();
}
