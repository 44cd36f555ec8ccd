/* place: what a path leads to, with any spelling, through links, and within a policy. */
#include "lib/store/backend.h"
#include "lib/store/file/file_place.h"
#include "tests/unit/places.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

static const struct place_file *file_of(const struct place *p)
{
	return (const struct place_file *)p;
}

/* What is expected at a place. */
enum kind { ABSENT, FILE_THERE, CONTAINER };

/* The status of place_open(); 0 if it gives this kind, directory and name. */
static int found(const struct policy *policy, const char *path, enum kind kind, const char *dir,
	const char *name)
{
	const struct place_file *f;
	struct place *p;
	int r = 0;

	err_clear();
	p = place_open(policy, path);
	if (!p)
		return err_status() == ST_OK ? 1000 : (int)err_status();
	f = file_of(p);
	if (p->backend != &backend_file || p->policy != policy || strcmp(p->name, name) != 0 ||
		p->is_container != (kind == CONTAINER) || err_status() != ST_OK)
		r = 1001;
	else if (kind == CONTAINER)
		r = f->dir == -1 && places_is(f->node, dir) ? 0 : 1002;
	else
		r = places_is(f->dir, dir) && (f->node >= 0) == (kind == FILE_THERE) ? 0 : 1003;
	if (f->dir >= 0 && !(fcntl(f->dir, F_GETFD) & FD_CLOEXEC))
		r = 1004;
	if (f->node >= 0 && !(fcntl(f->node, F_GETFD) & FD_CLOEXEC))
		r = 1005;
	place_close(p);
	return r;
}

static void make_tree(void)
{
	is_int(scratch_run("mkdir -p a/images/sub a/images2 b && printf i >a/images/i && "
			   "printf s >a/images/sub/s && printf b >b/b && "
			   "ln -s sub/s a/images/inner && ln -s ../../b/b a/images/relative && "
			   "ln -s $PWD/a/images/i a/images/absolute && "
			   "ln -s ../../b a/images/dirlink && ln -s sub a/images/insub && "
			   "ln -s inner a/images/twice && ln -s gone a/images/dangling && "
			   "ln -s ../../b/gone a/images/dangling-out && "
			   "ln -s gone/gone a/images/no-dir && ln -s loop a/images/loop && "
			   "ln -s pong a/images/ping && ln -s ping a/images/pong"),
		0, "made");
}

static void test_names(void)
{
	const struct policy *policy = &places_free;

	is_int(found(policy, "a/images/new", ABSENT, "a/images", "new"), 0, "new");
	is_int(found(policy, "a/images/i", FILE_THERE, "a/images", "i"), 0, "an existing file");
	is_int(found(policy, places_path("a/images/i"), FILE_THERE, "a/images", "i"), 0,
		"absolute");
	is_int(found(policy, "a//new", ABSENT, "a", "new"), 0, "slashes between");
	is_int(found(policy, "./a/././new", ABSENT, "a", "new"), 0, "dots between");
	is_int(found(policy, "a/images/sub/../i", FILE_THERE, "a/images", "i"), 0, ".. between");
	is_int(found(policy, "new", ABSENT, ".", "new"), 0, "here");
	is_int(found(policy, "/img-tools-new", ABSENT, "/", "img-tools-new"), 0, "in the root");
	is_int(found(policy, "", ABSENT, "", ""), ST_USAGE, "empty");
	is_int(found(policy, "gone/new", ABSENT, "", ""), ST_ABSENT, "no directory");
	ok(!places_open("gone/new") && strstr(err_text(), "'gone'"), "it is named");
	is_int(found(policy, "gone/../new", ABSENT, "", ""), ST_ABSENT, "no directory, ..");
	is_int(found(policy, "b/b/new", ABSENT, "", ""), ST_ABSENT, "below a file");
	is_int(found(policy, "b/b/..", ABSENT, "", ""), ST_ABSENT, "above a file");
	is_int(found(policy, "b/b/.", ABSENT, "", ""), ST_ABSENT, "a file as a directory");
}

