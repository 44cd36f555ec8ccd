/*
 * A further backend (memstore.h) through the helper's operations: a helper in a process of
 * its own, which has that backend, serves requests about images in memory.
 */
#include "lib/op/schema.h"
#include "lib/op/server.h"
#include "lib/peer/bootstrap.h"
#include "tests/unit/conns.h"
#include "tests/unit/memstore.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

#define LEN (3 * (uint64_t)BLOCK_SIZE + 1234)
#define RECORDS_MAX 8

static struct conn *helper;
static pid_t helper_pid;

static const struct bootstrap_limits patient = { CONNS_PATIENCE_MS, CONNS_PATIENCE_MS };

static void start_helper(void)
{
	struct server_options opt = { .user_config = "/dev/null", .rights = RIGHT_ALL };
	char arch[BOOTSTRAP_ARCH_MAX];
	struct frame *f;
	int fd[2];

	conns_socket(fd);
	fflush(stdout);
	helper_pid = fork();
	if (helper_pid == 0) {
		close(fd[0]);
		opt.in = opt.out = fd[1];
		exit(backend_add(&backend_memstore) < 0 || server_run(&opt) != 0 ||
			memstore_held != 0);
	}
	close(fd[1]);
	if (helper_pid < 0 || bootstrap_run(fd[0], NULL, &patient, arch) != BOOTSTRAP_READY ||
		!(helper = conn_new(fd[0], fd[0], WIRE_CLIENT, NULL, 0)) ||
		conn_expect(helper, WIRE_GREETING, &f) < 0)
		abort();
	conn_release(helper, f);
}

