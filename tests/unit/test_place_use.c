/* place: its paths; opening it while names are swapped; its children and what is beside it. */
#include "lib/base/io.h"
#include "lib/base/kv.h"
#include "lib/op/reading.h"
#include "lib/store/backend.h"
#include "lib/store/file/file_place.h"
#include "lib/store/info.h"
#include "lib/store/recorded.h"
#include "tests/unit/places.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

static const struct place_file *file_of(const struct place *p)
{
	return (const struct place_file *)p;
}

static void make_tree(void)
{
	is_int(scratch_run("mkdir -p a/images/sub a/images2 && printf i >a/images/i && "
			   "printf s >a/images/sub/s && ln -s sub/s a/images/inner && "
			   "ln -s sub a/images/insub"),
		0, "made");
}

/* What is expected at a place. */
enum kind { ABSENT, FILE_THERE, CONTAINER };

/* The status of *p; 0 if it is of this kind, directory, name and spelling.  Closes it. */
static int checked(
	struct place *p, enum kind kind, const char *dir, const char *name, const char *spelled)
{
	const struct place_file *f = file_of(p);
	int r = 0;

	if (!p)
		return (int)err_status();
	if (strcmp(p->name, name) != 0 || p->is_container != (kind == CONTAINER) ||
		strcmp(p->spelled, spelled) != 0 || strcmp(strrchr(p->path, '/') + 1, name) != 0)
		r = 1001;
	else if (!places_is(f->dir, dir) || (f->node >= 0) != (kind != ABSENT))
		r = 1003;
	place_close(p);
	return r;
}

/* Both are absolute; only one of them is as the user named it. */
static void test_paths(void)
{
	struct place *p;
	char *path;

	is_int(scratch_run("mkdir d1 d2 && printf r >d1/real && ln -s ../d1/real d2/link && "
			   "ln -s d2 d3 && ln -s d1 d2/up"),
		0, "paths: made");
	p = places_open("d2/link");
	is_str(p ? p->spelled : NULL, places_path("d2/link"), "paths: as the user named it");
	is_str(p ? p->path : NULL, places_path("d1/real"), "paths: of its own name");
	is_str(p ? p->name : NULL, "real", "paths: its own name");
	ok(p && recorded_path(&path, p, "base") == 0, "paths: a name that it records");
	is_str(path, places_path("d2/base"), "paths: counts from where it was named");
	free(path);
	place_close(p);
	p = places_open(".//d3/./link");
	is_str(p ? p->spelled : NULL, places_path("d3/link"), "paths: without what names nothing");
	is_str(p ? p->path : NULL, places_path("d1/real"), "paths: and its own name");
	place_close(p);
	p = places_open("d3/../d1/new");
	is_str(p ? p->spelled : NULL, places_path("d3/../d1/new"), "paths: .. is not folded");
	is_str(p ? p->path : NULL, places_path("d1/new"), "paths: but followed");
	place_close(p);
	p = places_open("d3//");
	is_str(p ? p->spelled : NULL, places_path("d3"), "paths: a directory, as named");
	is_str(p ? p->path : NULL, places_path("d2"), "paths: a directory, its own");
	place_close(p);
	p = places_open("/");
	ok(p && strcmp(p->spelled, "/") == 0 && strcmp(p->path, "/") == 0, "paths: the root");
	place_close(p);
}

/* What the kernel alone can follow. */
static void test_descriptors(void)
{
	int file = open("d1/real", O_RDWR | O_CLOEXEC), gone, fd, ends[2];
	char path[64], number[16];
	struct place *p;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	is_int(checked(places_open(path), FILE_THERE, "d1", "real", path), 0,
		"descriptor: of a file that has a name");
	scratch_save("d1/temporary", "t", 1);
	gone = open("d1/temporary", O_RDONLY | O_CLOEXEC);
	unlink("d1/temporary");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", gone);
	snprintf(number, sizeof(number), "%d", gone);
	p = places_open(path);
	ok(p && p->is_link && file_of(p)->by_link && !p->is_container,
		"descriptor: of a file without a name");
	is_str(p ? p->name : NULL, number, "descriptor: has the name of the link");
	fd = p ? file_place_open(p, O_RDONLY) : -1;
	ok(fd >= 0 && io_read(fd, path, 1) == 1 && path[0] == 't', "descriptor: can be opened");
	close(fd);
	ok(dup2(file, gone) == gone, "descriptor: is now another file's");
	err_clear();
	ok(p && file_place_open(p, O_RDONLY) == -1 && err_status() == ST_BUSY,
		"descriptor: is refused then");
	place_close(p);
	close(gone);
	close(file);
	ok(pipe2(ends, O_CLOEXEC) == 0, "descriptor: a pipe");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", ends[0]);
	p = places_open(path);
	ok(p && file_of(p)->by_link && S_ISFIFO(file_of(p)->st.st_mode), "descriptor: of a pipe");
	place_close(p);
	close(ends[0]);
	close(ends[1]);
	p = places_open("/dev/null");
	ok(p && p->backend == &backend_file && S_ISCHR(file_of(p)->st.st_mode),
		"descriptor: a character device is no device for images");
	place_close(p);
}