static void test_directories(void)
{
	const struct policy *policy = &places_free;
	const char *here = strrchr(scratch_dir, '/') + 1;
	struct place *p;

	is_int(found(policy, "a/images", CONTAINER, "a/images", "images"), 0, "a directory");
	is_int(found(policy, "a/images///", CONTAINER, "a/images", "images"), 0,
		"slashes at its end");
	is_int(found(policy, "a/images/.", CONTAINER, "a/images", "images"), 0, ". at its end");
	is_int(found(policy, "a/images/insub", CONTAINER, "a/images/sub", "sub"), 0,
		"a link to a directory");
	is_int(found(policy, "a/images/insub/", CONTAINER, "a/images/sub", "sub"), 0,
		"a link to a directory, a slash at its end");
	is_int(found(policy, ".", CONTAINER, ".", here), 0, ".");
	is_int(found(policy, "a/..", CONTAINER, ".", here), 0, "a/..");
	is_int(found(policy, "a/../", CONTAINER, ".", here), 0, "a/../");
	is_int(found(policy, "/", CONTAINER, "/", "/"), 0, "/");
	is_int(found(policy, "//", CONTAINER, "/", "/"), 0, "//");
	p = places_open("..");
	ok(p && p->is_container && places_is(file_of(p)->node, ".."), "..");
	place_close(p);
	is_int(found(policy, "a/images/i///", ABSENT, "", ""), ST_ABSENT, "a slash after a file");
	is_int(found(policy, "a/images/inner/", ABSENT, "", ""), ST_ABSENT,
		"a slash after a link to a file");
	is_int(found(policy, "a/images/new/", ABSENT, "", ""), ST_ABSENT,
		"a slash after a new name");
	is_int(found(policy, "a/images/new/.", ABSENT, "", ""), ST_ABSENT, "/. after a new name");
	is_int(found(policy, "a/images/new/..", ABSENT, "", ""), ST_ABSENT, "/.. after a new name");
	is_int(found(policy, "a/images/dangling/", ABSENT, "", ""), ST_ABSENT,
		"a slash after a dangling link");
}

/* A link leads to the directory in which the file has its own name. */
static void test_links(void)
{
	static const char *const link[] = { "a/images/inner", "a/images/twice" };
	const struct policy *policy = &places_free;
	struct place *p;
	size_t i;

	for (i = 0; i < 2; i++) {
		is_int(found(policy, link[i], FILE_THERE, "a/images/sub", "s"), 0, link[i]);
		p = places_open(link[i]);
		ok(p && p->is_link && !file_of(p)->by_link, "is a link");
		place_close(p);
	}
	is_int(found(policy, "a/images/relative", FILE_THERE, "b", "b"), 0, "a link to elsewhere");
	is_int(found(policy, "a/images/absolute", FILE_THERE, "a/images", "i"), 0,
		"an absolute link");
	is_int(found(policy, "a/images/insub/s", FILE_THERE, "a/images/sub", "s"), 0,
		"a file in a linked directory");
	p = places_open("a/images/insub/s");
	ok(p && !p->is_link, "is no link itself");
	place_close(p);
	is_int(found(policy, "a/images/insub/../i", FILE_THERE, "a/images", "i"), 0,
		"upwards from a linked directory");
	is_int(found(policy, "a/images/dangling", ABSENT, "a/images", "gone"), 0,
		"a dangling link");
	p = places_open("a/images/dangling");
	ok(p && p->is_link, "is a link to where nothing is");
	is_int(p ? file_place_open(p, O_RDONLY) : 0, -1, "and cannot be opened");
	is_int(err_status(), ST_ABSENT, "as it is absent");
	place_close(p);
	is_int(found(policy, "a/images/no-dir", ABSENT, "", ""), ST_ABSENT,
		"a dangling link into no directory");
	is_int(found(policy, "a/images/loop", ABSENT, "", ""), ST_REFUSED, "a link to itself");
	is_int(found(policy, "a/images/ping", ABSENT, "", ""), ST_REFUSED, "two links in a circle");
	is_int(found(policy, "a/images/loop/x", ABSENT, "", ""), ST_REFUSED,
		"below a link to itself");
}

