/* recorded: where names lead that an image records, as QEMU has it and as far as is allowed. */
#include <limits.h>
#include <sys/stat.h>

#include "lib/base/err.h"
#include "lib/store/recorded.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

/*
 * a/ and b/ are what most policies allow.  d2/link leads to d1/real, so that a name
 * which d2/link records counts from d2, and one that d1/real records from d1.
 */
static void make_tree(void)
{
	is_int(scratch_run(
		       "mkdir -p a/sub b c d1 d2 && "
		       "touch top a/top a/base a/sub/base a/a:b b/base c/base c/secret "
		       "d1/real d1/base d1/only d2/base && "
		       "ln -s ../d1/real d2/link && ln -s base a/link && ln -s sub a/dirlink && "
		       "ln -s ../c/secret a/out && ln -s $PWD/a/base a/absolute && "
		       "ln -s /proc/self/fd/0 a/magic && ln -s loop a/loop && mkfifo a/fifo && "
		       "ln -s b/base first && ln -s $PWD/c c/here"),
		0, "made");
}

/* text with each @ replaced by the scratch directory; the caller frees it. */
static char *expand(const char *text)
{
	char *out = NULL;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	if (!f)
		abort();
	for (; *text; text++)
		if (*text == '@')
			fputs(scratch_dir, f);
		else
			fputc(*text, f);
	if (fclose(f) != 0)
		abort();
	return out;
}

static struct policy policy_of(const char *lines)
{
	struct policy policy = POLICY_INIT;
	struct config c = CONFIG_INIT;
	char *text = expand(lines);

	if (config_parse(&c, "test", text, strlen(text)) < 0 ||
		policy_init(&policy, &c, "test") < 0)
		abort();
	config_fini(&c);
	free(text);
	return policy;
}

/* What the image `from` records, and where that leads: NULL if nothing may be said of it. */
struct row {
	const char *from, *name, *path;
};

static void test_rows(
	const struct policy *policy, const char *what, const struct row *row, size_t n)
{
	char *from, *name, *want, *path, text[1000];
	struct place *p;

	printf("# %s\n", what);
	for (; n--; row++) {
		from = expand(row->from);
		name = expand(row->name);
		want = row->path ? expand(row->path) : NULL;
		p = place_open(policy, from);
		if (!p)
			abort();
		err_clear();
		path = NULL;
		snprintf(text, sizeof(text), "%s records '%s'", row->from, row->name);
		if (ok(recorded_path(&path, p, name) == 0 && err_status() == ST_OK, text) && want)
			is_str(path, want, "... and it leads there");
		else
			ok(!path, "... and it leads nowhere");
		free(path);
		place_close(p);
		free(from);
		free(name);
		free(want);
	}
}

#define TEST_ROWS(policy, what, rows)                                                              \
	test_rows(policy, what, rows, sizeof(rows) / sizeof((rows)[0]))

/* Without a limit, the links of the filesystem are followed as QEMU would. */
static const struct row unlimited[] = {
	{ "@/a/top", "base", "@/a/base" },
	{ "@/a/top", "./base", "@/a/base" },
	{ "@/a/top", "sub/base", "@/a/sub/base" },
	{ "@/a/top", "file:base", "@/a/base" },
	{ "@/a/top", "sub//./base", "@/a/sub/base" },
	{ "@/a/top", "sub/../base", "@/a/base" },
	{ "@/a/top", "../b/base", "@/b/base" },
	{ "@/a/top", "../../../../../../../../../../../etc/passwd", "/etc/passwd" },
	{ "@/a/top", "@/b/base", "@/b/base" },
	{ "@/a/top", "@/b/../a//base", "@/a/base" },
	{ "@/a/top", "/etc/passwd", "/etc/passwd" },
	{ "@/a/top", "link", "@/a/base" },
	{ "@/a/top", "absolute", "@/a/base" },
	{ "@/a/top", "out", "@/c/secret" },
	{ "@/a/top", "dirlink/base", "@/a/sub/base" },
	{ "@/a/top", "dirlink/../base", "@/a/base" },
	{ "@/a/top", "fifo", "@/a/fifo" },
	{ "@/a/top", "sub", "@/a/sub" },
	{ "@/a/top", "gone", "@/a/gone" },
	{ "@/a/top", "../b/gone", "@/a/../b/gone" },
	{ "@/a/top", "@/gone/./gone", "@/gone/gone" },
	{ "@/a/top", "base/x", NULL }, /* below a file */
	{ "@/a/top", "loop", NULL },
	{ "@/a/sub/../top", "base", "@/a/base" },
	{ "@/d2/link", "base", "@/d2/base" },
	{ "@/d2/link", "only", "@/d2/only" }, /* it is in d1, and so absent */
	{ "@/d1/real", "base", "@/d1/base" },
	{ "@/d1/real", "only", "@/d1/only" },
	{ "@/d2/link", "../d1/only", "@/d1/only" },
	{ "@/first", "base", "@/base" },
	{ "@/first", "top", "@/top" },
};

