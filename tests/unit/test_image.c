/* image: what can be opened, its data extents, and changes while it is read. */
#include <errno.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "tests/unit/places.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

#define MIB 1048576ll

/* Opens name, which must give this status. */
static void refused(const char *name, enum status status, const char *what)
{
	int fds = places_descriptors();
	struct image *img = places_image(&places_free, name);

	ok(!img, what);
	is_int(err_status(), status, err_text());
	is_int(places_descriptors(), fds, "and no descriptor is open");
	image_close(img);
}

static void test_refused(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "socket" };
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	ok(mkdir("dir", 0700) == 0 && mkfifo("fifo", 0600) == 0 && symlink("gone", "broken") == 0 &&
			symlink("loop", "loop") == 0 &&
			bind(s, (struct sockaddr *)&addr, sizeof(addr)) == 0,
		"made");
	scratch_save("file", "x", 1);
	refused("gone", ST_ABSENT, "absent");
	refused("gone/file", ST_ABSENT, "absent: its directory");
	refused("file/file", ST_ABSENT, "absent: below a file");
	refused("broken", ST_ABSENT, "absent: a link to nowhere");
	refused("loop", ST_REFUSED, "a link to itself");
	refused("dir", ST_REFUSED, "a directory");
	refused("fifo", ST_REFUSED, "a FIFO, without waiting for its other end");
	refused("socket", ST_REFUSED, "a socket");
	refused("/dev/null", ST_REFUSED, "a device that is no disk");
	refused("", ST_USAGE, "no name");
	close(s);
}

static void test_policy(void)
{
	struct policy l = places_policy("[storage]\ndirectory = %s/dir\n", scratch_dir);
	struct image *img;

	scratch_save("dir/in", "in", 2);
	img = places_image(&l, "dir/in");
	ok(img && img->len == 2, "policy: inside");
	image_close(img);
	ok(!places_image(&l, "file") && err_status() == ST_REFUSED, "policy: outside");
	policy_fini(&l);
}

static void test_read(void)
{
	int fds = places_descriptors();
	struct image *img;
	char path[400];
	uint8_t b[10];

	scratch_save("file", "0123456789", 10);
	is_int(symlink("file", "link"), 0, "read: made");
	img = places_image(&places_free, "link");
	if (!ok(img != NULL, "read: links are followed"))
		return;
	is_str(img->kind, "file", "read: kind");
	snprintf(path, sizeof(path), "%s/link", scratch_dir);
	is_str(img->place->spelled, path, "read: the path, as it was named");
	snprintf(path, sizeof(path), "%s/file", scratch_dir);
	is_str(img->place->path, path, "read: and that of the file's own name");
	is_int(img->len, 10, "read: length");
	ok(image_read(img, b, 3, 7) == 0 && memcmp(b, "789", 3) == 0, "read: the end");
	ok(image_read(img, b, 0, 10) == 0, "read: nothing at the end");
	err_clear();
	ok(image_read(img, b, 4, 7) == -1 && err_status() == ST_CORRUPT, "read: over the end");
	err_clear();
	ok(image_read(img, b, 1, UINT64_MAX) == -1 && err_status() != ST_OK,
		"read: no such offset");
	ok((fcntl(img->fd, F_GETFL) & O_ACCMODE) == O_RDONLY, "read: only");
	ok(fcntl(img->fd, F_GETFD) & FD_CLOEXEC, "read: closed on exec");
	image_close(img);
	is_int(places_descriptors(), fds, "read: closed");
	image_close(NULL);
	ok(1, "read: NULL is closed");
}

static void test_extents(void)
{
	static const struct {
		long long off, len;
	} data[] = { { 2 * MIB, 4096 }, { 5 * MIB, 2 * MIB }, { 12 * MIB - 4096, 4096 } };
	char *b = malloc(2 * MIB);
	uint64_t off = 0, start, end, allocated, covered = 0;
	struct image *img = NULL;
	bool held = true;
	size_t i;
	int fd = open("sparse", O_RDWR | O_CREAT | O_CLOEXEC, 0600), r;

	memset(b, 1, 2 * MIB);
	ok(b && ftruncate(fd, 16 * MIB) == 0, "extents: made");
	for (i = 0; i < 3; i++)
		if (io_pwrite(fd, b, (size_t)data[i].len, (uint64_t)data[i].off) < 0)
			held = false;
	ok(held && fsync(fd) == 0 && (img = places_image(&places_free, "sparse")),
		"extents: opened");
	for (i = 0; (r = img->ops->extent(img, off, &start, &end)) == 1; off = end) {
		for (; i < 3 && start <= (uint64_t)data[i].off &&
			end >= (uint64_t)(data[i].off + data[i].len);
			i++)
			covered++;
		if (start < off || end <= start || end > img->len)
			break;
	}
	is_int(r, 0, "extents: ended");
	is_int(covered, 3, "extents: all data are in one, in order");
	ok(off < 16 * MIB, "extents: the hole at the end is none");
	ok(img->ops->extent(img, 16 * MIB, &start, &end) == 0, "extents: nothing at the end");
	ok(img->ops->allocated(img, &allocated) == 0, "extents: allocated");
	is_int(allocated,
		strtoll(scratch_get(NULL, "stat -c '%%b * 512' sparse | xargs expr"), NULL, 10),
		"extents: as stat says");

	ok(ftruncate(fd, 32 * MIB) == 0 && io_pwrite(fd, b, 4096, 24 * MIB) == 0,
		"extents: it grows");
	is_int(img->ops->extent(img, 13 * MIB, &start, &end), 0,
		"extents: new data are beyond the image");
	ok(io_pwrite(fd, b, 2 * MIB, 15 * MIB) == 0 &&
			img->ops->extent(img, 15 * MIB, &start, &end) == 1 && end == 16 * MIB,
		"extents: one that goes on beyond it ends with it");
	image_close(img);
	close(fd);
	free(b);
}

