/* virsh_job: the output of virsh blockjob --raw, as libvirt 9.0 prints it. */
#include <string.h>

#include "lib/base/err.h"
#include "lib/host/virsh_job.h"
#include "tests/unit/tap.h"

static struct virsh_job job;

static int parse(const char *text)
{
	err_clear();
	return virsh_job_parse(text, strlen(text), &job);
}

int main(void)
{
	is_int(parse(""), 0, "no job");
	is_int(parse(" type=Block Commit\n bandwidth=0\n cur=10\n end=40\n"), 1, "a commit");
	ok(job.is_commit && !job.is_ready && job.done == 10 && job.total == 40, "... its numbers");
	is_int(parse(" type=Block Commit\n bandwidth=0\n cur=40\n end=40\n"), 1, "at its end");
	ok(!job.is_ready, "... it ends by itself");
	is_int(parse(" type=Active Block Commit\n cur=39\n end=40\n"), 1, "of the active layer");
	ok(job.is_commit && !job.is_ready, "... which is not ready");
	is_int(parse(" type=Active Block Commit\n cur=40\n end=40\n"), 1, "one that is ready");
	ok(job.is_ready, "... it waits for the pivot");
	is_int(parse(" type=Active Block Commit\n cur=0\n end=0\n"), 1, "one that has not begun");
	ok(!job.is_ready, "... is not ready");
	is_int(parse(" type=Block Copy\n cur=40\n end=40\n"), 1, "a mirror");
	ok(!job.is_commit && !job.is_ready, "... is no commit");
	is_int(parse(" type=Block Commit\n cur=41\n end=40\n"), 1, "more than all of it");
	ok(job.done == 40, "... is all of it");
	is_int(parse(" cur=18446744073709551616\n"), -1, "a number that is too large");
	is_int(err_status(), ST_FAILED, "... is refused");
	is_int(parse(" end=-1\n"), -1, "a number that is negative");
	is_int(parse(" end=4x\n"), -1, "a number that is none");
	return tap_done();
}
