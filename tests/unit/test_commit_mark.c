/* What the mark of a base says of a commit: written, parsed again, and refused. */
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/op/commit_mark.h"
#include "tests/unit/tap.h"

static void test_round_trip(void)
{
	static const char *const layers[] = { "/srv/images/snap2", "/srv/images/a b:=%,\n\xff",
		"/srv/images/below/snap", "/dev/vg/lv" };
	struct commit_record r = { .count = 0 }, again;
	char out[HELD_RECORD_MAX];
	unsigned i;

	for (i = 0; i < 4; i++)
		commit_mark_add(&r, layers[i]);
	is_int(commit_mark_write(&r, "/srv/images/base", out), 0, "a record without a child");
	is_str(out, ":snap2:a=20b=3a=3d=25=2c=0a=ff:/srv/images/below/snap:/dev/vg/lv",
		"names are relative to the base's directory, and have no odd characters");
	is_int(commit_mark_parse(&again, "/srv/images/base", out), 0, "it is parsed");
	ok(!again.child && again.count == 4, "with all layers");
	for (i = 0; i < 4; i++)
		is_str(again.layer[i], layers[i], "and their paths");
	commit_mark_fini(&again);
	commit_mark_set_child(&r, "/srv/images/snap3");
	commit_mark_set_child(&r, "/srv/top");
	is_int(commit_mark_write(&r, "/srv/images/base", out), 0, "one with a child");
	ok(strncmp(out, "/srv/top:snap2:", 15) == 0, "which comes first");
	is_int(commit_mark_parse(&again, "/elsewhere/base", out), 0, "it is parsed");
	is_str(again.child, "/srv/top", "with the child");
	is_str(again.layer[0], "/elsewhere/snap2",
		"and names follow the base to another directory");
	commit_mark_fini(&again);
	for (i = 0; r.count < CHAIN_LAYERS_MAX; i++)
		commit_mark_add(&r, "/srv/images/a-name-of-some-length");
	is_int(commit_mark_write(&r, "/srv/images/base", out), -1, "a record that is too long");
	is_int(err_status(), ST_REFUSED, "is refused");
	is_int(commit_mark_add(&r, "/x"), -1, "and so are too many layers");
	commit_mark_fini(&r);
}

static void test_refused(void)
{
	static const char *const bad[] = { "", "child", "child:", ":", ":a/b", ":..", ":.", ":a=0",
		":a=zz", ":a=00b", ":a=2", ":a b", ":a::b", "..:a", ":a\n", ":a:" };
	struct commit_record r;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err_clear();
		ok(commit_mark_parse(&r, "/d/base", bad[i]) < 0 && err_status() == ST_CORRUPT &&
				!r.child && !r.count,
			"a record that is damaged");
	}
}

int main(void)
{
	test_round_trip();
	test_refused();
	return tap_done();
}
