/* limits: which paths the configured directories allow, with any spelling and links. */
#include <errno.h>
#include <stdint.h>
#include <sys/stat.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/store/place.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

static struct policy limits_with(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static struct policy limits_with(const char *fmt, ...)
{
	struct policy l = POLICY_INIT;
	struct config c = CONFIG_INIT;
	char text[2000];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (config_parse(&c, "test", text, strlen(text)) < 0 || policy_init(&l, &c, "test") < 0) {
		printf("# %s\n", err_text());
		exit(99);
	}
	config_fini(&c);
	return l;
}

/* Opens scratch_dir/path (or path, if it starts with "./" or "//") and reads one byte. */
static int content(const struct policy *l, const char *path)
{
	char full[1000], b;
	int fd, r = -1;

	snprintf(full, sizeof(full), "%s/%s", scratch_dir, path);
	err_clear();
	fd = policy_open(l, path[0] == '.' ? path : full, O_RDONLY | O_NONBLOCK);
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
		       "ln -s sub a/images/insub"),
		0, "made");
}

static void test_inside(const struct policy *l)
{
	is_int(content(l, "a/images/i"), 'i', "inside");
	is_int(content(l, "a/images/sub/s"), 's', "inside: deeper");
	is_int(content(l, "a/images/inner"), 's', "inside: a link to a file inside");
	is_int(content(l, "a/images/sub/up"), 'i', "inside: a link upwards, to a file inside");
	is_int(content(l, "a/images/insub/s"), 's', "inside: by a linked directory");
	is_int(content(l, "a/images/sub/../i"), 'i', "inside: ..");
	is_int(content(l, "a//images///i"), 'i', "inside: several slashes");
	is_int(content(l, "a/./images/././i"), 'i', "inside: dots");
	is_int(content(l, "./a/images/i"), 'i', "inside: from here");
	is_int(content(l, ".//a/.//images/sub/s"), 's', "inside: from here, oddly");
	is_int(content(l, "a/images/gone"), -ST_ABSENT, "inside: absent");
	is_int(content(l, "a/images/i/x"), -ST_ABSENT, "inside: below a file");
}

static void test_outside(const struct policy *l)
{
	static const char *const path[] = { "b/b", "a/images2/o", "a/image", "a/images.", "a",
		"a/images/../images2/o", "a/images/../../b/b", "a/images/..",
		"a/images/sub/../../images/i", "a/images/relative", "a/images/absolute",
		"a/images/dirlink/b", "a/alias/i", "a/images/home", "./b/b",
		"./a/images/../images2/o", "./a/images2/../images/i" };
	size_t i;

	for (i = 0; i < sizeof(path) / sizeof(path[0]); i++)
		is_int(content(l, path[i]), -ST_REFUSED, path[i]);
	ok(content(l, "a/images/magic/b/b") < 0, "outside: by /proc");
	err_clear();
	ok(policy_open(l, "/etc/passwd", O_RDONLY) == -1 && err_status() == ST_REFUSED &&
			strstr(err_text(), "by test"),
		"outside: says who forbids it");
	err_clear();
	ok(policy_open(l, "", O_RDONLY) == -1 && err_status() == ST_USAGE, "an empty path");
}

static void test_flags(const struct policy *l)
{
	char path[1000];
	int fd;

	snprintf(path, sizeof(path), "%s/a/images", scratch_dir);
	fd = policy_open(l, path, O_PATH | O_DIRECTORY);
	ok(fd >= 0, "flags: the directory itself");
	close(fd);
	fd = policy_open(l, "a/images/i", O_RDWR);
	ok(fd >= 0 && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR, "flags: for writing");
	close(fd);
	err_clear();
	ok(policy_open(l, "a/images/i", O_PATH | O_DIRECTORY) == -1 && err_errno() == ENOTDIR,
		"flags: no directory");
}

