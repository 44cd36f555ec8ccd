/* target: space, holes and all kinds of names on a filesystem; and full filesystems. */
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "lib/base/err.h"
#include "tests/unit/places.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"
#include "tests/unit/written.h"

#define MIB 1048576u

static const struct target_want plain = { .len = 5, .sparse = true, .fsync = true };

static long long blocks(const char *name)
{
	struct stat st;

	return lstat(name, &st) < 0 ? -1 : (long long)st.st_blocks * 512;
}

static void test_space(void)
{
	struct target_want want = { .len = 8 * MIB };
	struct target *t = places_make("x", &want);

	ok(t && blocks(".x.img-tools") >= 8 * MIB, "space: allocated at once");
	ok(t && target_write(t, "x", 1, MIB) == 0 && target_zero(t, 2 * MIB, 4 * MIB) == 0 &&
			target_commit(t) == 0 && blocks("x") >= 8 * MIB,
		"space: and at the end");
	is_int(scratch_run("cmp -n 1048576 x /dev/zero && cmp -i 1048577:0 -n 7340031 x /dev/zero"),
		0, "space: the rest reads as zeros");
	unlink("x");
	t = places_make("x", &want);
	ok(t && target_set_len(t, MIB) == 0 && target_commit(t) == 0 && blocks("x") < 2 * MIB,
		"space: less in the end");
	unlink("x");
	want.sparse = true;
	t = places_make("x", &want);
	ok(t && target_write(t, "x", 1, MIB) == 0 && target_zero(t, 2 * MIB, 4 * MIB) == 0 &&
			target_commit(t) == 0 && blocks("x") < MIB,
		"space: sparse");
	is_int(scratch_run("test $(stat -c %%s x) = 8388608"), 0, "space: sparse, length");
	unlink("x");
	want.len = 0;
	want.sparse = false;
	t = places_make("x", &want);
	ok(t && target_commit(t) == 0 && written_holds("x", ""), "space: none is needed");
	unlink("x");
}

static void test_unknown_length(void)
{
	struct target_want want = { .len = TARGET_LEN_UNKNOWN };
	struct target *t = places_make("x", &want);

	ok(t && target_write(t, "a", 1, 0) == 0 && target_zero(t, 4 * MIB, MIB) == 0 &&
			target_set_len(t, 5 * MIB) == 0 && target_commit(t) == 0,
		"unknown: commit");
	ok(blocks("x") >= 4 * MIB, "unknown: zeros are allocated");
	is_int(scratch_run("test $(stat -c %%s x) = 5242880 && cmp -i 1:0 -n 5242879 x /dev/zero"),
		0, "unknown: length and content");
	unlink("x");
	want.sparse = true;
	t = places_make("x", &want);
	ok(t && target_write(t, "a", 1, 0) == 0 && target_zero(t, 4 * MIB, MIB) == 0 &&
			target_set_len(t, 5 * MIB) == 0 && target_commit(t) == 0 &&
			blocks("x") < MIB,
		"unknown: sparse");
	is_int(scratch_run("test $(stat -c %%s x) = 5242880"), 0, "unknown: sparse, length");
	unlink("x");
}

static void refused_as_full(struct target *t, const char *what)
{
	char text[200];

	snprintf(text, sizeof(text), "full: %s", what);
	ok(!t, text);
	is_int(err_status(), ST_NOROOM, err_text());
	target_abort(t);
}

/* In the directory "small", which has less than 1.5 MiB of free space. */
static void check_full(const char *how)
{
	struct target_want want = { .len = 4 * MIB };
	char *b = calloc(1, 2 * MIB), text[100];
	struct target *t;

	memset(b, 1, 2 * MIB);
	refused_as_full(places_make("small/x", &want), how);
	want.sparse = true;
	t = places_make("small/x", &want);
	if (!t) { /* the filesystem limits the length */
		is_int(err_status(), ST_NOROOM, err_text());
		want.len = MIB;
		t = places_make("small/x", &want);
	}
	snprintf(text, sizeof(text), "full: %s, a write", how);
	err_clear();
	ok(t && target_write(t, b, 2 * MIB, 0) == -1 && err_status() == ST_NOROOM, text);
	target_abort(t);
	is_int(err_status(), ST_NOROOM, err_text());
	want.sparse = false;
	want.len = TARGET_LEN_UNKNOWN;
	t = places_make("small/x", &want);
	snprintf(text, sizeof(text), "full: %s, zeros", how);
	ok(t && target_zero(t, 4 * MIB, 0) == -1 && err_status() == ST_NOROOM, text);
	target_abort(t);
	is_int(written_partials("small"), 0, "full: no file is left");
	want.len = 4;
	t = places_make("small/x", &want);
	ok(t && target_write(t, "fits", 4, 0) == 0 && target_commit(t) == 0 &&
			written_holds("small/x", "fits"),
		"full: an image that fits is created");
	unlink("small/x");
	free(b);
}

