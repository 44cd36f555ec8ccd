/* domstats: the output of virsh domstats, as libvirt 9.0 prints it. */
#include "lib/base/err.h"
#include "lib/host/domstats.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

static const struct policy anything = POLICY_INIT;

static int parse(struct live *live, const char *text)
{
	memset(live, 0, sizeof(*live));
	err_clear();
	return domstats_parse(text, strlen(text), &anything, live);
}

/* A guest with one disk of two layers, and a second disk. */
static const char *running(void)
{
	static char text[4096];

	snprintf(text, sizeof(text),
		"Domain: 'web'\n  state.state=1\n  state.reason=1\n  block.count=4\n"
		"  block.0.name=vda\n  block.0.path=%s/top\n  block.0.backingIndex=3\n"
		"  block.0.rd.reqs=11\n  block.0.wr.bytes=4096\n  block.0.allocation=3473408\n"
		"  block.0.capacity=67108864\n  block.0.physical=3473408\n"
		"  block.0.threshold=8388608\n"
		"  block.1.name=vda\n  block.1.path=%s/base\n  block.1.allocation=0\n"
		"  block.2.name=vdb\n  block.2.path=%s/missing\n  block.2.allocation=9\n"
		"  block.3.name=sda\n",
		scratch_dir, scratch_dir, scratch_dir);
	return text;
}

static void test_running(void)
{
	const struct live_disk *disk;
	struct live live;
	struct stat st;

	is_int(parse(&live, running()), 0, "running: parsed");
	is_int(live.count, 2, "running: the layers that exist");
	if (stat("top", &st) < 0)
		abort();
	disk = live_find(&live, &st);
	ok(disk, "running: the first layer");
	is_int(disk ? disk->end : 0, 3473408, "running: its allocation");
	is_int(disk ? disk->threshold : 0, 8388608, "running: its threshold");
	ok(disk && !disk->is_lower, "running: nothing stands on it");
	if (stat("base", &st) < 0)
		abort();
	disk = live_find(&live, &st);
	ok(disk && disk->end == 0 && disk->threshold == 0, "running: the second layer");
	ok(disk && disk->is_lower, "running: the first one stands on it");
	if (stat(".", &st) < 0)
		abort();
	ok(!live_find(&live, &st), "running: nothing else");
	live_fini(&live);
}

static void test_shut_off(void)
{
	struct live live;
	char text[5000];

	snprintf(text, sizeof(text), "%s  state.state=5\n", running());
	is_int(parse(&live, text), 0, "shut off: parsed");
	is_int(live.count, 0, "shut off: no disk is live");
	live_fini(&live);
	is_int(parse(&live, ""), 0, "nothing: parsed");
	is_int(live.count, 0, "nothing: no disk");
}

static void test_bad(void)
{
	static const char *const bad[] = { "block.0.path=/a\nblock.0.path=/b\n",
		"block.0.allocation=1\nblock.0.allocation=1\n", "block.4096.path=/a\n",
		"block.99999999999999999999.path=/a\n", "block.0path=/a\n",
		"block.0.allocation=-1\n", "block.0.allocation=1x\n", "block.0.allocation=\n",
		"block.0.allocation=18446744073709551616\n", "block.0.threshold= 1\n" };
	struct live live;
	char name[32];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(name, sizeof(name), "bad: text %zu", i);
		is_int(parse(&live, bad[i]), -1, name);
		is_int(err_status(), ST_FAILED, "... its status");
		is_int(live.count, 0, "... no disk");
	}
}

int main(void)
{
	scratch_open();
	scratch_save("top", "x", 1);
	scratch_save("base", "x", 1);
	test_running();
	test_shut_off();
	test_bad();
	scratch_close(tap_failed);
	return tap_done();
}