/* The status of opening p with flags. */
static int reopened(const struct place *p, int flags)
{
	int fd;

	err_clear();
	fd = p ? file_place_open(p, flags | O_NONBLOCK) : -1;
	if (fd < 0)
		return (int)err_status();
	close(fd);
	return 0;
}

/* What has the name later must be what had it when the place was opened. */
static void test_swapped(void)
{
	struct place *p, *directory, *absent;
	int fd;

	scratch_run("mkdir dir; printf x >dir/x; printf y >dir/y");
	p = places_open("dir/x");
	directory = places_open("dir");
	absent = places_open("dir/new");
	fd = p ? file_place_open(p, O_RDWR) : -1;
	ok(fd >= 0 && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR && fcntl(fd, F_GETFD) & FD_CLOEXEC,
		"swapped: not yet");
	close(fd);
	scratch_run("mv dir/x dir/z; mv dir/y dir/x");
	is_int(reopened(p, O_RDONLY), ST_BUSY, "swapped: another file has the name");
	is_int(reopened(p, O_RDWR), ST_BUSY, "swapped: also for writing");
	scratch_run("rm dir/x; ln -s z dir/x");
	is_int(reopened(p, O_RDONLY), ST_BUSY, "swapped: a link to the same file has it");
	scratch_run("rm dir/x; mkfifo dir/x");
	is_int(reopened(p, O_RDONLY), ST_BUSY, "swapped: a FIFO has it");
	scratch_run("rm dir/x; mkdir dir/x");
	is_int(reopened(p, O_RDONLY), ST_BUSY, "swapped: a directory has it");
	scratch_run("rmdir dir/x");
	is_int(reopened(p, O_RDONLY), ST_ABSENT, "swapped: nothing has it");
	scratch_run("ln dir/z dir/x");
	is_int(reopened(p, O_RDONLY), 0, "swapped: it has the name again");
	scratch_run("mv dir moved; mkdir dir; printf x >dir/x; printf n >dir/new");
	is_int(reopened(p, O_RDONLY), 0, "swapped: the directory, which is held");
	fd = directory ? file_place_open(directory, O_RDONLY | O_DIRECTORY) : -1;
	ok(fd >= 0 && places_is(fd, "moved"), "swapped: a container is held, too");
	close(fd);
	scratch_run("printf n >moved/new");
	is_int(reopened(absent, O_RDONLY), ST_ABSENT, "swapped: what was absent stays so");
	place_close(p);
	place_close(directory);
	place_close(absent);
}

/* A file replaced before it is opened, as by a rename: the new one is what is opened. */
static void test_replaced(void)
{
	const struct reading_want want = { .path = "replaced/x" };
	char id[IDENTITY_MAX] = "";
	struct session s = { .rights = 0 };
	struct buf record = BUF_INIT;
	struct place *p, *now;
	struct kv kv = KV_INIT;
	struct reading r;

	scratch_run("mkdir replaced; printf x >replaced/x; printf yy >replaced/y");
	p = places_open("replaced/x");
	scratch_run("mv replaced/y replaced/x");
	now = places_open("replaced/x");
	ok(now && now->backend->identify(now, id) == 0, "replaced: the identity of the new file");
	place_close(now);
	ok(p && reading_open_place(&r, &s, p, &want) == 0, "replaced: opened");
	is_str(r.id, id, "replaced: with the identity of the new file");
	is_int((long long)r.img->len, 2, "replaced: and its size");
	reading_close(&r);

	p = places_open("replaced/x");
	scratch_run("mv replaced/x replaced/z; ln -s z replaced/x");
	ok(p && info_collect(p, NULL, &record) == 0 && kv_parse(&kv, record.data, record.len) == 0,
		"replaced: by a link, described");
	is_str(kv_get(&kv, "path"), places_path("replaced/z"),
		"replaced: by the path of what it is");
	is_str(kv_get(&kv, "name"), "z", "replaced: and its name");
	kv_fini(&kv);
	buf_fini(&record);
}

