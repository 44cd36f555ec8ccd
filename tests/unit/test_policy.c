/*
 * policy: which paths the configured directories allow, with any spelling and links, both of
 * names that a user gives and of names that an image records.
 */
#include <errno.h>
#include <stdint.h>
#include <sys/stat.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "tests/unit/places.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

typedef int opener(const struct policy *policy, const char *path, int flags);

static opener *open_by = policy_open;

/* Opens scratch_dir/path (or path, if it starts with "./") by open_by() and reads one byte. */
static int content(const struct policy *policy, const char *path)
{
	char full[1000], b;
	int fd, r = -1;

	snprintf(full, sizeof(full), "%s/%s", scratch_dir, path);
	err_clear();
	fd = open_by(policy, path[0] == '.' ? path : full, O_RDONLY | O_NONBLOCK);
	if (fd < 0)
		return -(int)err_status();
	if (!(fcntl(fd, F_GETFD) & FD_CLOEXEC))
		r = -1000;
	else if (io_read(fd, &b, 1) == 1)
		r = b;
	close(fd);
	return r;
}

static void make_tree(void)
{
	is_int(scratch_run(
		       "mkdir -p a/images/sub a/images2 b && printf i >a/images/i && "
		       "printf s >a/images/sub/s && printf o >a/images2/o && printf b >b/b && "
		       "ln -s sub/s a/images/inner && ln -s ../i a/images/sub/up && "
		       "ln -s ../../b/b a/images/relative && ln -s $PWD/b/b a/images/absolute && "
		       "ln -s $PWD/a/images/i a/images/home && ln -s ../../b a/images/dirlink && "
		       "ln -s images a/alias && ln -s /proc/self/cwd a/images/magic && "
		       "ln -s sub a/images/insub && printf d >a/images/..d"),
		0, "made");
}

static void test_inside(const struct policy *policy)
{
	is_int(content(policy, "a/images/i"), 'i', "inside");
	is_int(content(policy, "a/images/sub/s"), 's', "inside: deeper");
	is_int(content(policy, "a/images/inner"), 's', "inside: a link to a file inside");
	is_int(content(policy, "a/images/sub/up"), 'i', "inside: a link upwards, to a file inside");
	is_int(content(policy, "a/images/insub/s"), 's', "inside: by a linked directory");
	is_int(content(policy, "a/images/sub/../i"), 'i', "inside: ..");
	is_int(content(policy, "a/images/..d"), 'd', "inside: a name that begins with ..");
	is_int(content(policy, "a//images///i"), 'i', "inside: several slashes");
	is_int(content(policy, "a/./images/././i"), 'i', "inside: dots");
	is_int(content(policy, "./a/images/i"), 'i', "inside: from here");
	is_int(content(policy, ".//a/.//images/sub/s"), 's', "inside: from here, oddly");
	is_int(content(policy, "a/images/gone"), -ST_ABSENT, "inside: absent");
	is_int(content(policy, "a/images/i/x"), -ST_ABSENT, "inside: below a file");
}

static void test_outside(const struct policy *policy)
{
	static const char *const path[] = { "b/b", "a/images2/o", "a/image", "a/images.", "a",
		"a/images/../images2/o", "a/images/../../b/b", "a/images/..",
		"a/images/sub/../../images/i", "a/images/relative", "a/images/absolute",
		"a/images/dirlink/b", "a/alias/i", "a/images/home", "./b/b",
		"./a/images/../images2/o", "./a/images2/../images/i" };
	size_t i;

	for (i = 0; i < sizeof(path) / sizeof(path[0]); i++)
		is_int(content(policy, path[i]), -ST_REFUSED, path[i]);
	ok(content(policy, "a/images/magic/b/b") < 0, "outside: by /proc");
	err_clear();
	ok(open_by(policy, "/etc/passwd", O_RDONLY) == -1 && err_status() == ST_REFUSED &&
			strstr(err_text(), "by test"),
		"outside: says who forbids it");
	err_clear();
	ok(open_by(policy, "", O_RDONLY) == -1 && err_status() == ST_USAGE, "an empty path");
}

