/* pathname: paths as text, and the current directory, which may be gone. */
#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

#include "lib/base/err.h"
#include "lib/base/pathname.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

static char name[300];

/* Compares a fresh string with what is wanted, and frees it. */
static void is_fresh(char *got, const char *want, const char *function, const char *arg)
{
	snprintf(name, sizeof(name), "%s of '%s'", function, arg);
	is_str(got, want, name);
	free(got);
}

struct pair {
	const char *in, *out;
};

static const struct pair absolutes[] = {
	{ "/", "/" },
	{ "//", "/" },
	{ "////", "/" },
	{ "/a", "/a" },
	{ "/a/", "/a/" },
	{ "/a///", "/a/" },
	{ "//a", "/a" },
	{ "/a//b", "/a/b" },
	{ "/./a", "/a" },
	{ "/a/./b", "/a/b" },
	{ "/a/././b", "/a/b" },
	{ "/a/.//./b", "/a/b" },
	{ "/.//.//", "/" },
	{ "/a/./", "/a/" },
	{ "/a/.", "/a/." }, /* this asks for a directory, as a slash does */
	{ "/.", "/." },
	{ "/a/..", "/a/.." },
	{ "/a/../b", "/a/../b" },
	{ "/a/./../b", "/a/../b" },
	{ "/..", "/.." },
	{ "/a.", "/a." },
	{ "/a./b", "/a./b" },
	{ "/.a", "/.a" },
	{ "/.a/b", "/.a/b" },
	{ "/...", "/..." },
	{ "/.../a", "/.../a" },
	{ "/a b/\t", "/a b/\t" },
	{ "/\xff/\xc3", "/\xff/\xc3" },
};

/* Relative paths, and what follows the current directory. */
static const struct pair relatives[] = {
	{ "a", "/a" },
	{ "a/", "/a/" },
	{ "./a", "/a" },
	{ "a//b/./c", "/a/b/c" },
	{ "./.", "/." },
	{ ".", "/." },
	{ "./", "/" },
	{ "..", "/.." },
	{ "../a", "/../a" },
	{ "", "/" },
};

static void test_absolute(void)
{
	char want[1000];
	size_t i;

	for (i = 0; i < sizeof(absolutes) / sizeof(absolutes[0]); i++)
		is_fresh(pathname_absolute(absolutes[i].in), absolutes[i].out, "absolute",
			absolutes[i].in);
	for (i = 0; i < sizeof(relatives) / sizeof(relatives[0]); i++) {
		snprintf(want, sizeof(want), "%s%s", scratch_dir, relatives[i].out);
		is_fresh(pathname_absolute(relatives[i].in), want, "absolute", relatives[i].in);
	}
	if (chdir("/") < 0)
		abort();
	is_fresh(pathname_absolute("a"), "/a", "in '/', absolute", "a");
	is_fresh(pathname_absolute("."), "/.", "in '/', absolute", ".");
	if (chdir(scratch_dir) < 0)
		abort();
}

static const struct pair trims[] = {
	{ "/", "/" },
	{ "//", "/" },
	{ "/a", "/a" },
	{ "/a/", "/a" },
	{ "/a//", "/a" },
	{ "/a/.", "/a/." },
	{ "a/", "a" },
	{ "a", "a" },
	{ "", "" },
};

static const struct pair parents[] = {
	{ "/", "/" },
	{ "/a", "/" },
	{ "/a/b", "/a" },
	{ "/a/b/c", "/a/b" },
	{ "/a/..", "/a" },
	{ "/a/.", "/a" },
};

static const struct pair lasts[] = {
	{ "/", "" },
	{ "/a", "a" },
	{ "/a/b", "b" },
	{ "/a/", "" },
	{ "a", "a" },
	{ "a/b", "b" },
	{ "", "" },
	{ "/a/..", ".." },
};

static void test_parts(void)
{
	size_t i;

	for (i = 0; i < sizeof(trims) / sizeof(trims[0]); i++)
		is_fresh(pathname_trim(trims[i].in), trims[i].out, "trim", trims[i].in);
	for (i = 0; i < sizeof(parents) / sizeof(parents[0]); i++)
		is_fresh(pathname_parent(parents[i].in), parents[i].out, "parent", parents[i].in);
	for (i = 0; i < sizeof(lasts) / sizeof(lasts[0]); i++) {
		snprintf(name, sizeof(name), "last part of '%s'", lasts[i].in);
		is_str(pathname_last(lasts[i].in), lasts[i].out, name);
	}
}

