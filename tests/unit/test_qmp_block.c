/* qmp_block: what is taken from QEMU's lists; and live, which finds the disks. */
#include <sys/stat.h>

#include "lib/base/err.h"
#include "lib/host/qmp_block.h"
#include "tests/unit/qmp_server.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

#define JOBS(list) "{\"return\": [" list "], \"id\": 2}\n"
#define NODES(list) "{\"return\": [" list "], \"id\": 3}\n"
#define STATS(id, list) "{\"return\": [" list "], \"id\": " id "}\n"

static const char *answers[5]; /* NULL after the last */

static void serve_answers(int fd)
{
	char line[4096];
	size_t i;

	greet(fd);
	for (i = 0; answers[i] && hear(fd, line, sizeof(line)); i++)
		tell(fd, answers[i]);
	linger(fd);
}

/* The disk of that file, or NULL. */
static const struct live_disk *disk_of(const struct live *live, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		abort();
	return live_find(live, &st);
}

static void test_disks(void)
{
	const struct live_disk *disk;
	struct live live = LIVE_INIT;
	struct qmp *q;

	answers[0] = JOBS("{\"status\": \"concluded\"}");
	/* Relative to this process, which listens; a format; no path; a missing file; odd types. */
	answers[1] = NODES("{\"node-name\": \"a\", \"drv\": \"file\", \"file\": \"a\", "
			   "\"write_threshold\": 4096}, "
			   "{\"node-name\": \"f\", \"drv\": \"qcow2\", \"file\": \"b\"}, "
			   "{\"node-name\": \"n\", \"drv\": \"file\"}, "
			   "{\"node-name\": \"m\", \"drv\": \"file\", \"file\": \"missing\"}, "
			   "{\"node-name\": \"e\", \"drv\": \"file\", \"file\": \"\"}, "
			   "{\"node-name\": 1, \"drv\": [], \"file\": {}}, 7, null, "
			   "{\"node-name\": \"c\", \"drv\": \"file\", \"file\": \"./c\", "
			   "\"write_threshold\": \"x\"}");
	answers[2] = STATS("4", "{\"node-name\": \"a\", \"stats\": {\"wr_highest_offset\": 512}}, "
				"{\"node-name\": \"c\", \"stats\": {\"wr_highest_offset\": -1}}, "
				"{\"stats\": 1}, 5");
	answers[3] = STATS("5", "{\"node-name\": \"a\", \"stats\": {\"wr_highest_offset\": 1024}}");
	q = dial(serve_answers);
	is_int(qmp_block_list(q, &qmp_policy, &live), 0, "disks: listed");
	is_int(live.count, 2, "disks: only those with a file");
	disk = disk_of(&live, "a");
	ok(disk, "disks: the first");
	is_str(disk ? disk->node : NULL, "a", "disks: its node");
	is_int(disk ? disk->end : 0, 512, "disks: its end");
	is_int(disk ? disk->threshold : 0, 4096, "disks: its threshold");
	disk = disk_of(&live, "c");
	ok(disk && disk->end == 0 && disk->threshold == 0, "disks: numbers that are none");
	ok(!disk_of(&live, "b"), "disks: none for a format");
	is_int(qmp_block_update(q, &live), 0, "disks: updated");
	disk = disk_of(&live, "a");
	is_int(disk ? disk->end : 0, 1024, "disks: the new end");
	live_fini(&live);
	hang_up(q);
}

static void fails(const char *what, enum status status, const char *why)
{
	struct live live = LIVE_INIT;
	struct qmp *q = dial(serve_answers);

	is_int(qmp_block_list(q, &qmp_policy, &live), -1, what);
	is_int(err_status(), status, "... its status");
	ok(strstr(err_text(), why), err_text());
	live_fini(&live);
	hang_up(q);
}

static void test_failures(void)
{
	answers[1] = answers[2] = answers[3] = NULL;
	answers[0] = JOBS("{\"device\": \"j\", \"status\": \"running\"}");
	fails("failures: a job", ST_BUSY, "a block job is running");
	answers[0] = JOBS("{\"device\": \"j\"}");
	fails("failures: a job without a state", ST_BUSY, "a block job is running");
	answers[0] = "{\"return\": {}, \"id\": 2}\n";
	fails("failures: jobs that are no list", ST_FAILED, "is not a list");
	answers[0] = JOBS("");
	answers[1] = "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\"}, \"id\": 3}\n";
	fails("failures: nodes that are refused", ST_FAILED,
		"QEMU refused 'query-named-block-nodes': no");
	answers[1] = NODES("");
	answers[2] = "{\"return\": null, \"id\": 4}\n";
	fails("failures: numbers that are no list", ST_FAILED, "is not a list");
}

/* Which paths are looked up. */
static void test_live(void)
{
	struct policy_root root;
	struct policy narrow = POLICY_INIT;
	struct live live = LIVE_INIT;
	struct live_disk *disk;
	char path[400];

	if (mkdir("in", 0700) < 0 || symlink("../a", "in/link") < 0 || symlink("c", "link") < 0)
		abort();
	scratch_save("in/x", "x", 1);
	snprintf(path, sizeof(path), "%s/in", scratch_dir);
	root.path = path;
	root.fd = open("in", O_PATH | O_DIRECTORY | O_CLOEXEC);
	narrow.file = "config";
	narrow.limited = true;
	narrow.root = &root;
	narrow.count = 1;
	ok(live_add(&live, &narrow, path, "x", NULL), "live: an allowed directory");
	ok(!live_add(&live, &narrow, path, "../a", NULL), "live: another one");
	ok(!live_add(&live, &narrow, path, "link", NULL), "live: a link out of it");
	ok(!live_add(&live, &narrow, NULL, "x", NULL), "live: relative to nothing");
	is_int(err_status(), ST_OK, "live: which is no error");
	ok(!live_add(&live, &qmp_policy, scratch_dir, "in", NULL), "live: a directory");
	ok(!live_add(&live, &qmp_policy, scratch_dir, "/dev/null", NULL), "live: no disk");
	disk = live_add(&live, &qmp_policy, scratch_dir, "link", "one");
	ok(disk, "live: a link");
	if (disk)
		disk->end = 7;
	disk = live_add(&live, &qmp_policy, scratch_dir, "c", "two");
	if (disk)
		disk->end = 5;
	disk = live_add(&live, &qmp_policy, scratch_dir, "a", "three");
	if (disk)
		disk->end = 9;
	ok(disk_of(&live, "c")->end == 7, "live: of several, the one that is written furthest");
	close(root.fd);
	live_fini(&live);
}

int main(void)
{
	scratch_open();
	scratch_save("a", "x", 1);
	scratch_save("b", "x", 1);
	scratch_save("c", "x", 1);
	test_disks();
	test_failures();
	test_live();
	scratch_close(tap_failed);
	return tap_done();
}
