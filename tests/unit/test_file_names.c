/* file_names: more names than fit into its memory come in order, each once. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/store/file/file_names.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

#define COUNT 9000 /* of 30 to 250 bytes: several times the least memory */

static bool is_wanted(const char *name)
{
	return name[0] != '.';
}

/* Names in no order, of many lengths, some of bytes that are not UTF-8. */
static void make_names(void)
{
	int dir = open("names", O_PATH | O_DIRECTORY | O_CLOEXEC), i, fd;
	char name[256];

	for (i = 0; i < COUNT; i++) {
		memset(name, i % 3 ? 'n' : 0xe9, sizeof(name));
		snprintf(name, sizeof(name), "%05u-", (unsigned)(i * 7919) % COUNT);
		name[6] = i % 3 ? 'n' : (char)0xe9;
		name[30 + i * 37 % 221] = '\0';
		fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0)
			exit(99);
		close(fd);
	}
	close(dir);
}

static void open_names(struct file_names *n, size_t size)
{
	int fd = open("names", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	is_int(file_names_open(n, fd, size, is_wanted), 0, "the directory is read");
}

/* Writes all names, one a line, to the file got. */
static void write_names(struct file_names *n, bool *was_read_again)
{
	FILE *got = fopen("got", "w");
	const char *name;
	int r;

	*was_read_again = n->dir != NULL;
	while ((r = file_names_next(n, &name)) == 1)
		fprintf(got, "%s\n", name);
	fclose(got);
	is_int(r, 0, "to its end");
	is_int(file_names_next(n, &name), 0, "which stays the end");
}

static void test_order(size_t size, bool again, const char *what)
{
	struct file_names n;
	bool was_read_again;

	open_names(&n, size);
	write_names(&n, &was_read_again);
	is_int(was_read_again, again, what);
	ok(n.used + n.count * sizeof(uint32_t) <= n.size, "within its memory");
	is_int(scratch_run("LC_ALL=C ls names >want && cmp got want"), 0,
		"the names are those of ls, in the same order");
	file_names_close(&n);
}

/* Names that come and go between two readings disturb no others. */
static void test_changes(void)
{
	struct file_names n;
	const char *name;
	char last[256] = "", path[300];
	bool sorted = true;
	int count = 0;

	open_names(&n, FILE_NAMES_MIN);
	while (file_names_next(&n, &name) == 1) {
		sorted = sorted && strcmp(last, name) < 0;
		snprintf(last, sizeof(last), "%s", name);
		snprintf(path, sizeof(path), "names/%s", last);
		unlink(path);
		if (count++ % 100 == 0)
			close(open("names/00000", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	}
	file_names_close(&n);
	ok(sorted, "always in order");
	is_int(count, COUNT, "each once");
}

int main(void)
{
	struct file_names n = { NULL };

	scratch_open();
	if (mkdir("names", 0700) < 0)
		return 99;
	open_names(&n, 0);
	is_int(n.count, 0, "an empty directory");
	file_names_close(&n);
	make_names();
	close(open("names/.hidden", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	test_order(FILE_NAMES_MIN, true, "little memory: the directory is read again");
	test_order(2 << 20, false, "enough memory: it is read once");
	test_changes();
	is_int(file_names_open(&n, open("/dev/null", O_RDONLY | O_CLOEXEC), 0, is_wanted), -1,
		"not a directory");
	file_names_close(&n);
	scratch_close(tap_failed);
	return tap_done();
}
