/* qmp: commands, events and sockets. */
#include <sys/stat.h>

#include "lib/base/err.h"
#include "lib/host/qmp.h"
#include "tests/unit/qmp_server.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

static void serve_well(int fd)
{
	char line[4096];

	greet(fd);
	hear(fd, line, sizeof(line));
	tell(fd, "{\"event\": \"A\", \"data\": {\"n\": 1}}\n{\"event\": \"B\"}\n{\"event\": "
		 "\"A\", ");
	tell(fd, "\"data\": {\"n\": 2}}\n");
	tell(fd, strcmp(line, "{\"execute\":\"first\",\"arguments\":{\"x\":1},\"id\":2}") == 0
			 ? "{\"id\": 2, \"return\": [7]}\n"
			 : "{}\n");
	hear(fd, line, sizeof(line));
	tell(fd, "{\"error\": {\"class\": \"DeviceNotFound\", \"desc\": \"no \\u001b[2Jdisk\"}, "
		 "\"id\": 3}\n");
	hear(fd, line, sizeof(line));
	tell(fd, "{\"id\": 4, \"return\": [{\"name\": \"there\", \"meta-type\": \"command\", "
		 "\"arg-type\": \"type\"}, {\"name\": \"type\", \"meta-type\": \"object\", "
		 "\"members\": [{\"name\": \"x\"}, 6]}, 5]}\n");
	tell(fd, "{\"event\": \"C\"}\n");
	linger(fd);
}

static void test_good(void)
{
	struct qmp *q = dial(serve_well);
	json_t *value, *arguments = json_object();

	ok(q, "good: a greeting");
	json_object_set_new(arguments, "x", json_integer(1));
	is_int(qmp_call(q, "first", arguments, &value), 0, "good: a command");
	is_int(json_integer_value(json_array_get(value, 0)), 7, "good: its value");
	json_decref(value);
	is_str(qmp_error_class(q), "", "good: no error");
	is_int(qmp_call(q, "second", NULL, &value), -1, "good: a command that is refused");
	is_int(err_status(), ST_FAILED, "good: ... its status");
	is_str(err_text(), "QEMU refused 'second': no \\x1b[2Jdisk", "good: ... its text");
	is_str(qmp_error_class(q), "DeviceNotFound", "good: ... its class");
	is_int(qmp_has_argument(q, "there", "x"), 1, "good: an argument in the schema");
	is_int(qmp_has_argument(q, "there", "y"), 0, "good: one that is not there");
	is_int(qmp_has_argument(q, "type", "x"), 0, "good: a member of an object");
	is_int(qmp_event(q, "B", 0, &value), 1, "good: an event by its name");
	json_decref(value);
	is_int(qmp_event(q, "A", 0, &value), 1, "good: the oldest event of a name");
	is_int(json_integer_value(json_object_get(json_object_get(value, "data"), "n")), 1,
		"good: ... its data");
	json_decref(value);
	is_int(qmp_event(q, NULL, 0, &value), 1, "good: the oldest event");
	json_decref(value);
	is_int(qmp_event(q, "C", 10000, &value), 1, "good: an event that comes later");
	json_decref(value);
	is_int(qmp_event(q, NULL, 0, &value), 0, "good: no event");
	is_int(qmp_event(q, NULL, 20, &value), 0, "good: none comes in time");
	ok(!qmp_lost_events(q), "good: none was lost");
	is_int(qmp_peer(q), getpid(), "good: who listens");
	hang_up(q);
}

static void serve_late(int fd)
{
	char line[4096];

	greet(fd);
	hear(fd, line, sizeof(line));
	hear(fd, line, sizeof(line));
	tell(fd, "{\"return\": 2, \"id\": 2}\n{\"return\": 3, \"id\": 3}\n");
	linger(fd);
}

static void test_late(void)
{
	struct qmp *q = dial(serve_late);
	json_t *value = NULL;

	is_int(qmp_call(q, "x", NULL, &value), -1, "late: the first command is given up");
	is_int(qmp_call(q, "y", NULL, &value), 0, "late: the next one gets its own reply");
	is_int(json_integer_value(value), 3, "late: ... that one");
	json_decref(value);
	hang_up(q);
}

static void refused(const char *what, const char *path, uid_t owner, enum status status)
{
	err_clear();
	ok(!qmp_open(&qmp_policy, path, owner), what);
	is_int(err_status(), status, err_text());
}

static void test_paths(void)
{
	struct qmp *q;

	refused("paths: nothing", "nothing", 0, ST_ABSENT);
	scratch_save("file", "x", 1);
	refused("paths: a file", "file", 0, ST_REFUSED);
	refused("paths: a directory", ".", 0, ST_REFUSED);
	q = dial(serve_well);
	ok(q, "paths: a socket");
	hang_up(q);
	refused("paths: nobody listens", "socket", 0, ST_ABSENT);
	if (mkdir("libvirt", 0700) < 0 || mkdir("libvirt/qemu", 0700) < 0 ||
		mkdir("libvirt/qemu/domain-1-x", 0700) < 0 ||
		rename("socket", "libvirt/qemu/domain-1-x/monitor.sock") < 0 ||
		symlink("libvirt/qemu/domain-1-x/monitor.sock", "link") < 0)
		abort();
	refused("paths: libvirt's monitor", "link", 0, ST_REFUSED);
	if (getuid() != 0)
		return;
	if (chown("link", 4242, 4242) < 0)
		abort();
	rename("libvirt/qemu/domain-1-x/monitor.sock", "socket");
	refused("paths: another user's socket", "socket", 0, ST_REFUSED);
	ok(strstr(err_text(), "user 4242"), err_text());
	refused("paths: the image owner's socket", "socket", 4242, ST_ABSENT);
}

int main(void)
{
	scratch_open();
	test_good();
	test_late();
	test_paths();
	scratch_close(tap_failed);
	return tap_done();
}
