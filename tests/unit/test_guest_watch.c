/* guest_watch: QEMU's events, and when a guest that was paused for space goes on. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/host/guest_watch.h"
#include "tests/unit/qmp_server.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

/* The command and the answer to it; the id is put before the end. */
struct answer {
	const char *command, *text;
};

static const struct answer *answers;
static char requests[4096];

/* Answers each request by the first answer whose command it contains, with its id. */
static void serve_by_command(int fd)
{
	const struct answer *a;
	char line[4096], out[4096];
	int id = 1;

	greet(fd);
	while (hear(fd, line, sizeof(line))) {
		snprintf(requests + strlen(requests), sizeof(requests) - strlen(requests), "%s",
			line);
		for (a = answers; a->command && !strstr(line, a->command); a++)
			;
		snprintf(out, sizeof(out), "{%s, \"id\": %d}\n",
			a->command ? a->text : "\"return\": {}", ++id);
		tell(fd, out);
	}
}

#define LIST(command, list) { "\"" command "\"", "\"return\": [" list "]" }
#define DISKS                                                                                      \
	LIST("query-block-jobs", ""),                                                              \
		LIST("query-named-block-nodes", "{\"node-name\": \"p\", \"drv\": \"file\", "       \
						"\"file\": \"a\"}, {\"node-name\": \"o\", "        \
						"\"drv\": \"file\", \"file\": \"b\"}"),            \
		LIST("query-blockstats",                                                           \
			"{\"node-name\": \"p\", \"stats\": {\"wr_highest_offset\": 512}}")
#define STATUS(word) { "\"query-status\"", "\"return\": {\"status\": \"" word "\"}" }
#define FULL(file) "{\"io-status\": \"nospace\", \"inserted\": {\"file\": \"" file "\"}}"

/* Starts a server with these answers, and opens it. */
static int dial_guest(struct guest_watch *g, const struct answer *with)
{
	struct qmp *q;

	answers = with;
	requests[0] = '\0';
	q = dial(serve_by_command);
	memset(g, 0, sizeof(*g));
	g->policy = &qmp_policy;
	g->socket = "socket";
	g->qmp = q;
	g->is_open = q != NULL;
	return q ? guest_watch_qmp_list(g, &g->live) : -1;
}

static void end_guest(struct guest_watch *g)
{
	guest_watch_close(g);
	hang_up(NULL);
}

static const struct live_disk *disk_of(const struct guest_watch *g, const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? NULL : guest_watch_find(g, &st);
}

/* Whether it is the file "a". */
static bool has_space(void *arg, const struct stat *st)
{
	struct stat a;

	return *(bool *)arg && stat("a", &a) == 0 && a.st_ino == st->st_ino;
}

/* What guest_watch_resume() says for these answers. */
static int resumed(const struct answer *with, bool grown)
{
	struct guest_watch g;
	int r = dial_guest(&g, with);

	if (r == 0)
		r = guest_watch_resume(&g, has_space, &grown);
	end_guest(&g);
	return strstr(requests, "\"cont\"") ? r + 10 : r;
}

static void test_set_and_look(void)
{
	static const struct answer with[] = { DISKS,
		{ "write-threshold",
			"\"event\": \"BLOCK_WRITE_THRESHOLD\", \"data\": {\"node-name\": "
			"\"p\", \"write-threshold\": 4096, \"amount-exceeded\": 904}}\n"
			"{\"event\": \"BLOCK_WRITE_THRESHOLD\", \"data\": {\"node-name\": "
			"\"p\", \"write-threshold\": -1, \"amount-exceeded\": []}}\n"
			"{\"event\": \"BLOCK_WRITE_THRESHOLD\", \"data\": {\"node-name\": \"p\","
			" \"write-threshold\": 9223372036854775807, \"amount-exceeded\": 7}}\n"
			"{\"event\": \"BLOCK_WRITE_THRESHOLD\", \"data\": 5}\n"
			"{\"return\": {}" },
		{ NULL, NULL } };
	struct guest_watch g;

	is_int(dial_guest(&g, with), 0, "set: opened");
	is_int(guest_watch_end(disk_of(&g, "a")), 512, "set: what is written");
	is_int(guest_watch_take(&g), 0, "set: nothing happened");
	is_int(guest_watch_set(&g, disk_of(&g, "a"), 4096), 0, "set: set");
	ok(strstr(requests, "{\"node-name\":\"p\",\"write-threshold\":4096}"), "set: on the node");
	is_int(guest_watch_take(&g), 1, "set: an event that came with the answer");
	is_int(guest_watch_end(disk_of(&g, "a")), 5000, "set: what is about to be written counts");
	is_int(guest_watch_look(&g), 0, "set: looked");
	is_int(guest_watch_end(disk_of(&g, "a")), 5000, "set: still");
	g.is_stale = true;
	is_int(guest_watch_look(&g), 0, "set: listed again");
	is_int(guest_watch_end(disk_of(&g, "a")), 5000, "set: also then");
	is_int(guest_watch_end(disk_of(&g, "b")), 0, "set: not of another disk");
	end_guest(&g);
}

/* As many events as are kept, of which none matters. */
static void test_flood(void)
{
	static char text[QMP_EVENTS_MAX * sizeof("\"event\":\"E\"}\n{") + 16];
	static const struct answer with[] = { DISKS, { "write-threshold", text }, { NULL, NULL } };
	struct guest_watch g;
	size_t n = 0;
	int i;

	for (i = 0; i < QMP_EVENTS_MAX; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, "\"event\":\"E\"}\n{");
	snprintf(text + n, sizeof(text) - n, "\"return\": {}");
	is_int(dial_guest(&g, with), 0, "flood: opened");
	is_int(guest_watch_set(&g, disk_of(&g, "a"), 4096), 0, "flood: set");
	is_int(guest_watch_take(&g), 1, "flood: the disks are looked at in between");
	ok(g.is_stale, "flood: all of them");
	is_int(guest_watch_take(&g), 0, "flood: nothing is left");
	end_guest(&g);
}