/* A link of the process would lead to what it has open. */
static const struct row magic[] = {
	{ "@/a/top", "/proc/self/fd/0", NULL },
	{ "@/a/top", "/proc/self/fd/9", NULL },
	{ "@/a/top", "/proc/self/cwd/a/base", NULL },
	{ "@/a/top", "/proc/self/root/etc/passwd", NULL },
	{ "@/a/top", "/dev/fd/0", NULL },
	{ "@/a/top", "/dev/stdin", NULL },
	{ "@/a/top", "magic", NULL },
};

static const struct row limited[] = {
	{ "@/a/top", "base", "@/a/base" },
	{ "@/a/top", "sub/base", "@/a/sub/base" },
	{ "@/a/top", "sub/../base", "@/a/base" },
	{ "@/a/top", "@/a/base", "@/a/base" },
	{ "@/a/top", "@//a/.//base", "@/a/base" },
	{ "@/a/top", "link", "@/a/base" },
	{ "@/a/top", "dirlink/base", "@/a/sub/base" },
	{ "@/a/top", "gone", "@/a/gone" },
	{ "@/a/top", "@/a/gone/gone", "@/a/gone/gone" },
	{ "@/a/top", ".", "@/a" },
	/* Outside of it. */
	{ "@/a/top", "../c/secret", NULL },
	{ "@/a/top", "../c/gone", NULL },
	{ "@/a/top", "..", NULL },
	{ "@/a/top", "@/c/secret", NULL },
	{ "@/a/top", "@/c/gone", NULL },
	{ "@/a/top", "@/a2", NULL },
	{ "@/a/top", "@/a/../c/secret", NULL },
	{ "@/a/top", "/etc/passwd", NULL },
	{ "@/a/top", "../../../../../../../../../../../etc/passwd", NULL },
	{ "@/a/top", "/", NULL },
	/* Its text begins inside, and what is there leads out. */
	{ "@/a/top", "sub/../../c/secret", NULL },
	{ "@/a/top", "out", NULL },
	{ "@/a/top", "absolute", NULL },
	{ "@/a/top", "dirlink/../../c/secret", NULL },
	{ "@/a/top", "loop", NULL },
	{ "@/a/top", "base/x", NULL },
	/* From one allowed directory into another, and back into the first. */
	{ "@/a/top", "../b/base", "@/b/base" },
	{ "@/a/top", "../b/gone", "@/a/../b/gone" },
	{ "@/a/top", "@/b/base", "@/b/base" },
	{ "@/a/top", "@/a/../b/base", "@/b/base" },
	{ "@/a/top", "../a/base", "@/a/base" },
	{ "@/a/top", "../b/../a/base", "@/a/base" },
	{ "@/b/base", "../a/../b/../a/top", "@/a/top" },
	{ "@/a/top", "../b", "@/b" },
	{ "@/a/top", "../b/../c/base", NULL },
	/* `..` of any other directory is the kernel's, which does not let it out. */
	{ "@/a/top", "sub/../../b/base", NULL },
};

/* Allowed by /etc and by the user, or by one of them. */
static const struct row narrowed[] = {
	{ "@/a/top", "base", "@/a/base" },
	{ "@/a/top", "gone", "@/a/gone" },
	{ "@/a/top", "@/b/base", NULL },
	{ "@/a/top", "@/c/base", NULL },
	{ "@/a/top", "/etc/passwd", NULL },
};

static const struct row widened[] = {
	{ "@/a/top", "base", "@/a/base" },
	{ "@/a/top", "@/b/base", NULL },
	{ "@/a/top", "@/c/base", "@/c/base" },
	{ "@/a/top", "/etc/passwd", NULL },
};

