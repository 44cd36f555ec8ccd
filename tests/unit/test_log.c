/* log: levels, unsafe characters, the sink, the hook. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/log.h"
#include "tests/unit/tap.h"

static int saved_stderr, pipe_end[2], hooked;
static struct buf routed;

/* Standard error goes to a pipe from capture() to captured(). */
static void capture(void)
{
	fflush(stdout);
	saved_stderr = dup(2);
	if (pipe(pipe_end) < 0 || dup2(pipe_end[1], 2) < 0)
		abort();
}

static const char *captured(void)
{
	static char text[16384];
	ssize_t n;

	dup2(saved_stderr, 2);
	close(saved_stderr);
	close(pipe_end[1]);
	n = read(pipe_end[0], text, sizeof(text) - 1);
	close(pipe_end[0]);
	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void sink(enum log_level level, const char *line, void *arg)
{
	buf_addf(arg, "%d:%s|", (int)level, line);
}

static void hook(void)
{
	hooked++;
}

static void say_all(void)
{
	log_error("e");
	log_warn("w");
	log_note("n");
	log_info("i");
	log_debug("d");
}

static void test_levels(void)
{
	log_init("img-test");
	capture();
	say_all();
	is_str(captured(), "img-test: e\nimg-test: w\nimg-test: n\n", "notes are shown at first");
	log_set_level(LOG_LEVEL_ERROR);
	capture();
	say_all();
	is_str(captured(), "img-test: e\nimg-test: w\n", "errors and warnings always");
	log_set_level(LOG_LEVEL_DEBUG);
	log_before(hook);
	capture();
	say_all();
	is_str(captured(), "img-test: e\nimg-test: w\nimg-test: n\nimg-test: i\nimg-test: d\n",
		"everything");
	is_int(hooked, 5, "the hook is called before each line");
	log_set_level(LOG_LEVEL_NOTE);
	capture();
	log_info("hidden");
	is_str(captured(), "", "hidden lines are not printed");
	is_int(hooked, 5, "nor announced");
	log_before(NULL);
}

static void test_safety(void)
{
	static char name[20000];
	const char *line;

	capture();
	log_at(LOG_LEVEL_NOTE, "a\n%s\x1b[2J", "b\r");
	is_str(captured(), "img-test: a\\nb\\x0d\\x1b[2J\n", "control characters are shown");
	memset(name, 'n', sizeof(name) - 1);
	capture();
	log_error("%s", name);
	line = captured();
	is_int(strlen(line), 4095, "a long line is truncated");
	is_str(line + 4095 - 4, "...\n", "which shows");
}

static void test_of_host(void)
{
	capture();
	log_of_host(LOG_LEVEL_NOTE, NULL, "/x: a");
	log_of_host(LOG_LEVEL_NOTE, "h", "/x: a");
	log_of_host(LOG_LEVEL_NOTE, "h", "text");
	log_of_host(LOG_LEVEL_WARN, "h", "warning: /x: b");
	log_of_host(LOG_LEVEL_WARN, "h", "warning: text");
	is_str(captured(),
		"img-test: /x: a\nimg-test: h:/x: a\nimg-test: h: text\n"
		"img-test: warning: h:/x: b\nimg-test: warning: h: text\n",
		"a message of another host names it");
}

/* Standard error that takes nothing more does not stop whoever reads the connection. */
static void test_stalled(void)
{
	static char filling[4096];
	int p[2], kept = dup(STDERR_FILENO);

	if (pipe(p) < 0 || fcntl(p[1], F_SETFL, O_NONBLOCK) < 0)
		ok(0, "a pipe");
	while (write(p[1], filling, sizeof(filling)) > 0)
		;
	dup2(p[1], STDERR_FILENO);
	fcntl(p[1], F_SETFL, 0);
	log_of_host(LOG_LEVEL_WARN, "h", "dropped"); /* else this never returns */
	dup2(kept, STDERR_FILENO);
	ok(1, "a message of another host waits for seconds only");
	close(kept);
	close(p[0]);
	close(p[1]);
}

static void test_route(void)
{
	buf_init(&routed);
	log_route(sink, &routed);
	capture();
	say_all();
	log_note("x\ty");
	is_str(captured(), "", "no text on standard error");
	is_str(buf_str(&routed), "0:e|1:w|2:n|3:i|4:d|2:x\\ty|", "all levels reach the sink, safe");
	log_route(NULL, NULL);
	capture();
	log_note("back");
	is_str(captured(), "img-test: back\n", "undone");
	buf_fini(&routed);
}

int main(void)
{
	test_levels();
	test_safety();
	test_of_host();
	test_stalled();
	test_route();
	return tap_done();
}