static void test_refused(void)
{
	static const struct answer with[] = { DISKS,
		{ "write-threshold", "\"error\": {\"class\": \"GenericError\", \"desc\": \"no\"}" },
		{ NULL, NULL } };
	struct guest_watch g;

	is_int(dial_guest(&g, with), 0, "refused: opened");
	is_int(guest_watch_set(&g, disk_of(&g, "a"), 4096), -1, "refused: a node that is gone");
	ok(g.is_open && g.is_stale, "refused: listed again next time");
	is_int(guest_watch_look(&g), 0, "refused: and it is");
	ok(!g.is_stale, "refused: once");
	end_guest(&g);
}

static void test_job(void)
{
	static const struct answer with[] = { LIST("query-block-jobs", "{\"status\": \"running\"}"),
		DISKS, { NULL, NULL } };
	static const struct answer before[] = { DISKS, { NULL, NULL } };
	struct guest_watch g;

	is_int(dial_guest(&g, before), 0, "job: opened");
	answers = with;
	g.is_stale = true;
	is_int(guest_watch_look(&g), 0, "job: only the known disks are looked at");
	ok(g.is_stale && g.live.count == 2, "job: they are kept, and listed later");
	end_guest(&g);
}

static void test_resume(void)
{
	static const struct answer full[] = { STATUS("io-error"),
		LIST("query-block", FULL("a") ", {\"io-status\": \"ok\"}, {}"), DISKS,
		{ NULL, NULL } };
	static const struct answer two[] = { STATUS("io-error"),
		LIST("query-block", FULL("a") ", " FULL("b")), DISKS, { NULL, NULL } };
	static const struct answer broken[] = { STATUS("io-error"),
		LIST("query-block", FULL("a") ", {\"io-status\": \"failed\"}"), DISKS,
		{ NULL, NULL } };
	static const struct answer odd[] = { STATUS("io-error"),
		LIST("query-block", "{\"io-status\": \"nospace\"}, 5"), DISKS, { NULL, NULL } };
	static const struct answer by_user[] = { STATUS("paused"), LIST("query-block", FULL("a")),
		DISKS, { NULL, NULL } };
	static const struct answer none[] = { { "\"query-status\"", "\"error\": {\"class\": "
								    "\"CommandNotFound\"}" },
		DISKS, { NULL, NULL } };

	/* Below a filter, the file of the device is no path. */
	static const struct answer filtered[] = { STATUS("io-error"),
		LIST("query-block", "{\"io-status\": \"nospace\", \"inserted\": {\"node-name\": "
				    "\"t\", \"file\": \"json:{}\"}}"),
		LIST("query-blockstats",
			"{\"node-name\": \"t\", \"parent\": {\"node-name\": \"f\"}}, "
			"{\"node-name\": \"f\", \"parent\": {\"node-name\": \"p\"}}, "
			"{\"node-name\": \"p\", \"stats\": {\"wr_highest_offset\": 512}}"),
		DISKS, { NULL, NULL } };

	is_int(resumed(filtered, true), 11, "resume: below a filter");
	is_int(resumed(full, true), 11, "resume: it was full, and got space");
	is_int(resumed(full, false), 0, "resume: it got no space");
	is_int(resumed(two, true), 0, "resume: another disk is full");
	is_int(resumed(broken, true), 0, "resume: another disk is broken");
	is_int(resumed(odd, true), 0, "resume: a disk of which nothing is known");
	is_int(resumed(by_user, true), 0, "resume: paused by the user");
	is_int(resumed(none, true), 0, "resume: there is no guest");
}

static void note(struct guest_watch *g, const char *line)
{
	char copy[256];

	g->live.disk[0].passed = 0;
	snprintf(copy, sizeof(copy), "%s", line);
	guest_watch_virsh_note(g, copy);
}

static void test_virsh(void)
{
	static char node[] = "vda[1]";
	struct live_disk disk = { .node = node };
	struct guest_watch g = { .live = { &disk, 1 } };

	note(&g, "event 'block-threshold' for domain 'web': dev: vda[1](/a) 4096 904");
	is_int(disk.passed, 5000, "virsh: an event");
	note(&g, "event 'block-threshold' for domain 'web': dev: vda[1](/a) 9) 4096 904");
	is_int(disk.passed, 5000, "virsh: a path with a parenthesis");
	note(&g, "event 'block-threshold' for domain 'web': dev: vda(/a) 4096 904");
	is_int(disk.passed, 0, "virsh: another disk");
	note(&g, "event 'block-threshold' for domain 'web': dev: vda[1](/a) 9999999999999999999 1");
	is_int(disk.passed, 0, "virsh: too large");
	note(&g, "event 'block-threshold' for domain 'web': dev: vda[1](/a) 4096");
	is_int(disk.passed, 0, "virsh: incomplete");
	note(&g, "events received: 1");
	is_int(disk.passed, 0, "virsh: something else");
}

int main(void)
{
	scratch_open();
	scratch_save("a", "x", 1);
	scratch_save("b", "y", 1);
	test_set_and_look();
	test_flood();
	test_refused();
	test_job();
	test_resume();
	test_virsh();
	scratch_close(tap_failed);
	return tap_done();
}