/* One allowed directory is below the other. */
static const struct row nested[] = {
	{ "@/a/sub/base", "base", "@/a/sub/base" },
	{ "@/a/sub/base", "../base", "@/a/base" },
	{ "@/a/sub/base", "../../c/secret", NULL },
	{ "@/a/top", "sub/../base", "@/a/base" },
};

/* All is allowed, but by a directory. */
static const struct row root[] = {
	{ "@/a/top", "../b/base", "@/b/base" },
	{ "@/a/top", "@/c/secret", "@/c/secret" },
	{ "@/a/top", "/../../etc/passwd", "/etc/passwd" },
	{ "@/a/top", "@/gone", "@/gone" },
	{ "@/a/top", "absolute", NULL },
	{ "@/a/top", "/..", "/" },
};

/* Of a volume whose group is allowed, LVM is asked, which may be missing here. */
static const struct row volumes[] = {
	{ "@/a/top", "/dev/no-such-group/disk", "/dev/no-such-group/disk" },
	{ "@/a/top", "../../../../../../../../../dev/no-such-group/disk", NULL },
	{ "@/a/top", "/dev/other-group/disk", NULL },
	{ "@/a/top", "/dev/no-such-group/../sda", NULL },
	{ "@/a/top", "/dev/no-such-group/a/b", NULL },
	{ "@/a/top", "/dev/no-such-group", NULL },
	{ "@/a/top", "base", "@/a/base" },
};

static const struct row protocols[] = {
	{ "@/a/top", "nbd://host/export", NULL },
	{ "@/a/top", "nbd:unix:/run/socket", NULL },
	{ "@/a/top", "json:{\"file\":{}}", NULL },
	{ "@/a/top", "file:nbd:base", "@/a/nbd:base" },
	{ "@/a/top", "a:b", NULL },
	{ "@/a/top", ":", NULL },
	{ "@/a/top", ":a", NULL },
	{ "@/a/top", "c:/x", NULL },
	{ "@/a/top", "rbd:pool/image", NULL },
	{ "@/a/top", "-", "@/a/-" },
	{ "@/a/top", "gone/b:c", "@/a/gone/b:c" },
	{ "@/a/top", "./a:b", "@/a/a:b" },
	{ "@/a/top", "@/a/a:b", "@/a/a:b" },
};

static void test_without_place(void)
{
	char *path = NULL;

	ok(recorded_path(&path, NULL, "/etc/passwd") == 0 && !path,
		"an image without a name: nothing is looked up");
}

int main(void)
{
	struct policy all = POLICY_INIT, two, outer, inner, slash, lower, group;

	scratch_open();
	make_tree();
	two = policy_of("[storage]\ndirectory = @/a\ndirectory = @/b\n");
	group = policy_of("[storage]\ndirectory = @/a\ngroup = no-such-group\n");
	lower = policy_of("[storage]\ndirectory = @/a/sub\ndirectory = @/a\n");
	slash = policy_of("[storage]\ndirectory = /\n");
	outer = policy_of("[storage]\ndirectory = @/a\ndirectory = @/c\n");
	inner = policy_of("[storage]\ndirectory = @/a\ndirectory = @/b\n");
	test_without_place();
	TEST_ROWS(&all, "nothing is limited", unlimited);
	TEST_ROWS(&all, "links of the process", magic);
	TEST_ROWS(&slash, "links of the process, below an allowed /", magic);
	TEST_ROWS(&two, "links of the process, outside of two directories", magic);
	TEST_ROWS(&two, "two directories", limited);
	TEST_ROWS(&lower, "a directory below another", nested);
	TEST_ROWS(&slash, "all by a directory", root);
	inner.also = &outer;
	TEST_ROWS(&inner, "two policies", narrowed);
	all.also = &outer;
	TEST_ROWS(&all, "one policy, and one without limits", widened);
	TEST_ROWS(&two, "protocols", protocols);
	TEST_ROWS(&group, "volumes of an allowed group", volumes);
	policy_fini(&group);
	policy_fini(&two);
	policy_fini(&lower);
	policy_fini(&slash);
	inner.also = NULL;
	policy_fini(&inner);
	policy_fini(&outer);
	scratch_close(tap_failed);
	return tap_done();
}