static void test_flags(const struct policy *policy)
{
	char path[1000];
	int fd;

	snprintf(path, sizeof(path), "%s/a/images", scratch_dir);
	fd = open_by(policy, path, O_PATH | O_DIRECTORY);
	ok(fd >= 0, "flags: the directory itself");
	close(fd);
	fd = open_by(policy, "a/images/i", O_RDWR);
	ok(fd >= 0 && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR, "flags: for writing");
	close(fd);
	err_clear();
	ok(open_by(policy, "a/images/i", O_PATH | O_DIRECTORY) == -1 && err_errno() == ENOTDIR,
		"flags: no directory");
}

static void test_swapped(void)
{
	struct policy policy;

	is_int(scratch_run("rm -rf swap swapped other && mkdir swap other && "
			   "printf s >swap/x && printf x >other/x"),
		0, "swap: made");
	policy = places_policy("[storage]\ndirectory = %s/swap\n", scratch_dir);
	is_int(scratch_run("mv swap swapped && ln -s other swap"), 0, "swap: swapped");
	is_int(content(&policy, "swap/x"), 's', "swap: the directory that was opened at the start");
	policy_fini(&policy);
}

static void test_configured(void)
{
	struct policy policy = places_policy("# nothing\n");
	struct config c = CONFIG_INIT;
	char text[600];

	ok(!policy.limited, "configured: no directory");
	is_int(content(&policy, "a/images/absolute"), 'b', "configured: no directory, no limit");
	is_int(content(&policy, "gone"), -ST_ABSENT, "configured: no directory, absent file");
	policy_fini(&policy);
	policy = places_policy("[storage]\ngroup = vg0\n");
	ok(policy.limited, "configured: a group alone");
	is_int(content(&policy, "a/images/i"), -ST_REFUSED,
		"configured: a group alone allows no file");
	policy_fini(&policy);
	policy = places_policy(
		"[storage]\ndirectory = %s/gone\ndirectory = %s/a//images/\ndirectory = %s/b\n",
		scratch_dir, scratch_dir, scratch_dir);
	is_int(policy.count, 2, "configured: a missing directory is left out");
	is_int(content(&policy, "a/images/i"), 'i', "configured: one with odd slashes");
	is_int(content(&policy, "b/b"), 'b', "configured: several");
	is_int(content(&policy, "gone/x"), -ST_REFUSED, "configured: the missing one");
	is_int(content(&policy, "a/images/relative"), -ST_REFUSED,
		"configured: from one into another by a link");
	policy_fini(&policy);
	policy = places_policy("[storage]\ndirectory = /\n");
	is_int(content(&policy, "a/images/i"), 'i', "configured: all");
	is_int(content(&policy, "a/images/../images2/o"), 'o', "configured: all, ..");
	policy_fini(&policy);
	policy = places_policy("[storage]\ndirectory = %s/gone\n", scratch_dir);
	ok(policy.limited && content(&policy, "a/images/i") == -ST_REFUSED,
		"configured: only a missing one");
	policy_fini(&policy);
	policy_fini(&policy);
	snprintf(text, sizeof(text), "[storage]\ndirectory = %s/b/b\n", scratch_dir);
	err_clear();
	ok(config_parse(&c, "test", text, strlen(text)) == 0 &&
			policy_init(&policy, &c, "test") == -1 && err_status() != ST_OK,
		"configured: a file");
	config_fini(&c);
}

/* The user's policy holds in addition to the system's. */
static void test_also(void)
{
	struct policy system = places_policy("[storage]\ndirectory = %s/a\n", scratch_dir);
	struct policy user = places_policy(
		"[storage]\ndirectory = %s/a/images\ndirectory = %s/b\n", scratch_dir, scratch_dir);
	struct policy wide = places_policy("# nothing\n");

	user.also = &system;
	is_int(content(&user, "a/images/i"), 'i', "also: in both");
	is_int(content(&user, "b/b"), -ST_REFUSED, "also: the user's only");
	is_int(content(&user, "a/images2/o"), -ST_REFUSED, "also: the system's only");
	wide.also = &system;
	is_int(content(&wide, "a/images2/o"), 'o', "also: the user has none");
	is_int(content(&wide, "b/b"), -ST_REFUSED, "also: the user has none, outside");
	is_int(content(&wide, "a/images/relative"), -ST_REFUSED, "also: by a link");
	policy_fini(&user);
	policy_fini(&system);
	policy_fini(&wide);
}