static const struct three {
	const char *a, *b, *out;
} joins[] = {
	{ "/", "a", "/a" },
	{ "/a", "b", "/a/b" },
	{ "/a/", "b", "/a/b" },
	{ "/a", "", "/a/" },
	{ "/a", "../b", "/a/../b" },
	{ "/a", "b/c/", "/a/b/c/" },
	{ "", "a", "/a" },
};

/* path, dir, and what follows dir. */
static const struct three belows[] = {
	{ "/a", "/a", "" },
	{ "/a/", "/a", "" },
	{ "/a/b", "/a", "b" },
	{ "/a//b", "/a", "b" },
	{ "/a/b/c", "/a", "b/c" },
	{ "/a/b/", "/a", "b/" },
	{ "/a/..", "/a", ".." },
	{ "/a", "/", "a" },
	{ "/", "/", "" },
	{ "//a", "/", "a" },
	{ "/ab", "/a", NULL },
	{ "/ab/c", "/a", NULL },
	{ "/", "/a", NULL },
	{ "/a", "/a/b", NULL },
	{ "/b/a", "/a", NULL },
	{ "/A", "/a", NULL },
};

static void test_two(void)
{
	const char *path = "/a/b";
	size_t i;

	for (i = 0; i < sizeof(joins) / sizeof(joins[0]); i++) {
		snprintf(name, sizeof(name), "'%s' and '%s'", joins[i].a, joins[i].b);
		is_fresh(pathname_join(joins[i].a, joins[i].b), joins[i].out, "join", name);
	}
	for (i = 0; i < sizeof(belows) / sizeof(belows[0]); i++) {
		snprintf(name, sizeof(name), "'%s' below '%s'", belows[i].a, belows[i].b);
		if (belows[i].out)
			is_str(pathname_below(belows[i].a, belows[i].b), belows[i].out, name);
		else
			ok(!pathname_below(belows[i].a, belows[i].b), name);
	}
	ok(pathname_below(path, "/a") == path + 3, "which is a part of the path itself");
}

static void test_names(void)
{
	static const char *const good[] = { "a", "a.img", ".a", "...", "..a", "a..", "-", " ", "\n",
		"a\\b", "\xff" };
	static const char *const bad[] = { "", ".", "..", "/", "a/", "/a", "a/b", "./a", "../a" };
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(name, sizeof(name), "name %zu is one", i);
		ok(pathname_is_name(good[i]), name);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(name, sizeof(name), "'%s' is none", bad[i]);
		ok(!pathname_is_name(bad[i]), name);
	}
}

/* A path that is longer than the kernel accepts is still only text. */
static void test_long(void)
{
	char path[2 * PATH_MAX + 3], *got;
	size_t i;

	for (i = 0; i < PATH_MAX; i++)
		memcpy(path + 2 * i, "/.", 2);
	strcpy(path + 2 * i, "/a");
	got = pathname_absolute(path);
	is_str(got, "/a", "a long path that is short without what names nothing");
	free(got);
	for (i = 0; i < PATH_MAX; i++)
		memcpy(path + 2 * i, "/b", 2);
	got = pathname_absolute(path);
	is_str(got, path, "a long path that is not");
	free(got);
}

static void test_deleted(void)
{
	char *got;

	if (mkdir("gone", 0700) < 0 || chdir("gone") < 0 || rmdir("../gone") < 0)
		abort();
	err_clear();
	got = pathname_absolute("a");
	ok(!got, "a relative path in a deleted directory has no absolute one");
	free(got);
	is_int(err_status(), ST_ABSENT, "which is recorded");
	is_int(err_errno(), ENOENT, "with its errno");
	is_str(err_text(), "cannot get the current directory: No such file or directory",
		"and why");
	err_clear();
	is_fresh(pathname_absolute("/a/./b"), "/a/b", "in a deleted directory, absolute", "/a/./b");
	is_int(err_status(), ST_OK, "which is no error");
	if (chdir(scratch_dir) < 0)
		abort();
	is_int(scratch_run("true"), 0, "back in a directory");
}

int main(void)
{
	scratch_open();
	test_absolute();
	test_parts();
	test_two();
	test_names();
	test_long();
	test_deleted();
	scratch_close(tap_failed);
	return tap_done();
}