static void test_full(void)
{
	struct rlimit old, small = { 3 * MIB / 2, 3 * MIB / 2 };
	struct target_want huge = { .len = (uint64_t)INT64_MAX + 1, .sparse = true };

	refused_as_full(places_make("x", &huge), "more than 2^63 bytes");
	huge.len = 1ull << 62;
	huge.sparse = false;
	refused_as_full(places_make("x", &huge), "2^62 bytes");
	is_int(written_partials("."), 0, "full: no file is left");
	mkdir("small", 0700);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	small.rlim_max = old.rlim_max;
	fflush(NULL);
	setrlimit(RLIMIT_FSIZE, &small);
	check_full("a limit");
	setrlimit(RLIMIT_FSIZE, &old);
}

/* Filesystems mounted in a mount namespace of our own: as root only. */
static void test_filesystems(void)
{
	struct target_want want = { .len = 3 * MIB };
	struct target *t;

	if (unshare(CLONE_NEWNS) < 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		mount("tmpfs", "small", "tmpfs", 0, "size=1500k") < 0) {
		puts("# may not mount: a full filesystem, and one without fallocate(), are not "
		     "tested");
		return;
	}
	check_full("a full filesystem");
	umount("small");
	if (!ok(mount("ramfs", "small", "ramfs", 0, NULL) == 0, "ramfs: mounted"))
		return;
	t = places_make("small/x", &want);
	ok(t && blocks("small/.x.img-tools") == 0, "ramfs: cannot allocate");
	ok(t && target_write(t, "x", 1, 0) == 0 && target_zero(t, 2 * MIB, MIB) == 0 &&
			target_commit(t) == 0 && blocks("small/x") >= 2 * MIB,
		"ramfs: zeros are written instead");
	umount("small");
}

static void test_clone(void)
{
	struct target_want want = { .len = 3 * MIB };
	struct image *src;
	struct target *t;
	int r;

	scratch_run("head -c 1M /dev/urandom >src; truncate -s 3M src");
	src = places_image(&places_free, "src");
	t = places_make("x", &want);
	r = t && src ? target_clone(t, src) : -1;
	printf("# blocks can %sbe shared here\n", r == 1 ? "" : "not ");
	ok(r == 0 || r == 1, "clone: done, or reported as not possible");
	ok(t && blocks(".x.img-tools") >= 3 * MIB, "clone: its space is allocated");
	ok(t && target_commit(t) == 0, "clone: commit");
	is_int(scratch_run(r == 1 ? "cmp src x" : "cmp -n 3145728 x /dev/zero"), 0,
		"clone: the same content, or untouched");
	image_close(src);
	unlink("x");
}

static void test_long_names(void)
{
	char a[300], b[300];
	struct target *one, *two;

	memset(a, 'n', 255);
	a[255] = '\0';
	memcpy(b, a, 256);
	b[254] = 'o';
	one = places_make(a, &plain);
	two = places_make(b, &plain);
	ok(one && two && written_partials(".") == 2, "long names: two that differ at the end");
	ok(one && target_write(one, "first", 5, 0) == 0 && target_commit(one) == 0 &&
			written_holds(a, "first"),
		"long names: the first");
	ok(two && target_write(two, "other", 5, 0) == 0 && target_commit(two) == 0 &&
			written_holds(b, "other"),
		"long names: the second");
	is_int(written_partials("."), 0, "long names: no other file");
	unlink(a);
	unlink(b);
	a[255] = 'n';
	a[256] = '\0';
	ok(!places_make(a, &plain) && err_status() != ST_OK && written_partials(".") == 0,
		"long names: too long");
}

static void test_odd_names(void)
{
	static const char *const name[] = { "-rf", " ", "a\nb", "\377\376", "a'b\"c$d", ".hidden" };
	struct target *t;
	size_t i;

	for (i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		char path[100];

		snprintf(path, sizeof(path), "./%s", name[i]);
		t = places_make(path, &plain);
		ok(t && target_write(t, "hello", 5, 0) == 0 && target_commit(t) == 0 &&
				written_holds(path, "hello"),
			"an odd name");
		unlink(path);
	}
	ok(!places_make("./.y.img-tools", &plain) && err_status() == ST_REFUSED,
		"a name that img-clean would take for a partial file");
}

int main(void)
{
	scratch_open();
	test_space();
	test_unknown_length();
	test_clone();
	test_full();
	test_filesystems();
	test_long_names();
	test_odd_names();
	scratch_close(tap_failed);
	return tap_done();
}
