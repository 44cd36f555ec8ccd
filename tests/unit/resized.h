/*
 * resized: in a unit test, the filesystem in an image file is filled, resized by lib/fs and
 * compared.  Needs scratch.h and root.  Images are named relative to the scratch directory.
 */
#ifndef IMG_RESIZED_H
#define IMG_RESIZED_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/fs/fs.h"
#include "scratch.h"
#include "tap.h"

#define MIB (UINT64_C(1) << 20)

/* Whether this process can make loop devices and mount them; else says that it cannot. */
static inline bool resized_can(void)
{
	if (geteuid() == 0 && access("/dev/loop-control", R_OK | W_OK) == 0)
		return true;
	ok(true, "no loop devices here: nothing is tested");
	return false;
}

/* Runs the parts of a test that are named by its arguments; all, if there are none. */
struct resized_part {
	const char *name;
	void (*run)(void);
};

static inline void resized_run(
	const struct resized_part *part, size_t count, int argc, const char *const *argv)
{
	size_t i;
	int k;

	for (i = 0; i < count; i++)
		for (k = argc > 1; k < argc; k++)
			if (k == 0 || strcmp(argv[k], part[i].name) == 0)
				part[i].run();
}

static inline uint64_t resized_len(const char *image)
{
	struct stat st;

	return stat(image, &st) == 0 ? (uint64_t)st.st_size : 0;
}

/*
 * Makes the filesystem that begins at off of the image as large as len bytes allow; the image is
 * made longer after the check, and never shorter.  The status, whose text is recorded: 100 is
 * added to it if the check succeeded and the change failed.
 */
static inline int resized_at(
	const char *image, uint64_t off, uint64_t len, const struct fs_want *want)
{
	int fd = open(image, (want->dry_run ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	uint64_t had = resized_len(image) - off, bytes;
	struct fs f;
	int r;

	err_clear();
	if (fd < 0 || fs_open(&f, fd, off, had, want) < 0) {
		close(fd);
		return fd < 0 ? ST_ABSENT : (int)err_status();
	}
	bytes = fs_fit(&f, len);
	r = fs_check(&f, bytes) < 0 ? (int)err_status() : ST_OK;
	if (r == ST_OK && !want->dry_run) {
		if (len > had && ftruncate(fd, (off_t)(off + len)) < 0)
			abort();
		if (fs_resize(&f, len > had ? len : had, bytes) < 0)
			r = 100 + (int)err_status();
	}
	fs_close(&f);
	close(fd);
	return r;
}

/* The same of a filesystem that is all of a copy, and may be mounted. */
static inline int resized(const char *image, uint64_t len)
{
	static const struct fs_want want = { .is_copy = true, .may_mount = true };

	return resized_at(image, 0, len, &want);
}

/* Fails with the recorded error, too. */
#define is_resized(got, want, name)                                                                \
	do {                                                                                       \
		if (!is_int(got, want, name))                                                      \
			printf("# %s\n", err_text());                                              \
	} while (0)

/* Whether no loop device of a file in the scratch directory is left; waits for a moment. */
static inline bool resized_left_nothing(void)
{
	return scratch_run("for i in $(seq 100); do losetup -n -O BACK-FILE | grep -F '%s/' || "
			   "exit 0; sleep 0.1; done; exit 1",
		       scratch_dir) == 0;
}

/* Mounts the image on the directory m, with mount(8)'s options. */
static inline bool resized_mount(const char *image, const char *options)
{
	return scratch_run("mkdir -p m && mount -o loop,%s '%s' m", options, image) == 0;
}

/* Ends that, and waits until its loop device is free. */
static inline bool resized_umount(void)
{
	return scratch_run("umount m") == 0 && resized_left_nothing();
}

/* Fills m with files of all kinds, about mib of them in MiB, in many pieces. */
static inline bool resized_fill(unsigned mib)
{
	return scratch_run("cd m && mkdir -p a/b/c d && "
			   "for i in $(seq 200); do seq $i 1000 >d/small$i; done && "
			   "for i in $(seq %u); do head -c 1048576 /dev/urandom >a/$i && "
			   "head -c 300000 /dev/urandom >a/b/$i; done && "
			   "for i in $(seq 1 3 200); do rm d/small$i; done && "
			   "for i in $(seq 1 4 %u); do rm a/b/$i; done && "
			   "truncate -s 5G a/sparse && printf end >>a/sparse && "
			   "ln -s ../a/1 d/link && ln a/1 d/hard && mkfifo d/fifo && "
			   "setfattr -n user.name -v value a/1 && chmod 751 d && "
			   "chown 1234:5678 a/2 && touch -d 2001-02-03 a/3 && sync -f .",
		       mib, mib) == 0;
}

/* Writes what m contains to a file: names, attributes and content. */
static inline bool resized_list_to(const char *list)
{
	return scratch_run("(cd m && find . -printf '%%p %%y %%m %%U %%G %%n %%T@ %%l\\n' | "
			   "grep -v '^\\. ' | sort && "
			   "find . -type f ! -size +1G -print0 | sort -z | xargs -0r sha256sum && "
			   "stat -c %%s a/sparse && tail -c 3 a/sparse && "
			   "getfattr -d a/1) >'%s'",
		       list) == 0;
}

/* Whether the image, mounted for reading, contains what was listed, and is let go. */
static inline bool resized_contains(const char *image, const char *options, const char *list)
{
	bool same;

	if (!resized_mount(image, options))
		return false;
	same = resized_list_to("list.now") && scratch_run("diff '%s' list.now", list) == 0;
	return resized_umount() && same;
}

/* A copy, without the holes. */
static inline void resized_copy(const char *from, const char *to)
{
	if (scratch_run("cp --reflink=auto --sparse=always '%s' '%s'", from, to) != 0)
		exit(99);
}

/* The text of a command's output, in memory that the caller frees. */
static inline char *resized_output(const char *command)
{
	return strdup(scratch_get(NULL, "%s 2>>log", command));
}

#endif
