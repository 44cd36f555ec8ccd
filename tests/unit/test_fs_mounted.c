/*
 * What is resized while it is mounted is unmounted however the process ends, and a damaged
 * filesystem is refused, or is no worse afterwards.  IMG_SOAK: many more damaged ones.
 */
#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>

#include "lib/base/cancel.h"
#include "lib/base/io.h"
#include "lib/fs/fs_mount.h"
#include "resized.h"

static const struct kind {
	const char *name, *make, *check;
	uint64_t had, wanted, group;
} kinds[] = {
	{ "xfs", "truncate -s 320M base && mkfs.xfs -q base", "xfs_repair -n -f x", 320 * MIB,
		3000 * MIB, 80 * MIB },
	{ "btrfs", "truncate -s 600M base && mkfs.btrfs -q -m single base",
		"btrfs check --readonly x", 600 * MIB, 400 * MIB, MIB },
};

/* Whether the driver of XFS has a loop device of a file in the scratch directory in use. */
static bool xfs_is_mounted(void)
{
	char path[512], file[512];
	struct dirent *e;
	bool found = false;
	DIR *d = opendir("/sys/fs/xfs");

	while (d && !found && (e = readdir(d))) {
		snprintf(path, sizeof(path), "/sys/block/%.64s/loop/backing_file", e->d_name);
		found = io_read_line(path, file, sizeof(file)) == 0 &&
			strncmp(file, scratch_dir, strlen(scratch_dir)) == 0;
	}
	if (d)
		closedir(d);
	return found;
}

/* Whether x is mounted, or, if changing, is being changed (XFS: may be). */
static bool is_mounted(const struct kind *k, bool changing)
{
	char path[128], uuid[64], what[32];

	if (strcmp(k->name, "xfs") == 0)
		return (!changing || resized_len("x") > k->had) && xfs_is_mounted();
	io_read_line("uuid", uuid, sizeof(uuid));
	snprintf(path, sizeof(path), "/sys/fs/btrfs/%s%s", uuid,
		changing ? "/exclusive_operation" : "");
	if (!changing)
		return access(path, F_OK) == 0;
	return io_read_line(path, what, sizeof(what)) == 0 && strcmp(what, "resize") == 0;
}

/* Starts a process that resizes x, whose exit status is that of the change. */
static pid_t start(const struct kind *k)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid != 0)
		return pid;
	if (cancel_init() < 0)
		_exit(99);
	cancel_on_signals();
	_exit(resized("x", k->wanted));
}

/* Waits until it is mounted, or being changed.  False: the process has ended. */
static bool await_mount(const struct kind *k, pid_t pid, bool changing)
{
	siginfo_t info = { .si_pid = 0 };

	while (!is_mounted(k, changing))
		if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid)
			return false;
	return true;
}