static void test_swapped(void)
{
	struct policy l;

	is_int(scratch_run("mkdir swap other && printf s >swap/x && printf x >other/x"), 0,
		"swap: made");
	l = limits_with("[storage]\ndirectory = %s/swap\n", scratch_dir);
	is_int(scratch_run("mv swap swapped && ln -s other swap"), 0, "swap: swapped");
	is_int(content(&l, "swap/x"), 's', "swap: the directory that was opened at the start");
	policy_fini(&l);
}

static void test_configured(void)
{
	struct policy l = limits_with("# nothing\n");
	struct config c = CONFIG_INIT;
	char text[600];

	ok(!l.limited, "configured: no directory");
	is_int(content(&l, "a/images/absolute"), 'b', "configured: no directory, no limit");
	is_int(content(&l, "gone"), -ST_ABSENT, "configured: no directory, absent file");
	policy_fini(&l);
	l = limits_with("[storage]\ngroup = vg0\n");
	ok(l.limited, "configured: a group alone");
	is_int(content(&l, "a/images/i"), -ST_REFUSED, "configured: a group alone allows no file");
	policy_fini(&l);
	l = limits_with(
		"[storage]\ndirectory = %s/gone\ndirectory = %s/a//images/\ndirectory = %s/b\n",
		scratch_dir, scratch_dir, scratch_dir);
	is_int(l.count, 2, "configured: a missing directory is left out");
	is_int(content(&l, "a/images/i"), 'i', "configured: one with odd slashes");
	is_int(content(&l, "b/b"), 'b', "configured: several");
	is_int(content(&l, "gone/x"), -ST_REFUSED, "configured: the missing one");
	is_int(content(&l, "a/images/relative"), -ST_REFUSED,
		"configured: from one into another by a link");
	policy_fini(&l);
	l = limits_with("[storage]\ndirectory = /\n");
	is_int(content(&l, "a/images/i"), 'i', "configured: all");
	is_int(content(&l, "a/images/../images2/o"), 'o', "configured: all, ..");
	policy_fini(&l);
	l = limits_with("[storage]\ndirectory = %s/gone\n", scratch_dir);
	ok(l.limited && content(&l, "a/images/i") == -ST_REFUSED, "configured: only a missing one");
	policy_fini(&l);
	policy_fini(&l);
	snprintf(text, sizeof(text), "[storage]\ndirectory = %s/b/b\n", scratch_dir);
	err_clear();
	ok(config_parse(&c, "test", text, strlen(text)) == 0 && policy_init(&l, &c, "test") == -1 &&
			err_status() != ST_OK,
		"configured: a file");
	config_fini(&c);
}

/* The user's limits apply in addition to the system's. */
static void test_also(void)
{
	struct policy system = limits_with("[storage]\ndirectory = %s/a\n", scratch_dir);
	struct policy user = limits_with(
		"[storage]\ndirectory = %s/a/images\ndirectory = %s/b\n", scratch_dir, scratch_dir);
	struct policy wide = limits_with("# nothing\n");

	user.also = &system;
	is_int(content(&user, "a/images/i"), 'i', "also: in both");
	is_int(content(&user, "b/b"), -ST_REFUSED, "also: the user's only");
	is_int(content(&user, "a/images2/o"), -ST_REFUSED, "also: the system's only");
	wide.also = &system;
	is_int(content(&wide, "a/images2/o"), 'o', "also: no limits of the user's");
	is_int(content(&wide, "b/b"), -ST_REFUSED, "also: no limits of the user's, outside");
	is_int(content(&wide, "a/images/relative"), -ST_REFUSED, "also: by a link");
	policy_fini(&user);
	policy_fini(&system);
	policy_fini(&wide);
}

/* The status of place_open(); 0 if it returns this directory and name. */
static int place(const struct policy *l, const char *path, const char *dir, const char *name)
{
	struct stat a, b;
	struct place p;
	int r = 1000;

	err_clear();
	if (place_open(&p, l, path) < 0)
		return p.dir == -1 && !p.name && !p.path ? (int)err_status() : 1001;
	if (fstat(p.dir, &a) == 0 && stat(dir, &b) == 0 && a.st_ino == b.st_ino &&
		strcmp(p.name, name) == 0)
		r = 0;
	place_close(&p);
	place_close(&p);
	return r;
}