/* The status of the check after all was read. */
static int checked(struct image *img)
{
	err_clear();
	return image_check_end(img) < 0 ? (int)err_status() : 0;
}

static void test_changed(void)
{
	struct image *img;
	int fd;

	scratch_save("file", "0123456789", 10);
	img = places_image(&places_free, "file");
	if (!ok(img != NULL, "changed: opened"))
		return;
	is_int(img->ops->is_unfinished(img), 0, "changed: complete");
	is_int(checked(img), 0, "changed: not yet");
	scratch_patch("file", 0, "x", 1);
	is_int(checked(img), 0, "changed: written to, which nobody asked for");
	is_int(truncate("file", 9), 0, "changed: cut");
	is_int(checked(img), ST_CORRUPT, "changed: it is shorter");
	is_int(truncate("file", 11), 0, "changed: extended");
	is_int(checked(img), ST_CORRUPT, "changed: it is longer");
	image_close(img);
	img = places_image(&places_free, "file");
	ok(img && image_refuse_writers(img) == 0 && image_hold(img) == 0, "held");
	is_int(checked(img), 0, "held: nothing happened");
	fd = open("file", O_RDONLY | O_CLOEXEC);
	is_int(checked(img), 0, "held: opened for reading");
	close(fd);
	scratch_patch("file", 0, "y", 1);
	is_int(checked(img), ST_CORRUPT, "held: written to");
	image_close(img);
	scratch_save("file", "0123456789", 10);
	fd = open("file", O_WRONLY | O_CLOEXEC);
	img = places_image(&places_free, "file");
	err_clear();
	ok(img && image_refuse_writers(img) == -1 && err_status() == ST_BUSY,
		"held: open for writing before");
	err_clear();
	ok(img && image_hold(img) == -1 && err_status() == ST_BUSY, "held: is refused");
	close(fd);
	is_int(img ? image_hold(img) : -1, 0, "held: closed");
	image_close(img);
}

/* A program can set back the time of modification, but not that of the change. */
static void test_times(void)
{
	struct timespec old[2];
	struct image *img;

	scratch_save("file", "0123456789", 10);
	img = places_image(&places_free, "file");
	if (!ok(img && image_hold(img) == 0, "times: held"))
		return;
	old[0] = img->st.st_atim;
	old[1] = img->st.st_mtim;
	scratch_patch("file", 0, "x", 1);
	is_int(utimensat(AT_FDCWD, "file", old, 0), 0, "times: written to, and set back");
	is_int(checked(img), ST_CORRUPT, "times: detected");
	image_close(img);
}

/* Only root can open block devices. */
static void test_device(void)
{
	uint64_t start, end, allocated;
	struct image *img;
	char loop[64], b[4];

	if (geteuid() != 0 || access("/dev/loop-control", R_OK | W_OK) != 0) {
		puts("# no loop devices here: devices are not tested");
		return;
	}
	scratch_run("head -c 1048576 /dev/zero >disk; printf abc >>disk; truncate -s 1049088 disk");
	snprintf(loop, sizeof(loop), "%s", scratch_get(NULL, "losetup -r -f --show disk"));
	img = places_image(&places_free, loop);
	if (!ok(img != NULL, "device: opened"))
		return;
	is_str(img->kind, "device", "device: kind");
	is_int(img->len, 1049088, "device: length");
	ok(image_read(img, b, 3, MIB) == 0 && memcmp(b, "abc", 3) == 0, "device: read");
	ok(img->ops->extent(img, 512, &start, &end) == 1 && start == 512 && end == img->len,
		"device: data anywhere");
	is_int(img->ops->extent(img, img->len, &start, &end), 0, "device: nothing at the end");
	ok(img->ops->allocated(img, &allocated) == 0 && allocated == img->len, "device: allocated");
	image_close(img);
	scratch_run("losetup -d %s", loop);
}

int main(void)
{
	scratch_open();
	test_refused();
	test_policy();
	test_read();
	test_extents();
	test_changed();
	test_times();
	test_device();
	scratch_close(tap_failed);
	return tap_done();
}
