/*
 * peer_kept: a helper that has answered is kept, although another that it waited for has failed.
 * The helpers are scripts, which are run as --rsh.
 */
#include <sys/stat.h>

#include "lib/peer/peer_kept.h"
#include "tests/unit/conns.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

#define GREETING                                                                                   \
	"printf '\\nimg-tools/3 ready\\n\\1\\0\\0\\0\\0\\0\\0\\25protocol=3\\0version=0\\0'\n"
#define ANSWER "head -c 16 >/dev/null\nprintf '\\10\\0\\0\\0\\0\\0\\0\\0'\n" /* op=info: an OK */
#define FAIL "printf '\\11\\0\\0\\0\\0\\0\\0\\12\\0\\11\\0\\0\\0\\0full'\n"  /* an ERROR */

static struct peer *open_script(struct peer_kept *k, const char *name, const char *script)
{
	struct peer_options opt = { .ssh = { .timeout_s = 20 }, .rsh = name };
	struct location loc;
	FILE *f = fopen(name, "w");
	struct peer *p;

	if (!f || fprintf(f, "#!/bin/sh\n" GREETING "%sexec cat >/dev/null\n", script) < 0 ||
		fclose(f) != 0 || chmod(name, 0755) < 0 || location_parse(&loc, "h:/x") < 0)
		abort();
	p = peer_kept_open(k, &loc, &opt);
	if (!p)
		printf("# %s\n", err_text());
	location_fini(&loc);
	return p;
}

/* The source has answered when the target fails, so it takes the next request. */
static void test_target_fails_late(void)
{
	struct peer_kept from = PEER_KEPT_INIT, to = PEER_KEPT_INIT;
	struct peer *source = open_script(&from, "./source", ANSWER ANSWER);
	struct peer *target = open_script(&to, "./target", FAIL);

	if (!source || !target)
		abort();
	is_int(peer_call(source, "info", NULL, NULL, NULL), 0, "the source answers");
	peer_wakes(target, source);
	ok(conns_wait(conn_failed(peer_conn(target), NULL)), "the target fails");
	peer_wakes(target, NULL);
	peer_kept_settle(&to);
	peer_kept_settle(&from);
	ok(!to.peer, "and is not kept");
	ok(from.peer == source, "but the source is");
	is_int(peer_call(source, "info", NULL, NULL, NULL), 0, "and it answers again");
	peer_kept_close(&to);
	peer_kept_close(&from);
}

/* Without its answer it is of no use. */
static void test_source_has_not_answered(void)
{
	struct peer_kept from = PEER_KEPT_INIT, to = PEER_KEPT_INIT;
	struct peer *source = open_script(&from, "./source", "");
	struct peer *target = open_script(&to, "./target", FAIL);
	struct kv kv;

	if (!source || !target)
		abort();
	is_int(peer_request(source, "info", NULL), 0, "a request");
	peer_wakes(target, source);
	is_int(peer_answer(source, &kv), -1, "whose answer is not waited for");
	is_str(err_text(), "stopped", "as the target has failed");
	peer_wakes(target, NULL);
	peer_kept_settle(&to);
	peer_kept_settle(&from);
	ok(!to.peer && !from.peer, "neither is kept");
}

int main(void)
{
	int failed;

	scratch_open();
	test_target_fails_late();
	test_source_has_not_answered();
	failed = tap_done();
	scratch_close(failed);
	return failed;
}
