/*
 * policy: a path below two configured directories is allowed if one of them allows it, whatever
 * their order.  One that the user cannot reach allows nothing, and is no error.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "tests/unit/places.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

typedef int opener(const struct policy *policy, const char *path, int flags);

/* ST_OK, or why scratch_dir/path cannot be opened with these two directories. */
static int status_of(opener *open_by, const char *one, const char *other, const char *path)
{
	struct policy policy = places_policy("[storage]\ndirectory = %s/%s\ndirectory = %s/%s\n",
		scratch_dir, one, scratch_dir, other);
	char full[1000];
	int fd, r = ST_OK;

	snprintf(full, sizeof(full), "%s/%s", scratch_dir, path);
	err_clear();
	fd = open_by(&policy, full, O_RDONLY);
	if (fd < 0)
		r = (int)err_status();
	else
		close(fd);
	policy_fini(&policy);
	return r;
}

static void test_pair(opener *open_by, const char *outer, const char *inner, const char *path)
{
	is_int(status_of(open_by, outer, inner, path), ST_OK, path);
	is_int(status_of(open_by, inner, outer, path), ST_OK, path);
	is_int(status_of(open_by, outer, inner, "srv/out"), ST_REFUSED, "out of both");
	is_int(status_of(open_by, inner, outer, "srv/out"), ST_REFUSED, "out of both");
	is_int(status_of(open_by, inner, outer, "srv/none"), ST_ABSENT, "what does not exist");
}

static void test_unreachable(void)
{
	struct policy policy;

	ok(mkdir("shut", 0) == 0 && (getuid() || seteuid(65534) == 0), "not root");
	policy = places_policy("[storage]\ndirectory = %s/shut/in\n", scratch_dir);
	ok(policy.limited && policy.count == 0, "one that this user cannot reach is left out");
	policy_fini(&policy);
	ok(seteuid(getuid()) == 0 && rmdir("shut") == 0, "root again");
}

int main(void)
{
	static opener *const openers[] = { policy_open, policy_open_recorded };
	int i;

	scratch_open();
	is_int(scratch_run("mkdir -p srv/images data srv/other && touch data/x srv/other/y && "
			   "ln -s ../data srv/linked && ln -s ../other/y srv/images/up && "
			   "touch secret && ln -s ../secret srv/out"),
		0, "made");
	for (i = 0; i < 2; i++) {
		test_pair(openers[i], "srv", "srv/linked", "srv/linked/x");
		test_pair(openers[i], "srv", "srv/images", "srv/images/up");
	}
	test_unreachable();
	scratch_close(tap_failed);
	return tap_done();
}