static void kill_child(pid_t pid)
{
	char path[64], line[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
	if (io_read_line(path, line, sizeof(line)) == 0 && atoi(line) > 0)
		kill(atoi(line), SIGKILL);
}

static void is_intact(const struct kind *k, const char *what)
{
	char name[96];

	snprintf(name, sizeof(name), "%s, %s: nothing is left", k->name, what);
	ok(resized_left_nothing() && !is_mounted(k, false), name);
	snprintf(name, sizeof(name), "%s, %s: contents are the same", k->name, what);
	ok(resized_contains("x", strcmp(k->name, "xfs") == 0 ? "nouuid" : "noatime", "list"), name);
	snprintf(name, sizeof(name), "%s, %s: resized again", k->name, what);
	is_resized(resized("x", k->wanted), ST_OK, name);
	is_int(scratch_run("%s", k->check), 0, "the checker finds nothing");
}

static void test_killed(const struct kind *k)
{
	static const struct {
		const char *name;
		bool changing;
		int sig;
		bool child;
	} way[] = {
		{ "killed during the trial", false, SIGKILL, false },
		{ "killed during the change", true, SIGKILL, false },
		{ "cancelled during the change", true, SIGTERM, false },
		{ "its child killed during the change", true, SIGKILL, true },
	};
	char name[96];
	size_t i;
	bool hit;
	int status;
	pid_t pid;

	for (i = 0; i < sizeof(way) / sizeof(way[0]); i++) {
		resized_copy("base", "x");
		pid = start(k);
		hit = await_mount(k, pid, way[i].changing);
		if (hit && way[i].child)
			kill_child(pid);
		else if (hit)
			kill(pid, way[i].sig);
		waitpid(pid, &status, 0);
		printf("# %s, %s: %s, status %#x\n", k->name, way[i].name, hit ? "hit" : "missed",
			(unsigned)status);
		snprintf(name, sizeof(name), "%s, %s: ended so", k->name, way[i].name);
		if (way[i].sig == SIGKILL && !way[i].child)
			ok(!hit || WIFSIGNALED(status) || WEXITSTATUS(status) == 0, name);
		else
			ok(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 100 + ST_FAILED,
				name);
		/* The shrinking of btrfs takes so long that it cannot have ended before. */
		if (way[i].changing && strcmp(k->name, "btrfs") == 0)
			ok(hit && status != 0, "it was in the middle of it");
		is_intact(k, way[i].name);
	}
}

/* Sectors of the image that are not zeros; of XFS those at the beginning of a group. */
static size_t find_sectors(const struct kind *k, const char *image, uint64_t *sector, size_t max)
{
	static uint8_t zero[512], b[512];
	int fd = open(image, O_RDONLY | O_CLOEXEC);
	off_t at = 0, end;
	size_t n = 0;

	while (n < max && (at = lseek(fd, at, SEEK_DATA)) >= 0) {
		end = lseek(fd, at, SEEK_HOLE);
		for (; at < end && n < max; at += 512)
			if (at % (off_t)k->group < (off_t)MIB && pread(fd, b, 512, at) == 512 &&
				memcmp(b, zero, 512) != 0)
				sector[n++] = (uint64_t)at;
	}
	close(fd);
	return n;
}

static uint32_t next_random(void)
{
	static uint32_t x = 2463534242;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x;
}

/* What can be read of the image, also if it is damaged; 0: it cannot be mounted. */
static bool list_damaged(const char *image, const char *list)
{
	if (scratch_run("mount -o loop,ro,norecovery %s m", image) != 0)
		return false;
	scratch_run("cd m && find . -type f ! -size +1G -print0 | sort -z | "
		    "xargs -0r sha256sum >../%s",
		list);
	return scratch_run("umount m") == 0 && resized_left_nothing();
}

/* Tries one damaged copy of base: 0 if it was resized, else the status. */
static int try_damaged(const struct kind *k, uint64_t sector)
{
	char junk[64];
	size_t i;
	int status;
	bool mountable, is_right;

	resized_copy("base", "x");
	for (i = 0; i < sizeof(junk); i++)
		junk[i] = (char)next_random();
	scratch_patch("x", (long)(sector + next_random() % 448), junk, sizeof(junk));
	resized_copy("x", "y");
	mountable = list_damaged("y", "damaged");
	resized_copy("x", "y");
	status = resized("x", k->wanted > k->had ? k->wanted : k->had + 300 * MIB);
	if (status == ST_OK)
		is_right = scratch_run("%s", k->check) == 0 && mountable &&
			   list_damaged("x", "now") && scratch_run("cmp damaged now") == 0;
	else
		is_right = scratch_run("cmp -n %llu x y", (unsigned long long)k->had) == 0;
	if (!is_right || !resized_left_nothing()) {
		printf("# %s, sector %llu: %d %s\n", k->name, (unsigned long long)sector, status,
			err_text());
		ok(false, "damaged: no worse, and nothing is left");
	}
	return status;
}

static void test_damaged(const struct kind *k)
{
	static uint64_t sector[65536];
	size_t n, tries = getenv("IMG_SOAK") ? 200 : 12, i, refused = 0;

	scratch_run("rm -f base; %s", k->make);
	if (!resized_mount("base", "noatime") ||
		scratch_run("mkdir m/d && for i in $(seq 1500); do : >m/d/$i; done && "
			    "seq 1000 >m/data") != 0 ||
		!resized_umount()) {
		ok(false, "damaged: made");
		return;
	}
	n = find_sectors(k, "base", sector, sizeof(sector) / sizeof(sector[0]));
	if (!ok(n > 100, "damaged: has metadata"))
		return;
	for (i = 0; i < tries; i++)
		refused += try_damaged(k, sector[next_random() % n]) != ST_OK;
	printf("# %s: %zu of %zu damaged filesystems were refused\n", k->name, refused, tries);
	ok(true, "damaged: no worse");
}

/* A filesystem that another process has mounted is not mounted a second time. */
static void test_busy(const struct kind *k)
{
	struct fs_mount m = { .type = k->name };
	char *loop = resized_output("losetup -f --show base");
	int result;

	scratch_run("mount -o noatime %s m", loop);
	m.device = open(loop, O_RDWR | O_CLOEXEC);
	is_int(fs_mount_run(&m, &result), -1, "a mounted device: refused");
	is_int(err_status(), ST_BUSY, "a mounted device: in use");
	close(m.device);
	scratch_run("umount m; losetup -d %s", loop);
	free(loop);
	ok(resized_left_nothing(), "a mounted device: let go");
}

/* The files of btrfs begin behind 250 MiB of another file, so that they have to be moved. */
static bool make(const struct kind *k)
{
	bool is_moved = k->wanted < k->had;

	if (scratch_run("rm -f base; %s", k->make) != 0 || !resized_mount("base", "noatime"))
		return false;
	if (is_moved && scratch_run("head -c 250M /dev/zero >m/other && sync -f m") != 0)
		return false;
	if (!resized_fill(120) || (is_moved && scratch_run("rm m/other && sync -f m") != 0))
		return false;
	return resized_list_to("list") & resized_umount();
}

static void test_all(const struct kind *k, bool damaged)
{
	ok(make(k), "made");
	scratch_run("btrfs inspect-internal dump-super base | "
		    "sed -n 's/^fsid[[:space:]]*//p' >uuid");
	test_busy(k);
	test_killed(k);
	if (damaged)
		test_damaged(k);
}

/* With an argument, only the filesystem of that name, which is not damaged. */
int main(int argc, const char **argv)
{
	size_t i;

	if (!resized_can())
		return tap_done();
	scratch_open();
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (argc == 1 || strcmp(argv[1], kinds[i].name) == 0)
			test_all(&kinds[i], argc == 1);
	scratch_close(tap_failed);
	return tap_done();
}