/* The kernel follows at most 40 links. */
static void test_many_links(void)
{
	is_int(scratch_run("mkdir many; cd many; printf x >0; i=1; while [ $i -le 41 ]; do "
			   "ln -s $((i - 1)) $i; ln -s d$((i - 1)) d$i; i=$((i + 1)); done"),
		0, "many links");
	is_int(found(&places_free, "many/39", FILE_THERE, "many", "0"), 0, "39 links");
	is_int(found(&places_free, "many/41", ABSENT, "", ""), ST_REFUSED, "41 links");
	is_int(found(&places_free, "many/d39", ABSENT, "many", "d0"), 0, "39 dangling links");
	is_int(found(&places_free, "many/d41", ABSENT, "", ""), ST_REFUSED, "41 dangling links");
}

static void test_policy(void)
{
	struct policy policy = places_policy("[storage]\ndirectory = %s/a/images\n", scratch_dir);

	is_int(found(&policy, "a/images/new", ABSENT, "a/images", "new"), 0, "policy: new");
	is_int(found(&policy, places_path("a/images/x"), ABSENT, "a/images", "x"), 0,
		"policy: absolute");
	is_int(found(&policy, "a/images/i", FILE_THERE, "a/images", "i"), 0, "policy: existing");
	is_int(found(&policy, "a/images", CONTAINER, "a/images", "images"), 0,
		"policy: the directory itself");
	is_int(found(&policy, "a/images/", CONTAINER, "a/images", "images"), 0,
		"policy: the directory itself, a slash at its end");
	is_int(found(&policy, "a/images/sub/..", CONTAINER, "a/images", "images"), 0,
		"policy: the directory itself, from below");
	is_int(found(&policy, "a/images/..", ABSENT, "", ""), ST_REFUSED, "policy: its parent");
	is_int(found(&policy, "a", ABSENT, "", ""), ST_REFUSED, "policy: its parent by its name");
	is_int(found(&policy, "/", ABSENT, "", ""), ST_REFUSED, "policy: the root");
	is_int(found(&policy, "a/images2/new", ABSENT, "", ""), ST_REFUSED, "policy: outside");
	is_int(found(&policy, "gone/new", ABSENT, "", ""), ST_REFUSED,
		"policy: outside, no directory");
	is_int(found(&policy, "a/images/dirlink/new", ABSENT, "", ""), ST_REFUSED,
		"policy: outside by a linked directory");
	is_int(found(&policy, "a/images/relative", ABSENT, "", ""), ST_REFUSED,
		"policy: outside by a link");
	is_int(found(&policy, "a/images/dangling-out", ABSENT, "", ""), ST_REFUSED,
		"policy: outside by a dangling link");
	is_int(found(&policy, "a/images/absolute", ABSENT, "", ""), ST_REFUSED,
		"policy: inside by an absolute link");
	is_int(found(&policy, "a/images/insub/new", ABSENT, "a/images/sub", "new"), 0,
		"policy: inside by a linked directory");
	is_int(found(&policy, "a/images/twice", FILE_THERE, "a/images/sub", "s"), 0,
		"policy: inside by links");
	is_int(found(&policy, "a/images/dangling", ABSENT, "a/images", "gone"), 0,
		"policy: inside by a dangling link");
	policy_fini(&policy);
}

int main(void)
{
	int fds;

	scratch_open();
	make_tree();
	fds = places_descriptors();
	test_names();
	test_directories();
	test_links();
	test_many_links();
	test_policy();
	is_int(places_descriptors(), fds, "no descriptor is left open");
	scratch_close(tap_failed);
	return tap_done();
}