/* Only what right after an allowed directory leads upwards is folded, as text. */
static void test_upwards(void)
{
	struct policy policy = places_policy(
		"[storage]\ndirectory = %s/a/images\ndirectory = %s/a/images2\ndirectory = %s/b\n",
		scratch_dir, scratch_dir, scratch_dir);

	is_int(content(&policy, "a/images/../images2/o"), 'o', "upwards: into another directory");
	is_int(content(&policy, "a/images/../../b/b"), 'b', "upwards: twice");
	is_int(content(&policy, "a/images/..//./..//b/./b"), 'b', "upwards: with slashes and dots");
	is_int(content(&policy, "a/images/../images2/../images/i"), 'i', "upwards: to and fro");
	is_int(content(&policy, "a/images2/../../b/../b/b"), 'b', "upwards: again from there");
	is_int(content(&policy, "a/images/../images/sub/s"), 's',
		"upwards: into the same directory");
	is_int(content(&policy, "a/images/.."), -ST_REFUSED, "upwards: to what is not allowed");
	is_int(content(&policy, "a/images/../.."), -ST_REFUSED, "upwards: further to that");
	is_int(content(&policy, "a/images/../images"), -1, "upwards: to the directory itself");
	is_int(content(&policy, "a/images/sub/../../images2/o"), -ST_REFUSED,
		"upwards: from a directory further down");
	is_int(content(&policy, "a/images/insub/../../images2/o"), -ST_REFUSED,
		"upwards: from a link further down");
	is_int(content(&policy, "a/images/../images3/../images2/o"), -ST_REFUSED,
		"upwards: from a directory that is not allowed");
	is_int(content(&policy, "a/images/../../../../../../../../../../../etc/passwd"),
		-ST_REFUSED, "upwards: beyond the root");
	policy_fini(&policy);
}