static void test_children(void)
{
	struct place *dir = places_open("a/images/insub/.."), *p;
	static const char *const bad[] = { "", ".", "..", "x/y", "/", "i/" };
	char spelled[PATH_MAX];
	size_t i;

	snprintf(spelled, sizeof(spelled), "%s/i", dir->spelled);
	p = place_child(dir, "i");
	is_str(p ? p->path : NULL, places_path("a/images/i"), "child: its path");
	is_int(checked(p, FILE_THERE, "a/images", "i", spelled), 0, "child: a file");
	snprintf(spelled, sizeof(spelled), "%s/new", dir->spelled);
	p = place_child(dir, "new");
	is_int(checked(p, ABSENT, "a/images", "new", spelled), 0, "child: new");
	p = place_child(dir, "sub");
	is_int(reopened(p, O_RDONLY | O_DIRECTORY), 0, "child: a directory is opened");
	snprintf(spelled, sizeof(spelled), "%s/sub/s", dir->spelled);
	is_int(checked(p ? place_child(p, "s") : NULL, FILE_THERE, "a/images/sub", "s", spelled), 0,
		"child: of a directory in it");
	snprintf(spelled, sizeof(spelled), "%s/sub", dir->spelled);
	is_int(checked(p, CONTAINER, "a/images", "sub", spelled), 0, "child: a directory");
	p = place_child(dir, "inner");
	ok(p && p->is_link, "child: a link");
	snprintf(spelled, sizeof(spelled), "%s/inner", dir->spelled);
	is_int(checked(p, FILE_THERE, "a/images", "inner", spelled), 0, "child: is not followed");
	p = place_child(dir, "insub");
	ok(p && p->is_link && !p->is_container, "child: nor is one to a directory");
	place_close(p);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err_clear();
		ok(!place_child(dir, bad[i]) && err_status() == ST_REFUSED, "child: not a name");
	}
	place_close(dir);
	dir = places_open("/");
	p = dir ? place_child(dir, "img-tools-new") : NULL;
	is_str(p ? p->path : NULL, "/img-tools-new", "child: of the root");
	is_str(p ? p->spelled : NULL, "/img-tools-new", "child: of the root, as spelled");
	place_close(p);
	place_close(dir);
}

static void test_beside(void)
{
	struct place *p = places_open("a/images/inner"), *other;

	other = p ? p->backend->beside(p, "s.lzo") : NULL;
	is_str(other ? other->path : NULL, places_path("a/images/sub/s.lzo"),
		"beside: where the file is");
	is_int(checked(other, ABSENT, "a/images/sub", "s.lzo", places_path("a/images/sub/s.lzo")),
		0, "beside: new");
	other = p ? p->backend->beside(p, "s") : NULL;
	is_int(checked(other, FILE_THERE, "a/images/sub", "s", places_path("a/images/sub/s")), 0,
		"beside: existing");
	place_close(p);
}

static void test_for(void)
{
	struct policy l = places_policy("[storage]\ndirectory = %s/a/images\n", scratch_dir);

	err_clear();
	is_int(checked(place_for(&l, "a/images/sub", "x"), ABSENT, "a/images/sub", "x",
		       places_path("a/images/sub/x")),
		0, "for: in a directory");
	is_int(checked(place_for(&l, "a/images/sub/", "s"), FILE_THERE, "a/images/sub", "s",
		       places_path("a/images/sub/s")),
		0, "for: in a directory, existing");
	is_int(checked(place_for(&l, "a/images/new", "x"), ABSENT, "a/images", "new",
		       places_path("a/images/new")),
		0, "for: a new name");
	is_int(checked(place_for(&l, "a/images/new", NULL), ABSENT, "a/images", "new",
		       places_path("a/images/new")),
		0, "for: a new name, and the source has none");
	ok(!place_for(&l, "a/images", NULL) && err_status() == ST_REFUSED,
		"for: a directory, and the source has no name");
	err_clear();
	ok(!place_for(&l, "a/images", "../x") && err_status() == ST_REFUSED, "for: not a name");
	err_clear();
	ok(!place_for(&l, "a/images2", "x") && err_status() == ST_REFUSED, "for: outside");
	policy_fini(&l);
}

/* Two ways to the same image have the same identity. */
static void test_identity(void)
{
	static const char *const path[] = { "a/images/sub/s", "a/images/inner", "hard",
		"a/images/i" };
	char id[4][IDENTITY_MAX];
	struct place *p;
	size_t i;

	ok(link("a/images/sub/s", "hard") == 0, "identity: made");
	for (i = 0; i < 4; i++) {
		p = places_open(path[i]);
		is_int(p ? p->backend->identify(p, id[i]) : -1, 0, path[i]);
		place_close(p);
	}
	is_str(id[1], id[0], "identity: of a link");
	is_str(id[2], id[0], "identity: of another name");
	ok(strcmp(id[3], id[0]) != 0, "identity: of another file");
	p = places_open("new");
	err_clear();
	ok(p && p->backend->identify(p, id[0]) == -1 && err_status() == ST_OK,
		"identity: of nothing");
	place_close(p);
}

int main(void)
{
	int fds;

	scratch_open();
	make_tree();
	fds = places_descriptors();
	test_paths();
	test_descriptors();
	test_swapped();
	test_replaced();
	test_children();
	test_beside();
	test_for();
	test_identity();
	place_close(NULL);
	is_int(places_descriptors(), fds, "no descriptor is left open");
	scratch_close(tap_failed);
	return tap_done();
}