/* Its exit status: 0 if nothing in memory is still held. */
static int end_helper(void)
{
	int status = -1;

	conn_finish(helper);
	if (!conn_drain(helper, CONNS_PATIENCE_MS) || waitpid(helper_pid, &status, 0) != helper_pid)
		abort();
	conn_close(helper);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* What came back for the last request. */
static struct kv record[RECORDS_MAX], reply;
static size_t records;
static char error[ERR_TEXT_MAX];

static void forget_answer(void)
{
	while (records)
		kv_fini(&record[--records]);
	kv_fini(&reply);
	error[0] = '\0';
}

/* Asks for an operation; the pairs end with a NULL.  The status with which it ended. */
static int ask(const char *op, const char *const *pair)
{
	struct buf b = BUF_INIT;
	struct err e = { ST_OK, 0, "" };
	struct frame *f;
	enum wire_type type = WIRE_RECORD;

	forget_answer();
	kv_add(&b, "op", op);
	for (; pair[0]; pair += 2)
		kv_add(&b, pair[0], pair[1]);
	if (conn_send(helper, WIRE_REQUEST, b.data, b.len) < 0)
		abort();
	buf_fini(&b);
	while (type == WIRE_RECORD) {
		if (conn_recv(helper, &f) != 1 || records == RECORDS_MAX)
			abort();
		type = f->type;
		if (type == WIRE_FAILED)
			wire_error_parse(&e, f->payload, f->len);
		else if (kv_parse(type == WIRE_RECORD ? &record[records++] : &reply, f->payload,
				 f->len) < 0)
			abort();
		/* The counts of a copy, which waits for GO. */
		if (type == WIRE_RECORD && kv_get(&record[records - 1], "cloned") &&
			conn_send(helper, WIRE_GO, NULL, 0) < 0)
			abort();
		conn_release(helper, f);
	}
	snprintf(error, sizeof(error), "%s", e.text);
	return (int)e.status;
}

#define ASK(op, ...) ask(op, (const char *const[]){ __VA_ARGS__, NULL })

static void test_create(void)
{
	is_int(ASK("create", "path", "/mem/a.img", "size", "10000"), ST_OK, "create");
	is_str(kv_get(&reply, "path"), "/mem/a.img", "its path");
	is_str(kv_get(&reply, "size"), "10000", "its size is not rounded");
	is_int(ASK("create", "path", "/mem/a.img", "size", "10000"), ST_EXISTS, "create it again");
	is_int(ASK("create", "path", "/mem/b.img", "size", "10000000"), ST_NOROOM,
		"create one that is too large");
	is_int(ASK("create", "path", "/mem/b.img", "size", "1", "thin", "pool"), ST_USAGE,
		"there are no thin ones");
	is_int(ASK("create", "path", "/mem/b.img", "size", "1", "dry_run", "1"), ST_OK, "dry run");
	is_int(ASK("info", "path", "/mem/b.img"), ST_ABSENT, "creates nothing");
}

static void test_info(void)
{
	is_int(ASK("info", "path", "/mem/a.img"), ST_OK, "info");
	is_int(records, 1, "one record");
	is_str(kv_get(&record[0], "path"), "/mem/a.img", "path");
	is_str(kv_get(&record[0], "name"), "a.img", "name");
	is_str(kv_get(&record[0], "kind"), "memory", "kind");
	is_str(kv_get(&record[0], "format"), "raw", "format");
	is_str(kv_get(&record[0], "capacity"), "10000", "capacity");
	is_str(kv_get(&record[0], "allocation"), "0", "allocation");
	is_str(kv_get(&record[0], "physical"), "10000", "physical");
	is_str(kv_get(&record[0], "unfinished"), "0", "unfinished");
	is_str(kv_get(&record[0], "in_use"), "0", "in_use");
	is_int(record[0].count, 10, "mounted, and nothing else: no owner, no mode, no times");
	is_int(ASK("info", "path", "/mem"), ST_OK, "info of the container");
	is_str(kv_get(&record[0], "path"), "/mem", "path");
	is_str(kv_get(&record[0], "kind"), "memory", "kind");
	is_int(ASK("info", "path", "/mem/gone"), ST_ABSENT, "info of what is absent");
}

static void test_list(void)
{
	ASK("create", "path", "/mem/b.img", "size", "20000");
	is_int(ASK("list", "path", "/mem"), ST_OK, "list");
	is_int(records, 2, "two records");
	is_str(kv_get(&record[0], "container"), "/mem", "the container");
	is_str(kv_get(&record[0], "name"), "a.img", "the first");
	is_str(kv_get(&record[1], "name"), "b.img", "the second");
	is_str(kv_get(&record[1], "capacity"), "20000", "its capacity");
	is_int(ASK("clean", "path", "/mem"), ST_REFUSED, "nothing there can be cleaned");
}

static void test_change(void)
{
	is_int(ASK("rename", "path", "/mem/b.img", "name", "a.img"), ST_EXISTS, "rename: taken");
	is_int(ASK("rename", "path", "/mem/b.img", "name", "c.img", "dry_run", "1"), ST_OK,
		"rename: dry run");
	is_int(ASK("rename", "path", "/mem/b.img", "name", "c.img"), ST_OK, "rename");
	is_str(kv_get(&reply, "path"), "/mem/c.img", "the new path");
	is_int(ASK("rename", "path", "/mem/b.img", "name", "d.img"), ST_ABSENT, "rename: absent");
	is_int(ASK("snap", "path", "/mem/c.img"), ST_FAILED, "snap");
	ok(strstr(error, "have snapshots"), "it has no snapshots");
	is_int(ASK("delete", "path", "/mem/c.img", "dry_run", "1"), ST_OK, "delete: dry run");
	is_int(ASK("delete", "path", "/mem/c.img"), ST_OK, "delete");
	is_str(kv_get(&reply, "path"), "/mem/c.img", "the path");
	is_int(ASK("delete", "path", "/mem/c.img"), ST_ABSENT, "delete: absent");
	is_int(ASK("delete", "path", "/mem/c.img", "force", "1"), ST_OK,
		"delete: absent, by force");
	is_int(ASK("list", "path", "/mem"), ST_OK, "list");
	is_int(records, 1, "one is left");
}

static void test_copy(void)
{
	char from[600], to[600], dir[600], digest[64];

	snprintf(from, sizeof(from), "%s/from", scratch_dir);
	snprintf(to, sizeof(to), "%s/to", scratch_dir);
	snprintf(dir, sizeof(dir), "%s/", scratch_dir);
	is_int(scratch_run("truncate -s %llu from && head -c 300000 /dev/urandom | "
			   "dd of=from conv=notrunc bs=64K iflag=fullblock seek=3",
		       (unsigned long long)LEN),
		0, "an image");
	is_int(ASK("digest", "path", from), ST_OK, "its digest");
	snprintf(digest, sizeof(digest), "%s", kv_get(&reply, "digest"));

	is_int(ASK("copy", "source", from, "path", "/mem", "base", "from"), ST_OK,
		"copy: to memory");
	is_str(kv_get(&record[1], "path"), "/mem/from", "by its name");
	is_str(kv_get(&record[2], "digest"), digest, "the digest");
	is_str(kv_get(&record[2], "cloned"), "0", "no blocks are shared");
	is_int(ASK("digest", "path", "/mem/from"), ST_OK, "digest");
	is_str(kv_get(&reply, "digest"), digest, "it is the same");
	is_int(ASK("copy", "source", from, "path", "/mem/from"), ST_EXISTS, "copy: it exists");
	is_int(ASK("copy", "source", from, "path", "/mem/from", "overwrite", "1"), ST_OK,
		"copy: overwrite");
	is_int(ASK("copy", "source", "/mem/from", "path", "/mem/from", "overwrite", "1"),
		ST_REFUSED, "copy: an image onto itself");
	is_int(ASK("copy", "source", from, "path", "/mem/x", "archive", "1"), ST_USAGE,
		"copy: no archive in memory");
	is_int(ASK("copy", "source", from, "path", "/mem/a.img", "in_place", "1"), ST_NOROOM,
		"copy: in place, where it does not fit");
	is_int(ASK("copy", "source", "/mem/from", "path", "/mem/x"), ST_OK, "copy: within memory");
	is_int(ASK("copy", "source", "/mem/a.img", "path", "/mem/x", "in_place", "1"), ST_OK,
		"copy: in place");
	is_int(ASK("info", "path", "/mem/x"), ST_OK, "it is complete");
	is_str(kv_get(&record[0], "allocation"), "0", "and the rest of it is zeros");

	is_int(ASK("copy", "source", "/mem/from", "path", to, "sparse", "1"), ST_OK,
		"copy: to a file");
	is_str(kv_get(&record[0], "kind"), "memory", "the source's kind");
	is_str(kv_get(&record[0], "consistent"), "1", "nobody writes to it");
	is_int(scratch_run("cmp from to && rm to"), 0, "the same bytes");
	is_int(ASK("copy", "source", "/mem/from", "path", to), ST_OK, "copy: to an allocated file");
	is_int(scratch_run("cmp from to && test $(($(stat -c '%%b * 512' to))) -ge %llu && rm to",
		       (unsigned long long)LEN),
		0, "the same bytes");
	is_int(ASK("copy", "source", "/mem/from", "path", to, "snapshot", "1"), ST_FAILED,
		"copy: it has no snapshots");
	is_int(ASK("copy", "source", "/mem/from", "path", to, "archive", "1"), ST_OK,
		"copy: to an archive");
	is_int(scratch_run("lzop -dc to | cmp - from && rm from"), 0, "the same bytes");
	is_int(ASK("copy", "source", to, "path", "/mem/unpacked"), ST_OK, "copy: unpacked");
	is_int(ASK("digest", "path", "/mem/unpacked"), ST_OK, "digest");
	is_str(kv_get(&reply, "digest"), digest, "it is the same");
	is_int(ASK("archive", "path", "/mem/from"), ST_REFUSED, "archive: only files are");
}

int main(void)
{
	scratch_open();
	start_helper();
	test_create();
	test_info();
	test_list();
	test_change();
	test_copy();
	forget_answer();
	is_int(end_helper(), 0, "the helper ends well, and nothing is held");
	scratch_close(tap_failed);
	return tap_done();
}