static bool is_same_file(int fd, const char *path)
{
	struct stat a, b;

	return fd >= 0 && fstat(fd, &a) == 0 && lstat(path, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/* A link that only the kernel can follow, such as those of /proc, may lead anywhere. */
static void test_magic_links(void)
{
	struct policy none = POLICY_INIT;
	char path[100];
	int fd = open("b/b", O_RDONLY | O_CLOEXEC);

	is_int(content(&none, "a/images/absolute"), 'b', "magic: another link is followed");
	is_int(content(&none, "a/images/magic/b/b"), open_by == policy_open ? 'b' : -ST_REFUSED,
		"magic: a directory's");
	is_int(scratch_run("ln -sf /proc/%d/fd/%d a/images/magic-file", (int)getpid(), fd), 0,
		"magic: made");
	is_int(content(&none, "a/images/magic-file"), open_by == policy_open ? 'b' : -ST_REFUSED,
		"magic: a file's");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	err_clear();
	if (open_by == policy_open) {
		int other = open_by(&none, path, O_PATH);

		ok(is_same_file(other, "b/b"), "magic: by its own name");
		close(other);
	} else {
		ok(open_by(&none, path, O_PATH) == -1 && err_status() == ST_REFUSED,
			"magic: by its own name");
	}
	close(fd);
}

/* Of what is beyond the policy, not even its existence is told. */
static void test_nothing_told(const struct policy *policy)
{
	struct err e;

	is_int(content(policy, "b/b"), -ST_REFUSED, "told: exists");
	err_take(&e);
	is_int(content(policy, "b/gone"), -ST_REFUSED, "told: does not exist");
	is_str(err_text(), e.text, "told: in the same words");
}

/* The first block device of this host, or "". */
static const char *block_device(void)
{
	return scratch_get(NULL, "find /dev -maxdepth 1 -type b | sort | head -n 1");
}

/* A device that the configuration names is for users to name, not for images. */
static void test_device(void)
{
	char device[200];
	struct policy policy;
	int fd;

	snprintf(device, sizeof(device), "%s", block_device());
	if (!device[0]) {
		puts("# no block device here");
		return;
	}
	policy = places_policy(
		"[storage]\ndirectory = %s/a/images\ndevice = %s\n", scratch_dir, device);
	err_clear();
	fd = open_by(&policy, device, O_PATH);
	if (open_by == policy_open)
		ok(is_same_file(fd, device) && err_status() == ST_OK, "device: a configured one");
	else
		ok(fd == -1 && err_status() == ST_REFUSED, "device: a configured one");
	if (fd >= 0)
		close(fd);
	policy_fini(&policy);
}

static void test_find(const struct policy *policy)
{
	struct policy system = places_policy("[storage]\ndirectory = %s/b\n", scratch_dir);
	struct policy user = POLICY_INIT;
	char device[200];
	int fd;

	fd = policy_find(policy, "a/images/i");
	ok(is_same_file(fd, "a/images/i") && fcntl(fd, F_GETFL) & O_PATH, "find: a file");
	ok(fcntl(fd, F_GETFD) & FD_CLOEXEC, "find: closed on exec");
	close(fd);
	fd = policy_find(policy, "a/images/gone");
	ok(fd == -1 && err_status() == ST_ABSENT, "find: absent");
	fd = policy_find(policy, "a/images/inner");
	ok(is_same_file(fd, "a/images/sub/s"), "find: a link is followed");
	close(fd);
	fd = policy_find(policy, "a/images");
	ok(is_same_file(fd, "a/images"), "find: a directory");
	close(fd);
	err_clear();
	ok(policy_find(policy, "b/b") == -1 && err_status() == ST_REFUSED, "find: outside");
	err_clear();
	ok(policy_find(policy, "/dev/null") == -1 && err_status() == ST_REFUSED &&
			strstr(err_text(), "by test"),
		"find: a character device");
	err_clear();
	ok(policy_find(policy, "/dev/img-gone") == -1 && err_status() == ST_REFUSED,
		"find: an absent device");
	snprintf(device, sizeof(device), "%s", block_device());
	if (device[0]) {
		err_clear();
		fd = policy_find(policy, device);
		ok(is_same_file(fd, device) && fcntl(fd, F_GETFL) & O_PATH,
			"find: a block device is found");
		is_int(err_status(), ST_OK, "find: without an error");
		close(fd);
		ok(policy_open(policy, device, O_PATH) == -1 && err_status() == ST_REFUSED,
			"find: but may not be opened");
		is_int(scratch_run("ln -s %s a/images/device", device), 0, "find: a link to it");
		err_clear();
		ok(policy_find(policy, "a/images/device") == -1 && err_status() == ST_REFUSED,
			"find: is refused");
	}
	user.also = &system;
	fd = policy_find(&user, "b/b");
	ok(is_same_file(fd, "b/b"), "find: in the wider policy");
	close(fd);
	err_clear();
	ok(policy_find(&user, "a/images/i") == -1 && err_status() == ST_REFUSED,
		"find: outside of the wider policy");
	policy_fini(&system);
}

static void test_groups(void)
{
	struct policy system = places_policy("[storage]\ngroup = vg0\ngroup = vg1\n");
	struct policy user = places_policy("[storage]\ngroup = vg1\ngroup = vg2\n");
	struct policy none = POLICY_INIT;

	is_int(policy_allow_group(&none, "vg0"), 0, "groups: any");
	ok(!policy_is_narrow(&none) && policy_roots(&none) == &none, "groups: nothing is limited");
	is_int(policy_allow_group(&user, "vg2"), 0, "groups: one that is named");
	user.also = none.also = &system;
	is_int(policy_allow_group(&user, "vg1"), 0, "groups: in both");
	err_clear();
	ok(policy_allow_group(&user, "vg2") == -1 && err_status() == ST_REFUSED,
		"groups: the user's only");
	ok(policy_allow_group(&user, "vg0") == -1, "groups: the system's only");
	ok(policy_allow_group(&none, "vg2") == -1, "groups: the user names none");
	ok(policy_is_narrow(&none) && policy_roots(&none) == &system &&
			policy_roots(&user) == &user,
		"groups: whose say where to look");
	policy_fini(&system);
	policy_fini(&user);
}

static void test_opener(opener *how, const char *name)
{
	struct policy policy = places_policy("[storage]\ndirectory = %s/a/images\n", scratch_dir);
	int fds = places_descriptors();

	printf("# %s()\n", name);
	open_by = how;
	test_inside(&policy);
	test_outside(&policy);
	test_flags(&policy);
	test_swapped();
	test_configured();
	test_also();
	test_upwards();
	test_magic_links();
	test_nothing_told(&policy);
	test_device();
	is_int(places_descriptors(), fds, "no descriptor is left open");
	policy_fini(&policy);
}

int main(void)
{
	struct policy policy;

	scratch_open();
	make_tree();
	test_opener(policy_open, "policy_open");
	test_opener(policy_open_recorded, "policy_open_recorded");
	policy = places_policy("[storage]\ndirectory = %s/a/images\n", scratch_dir);
	test_find(&policy);
	test_groups();
	policy_fini(&policy);
	scratch_close(tap_failed);
	return tap_done();
}