static void test_place(const struct policy *l)
{
	struct policy none = POLICY_INIT;
	char path[1000];

	is_int(place(&none, "a/images/new", "a/images", "new"), 0, "place: new");
	is_int(place(&none, "a/images/i", "a/images", "i"), 0, "place: there already");
	is_int(place(&none, "a/images/i///", "a/images", "i"), 0, "place: slashes at the end");
	is_int(place(&none, "a//new", "a", "new"), 0, "place: slashes between");
	is_int(place(&none, "new", ".", "new"), 0, "place: here");
	is_int(place(&none, "/new", "/", "new"), 0, "place: in the root");
	is_int(place(&none, "a/images/relative", "a/images", "relative"), 0,
		"place: a link is not followed");
	is_int(place(&none, "/", "", ""), ST_REFUSED, "place: the root");
	is_int(place(&none, "//", "", ""), ST_REFUSED, "place: slashes");
	is_int(place(&none, "", "", ""), ST_REFUSED, "place: empty");
	is_int(place(&none, ".", "", ""), ST_REFUSED, "place: .");
	is_int(place(&none, "a/..", "", ""), ST_REFUSED, "place: ..");
	is_int(place(&none, "a/../", "", ""), ST_REFUSED, "place: ../");
	is_int(place(&none, "gone/new", "", ""), ST_ABSENT, "place: no directory");
	is_int(place(&none, "b/b/new", "", ""), ST_ABSENT, "place: below a file");
	is_int(place(l, "a/images/new", "a/images", "new"), 0, "place: within limits");
	is_int(place(l, "a/images2/new", "", ""), ST_REFUSED, "place: outside");
	is_int(place(l, "a/images/dirlink/new", "", ""), ST_REFUSED, "place: outside by a link");
	is_int(place(l, "a/images/insub/new", "a/images/sub", "new"), 0, "place: inside by a link");
	is_int(place(l, "a/images", "", ""), ST_REFUSED,
		"place: the directory itself lies outside");
	snprintf(path, sizeof(path), "%s/a/images/x", scratch_dir);
	is_int(place(l, path, "a/images", "x"), 0, "place: absolute");
}

static void test_place_in(void)
{
	struct place p;
	char path[1000];
	int fd = open("a", O_PATH | O_CLOEXEC);

	ok(place_in(&p, fd, "new") == 0 && p.dir == fd, "place in: a directory");
	snprintf(path, sizeof(path), "%s/a/new", scratch_dir);
	is_str(p.path, path, "place in: the complete path");
	place_close(&p);
	ok(fcntl(fd, F_GETFD) == -1, "place in: closed with it");
	fd = open("a", O_PATH | O_CLOEXEC);
	ok(place_in(&p, fd, "..") == -1 && err_status() == ST_REFUSED, "place in: ..");
	ok(fcntl(fd, F_GETFD) == -1, "place in: taken over on failure");
	fd = open("a", O_PATH | O_CLOEXEC);
	ok(place_in(&p, fd, "x/y") == -1 && err_status() == ST_REFUSED, "place in: a slash");
	fd = open("a", O_PATH | O_CLOEXEC);
	ok(place_in(&p, fd, "") == -1 && err_status() == ST_REFUSED, "place in: no name");
}

int main(void)
{
	struct policy l;

	scratch_open();
	make_tree();
	l = limits_with("[storage]\ndirectory = %s/a/images\n", scratch_dir);
	test_inside(&l);
	test_outside(&l);
	test_flags(&l);
	test_swapped();
	test_configured();
	test_also();
	test_place(&l);
	test_place_in();
	policy_fini(&l);
	scratch_close(tap_failed);
	return tap_done();
}
