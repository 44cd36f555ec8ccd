/*
 * Runs a fuzz target as a plain test.  The arguments are files, or directories with
 * files.  The target gets each file, all prefixes of it, and MUTATIONS copies with one
 * byte changed, which are the same in every run; with IMG_SOAK, SOAK times as many.
 * Each input is in memory of exactly its size, so that a sanitizer detects a read beyond
 * its end.  Prints TAP.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/io.h"

#define MUTATIONS 400
#define SOAK 50
#define BEGINNINGS 2000 /* the most prefixes of one file; evenly spread if it is longer */
#define INPUT_MAX (16u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long inputs;

static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* Gives size bytes of data to the target; the byte at change, if within them, is replaced. */
static void feed(const uint8_t *data, size_t size, size_t change, uint8_t byte)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	if (size)
		memcpy(copy, data, size);
	if (change < size)
		copy[change] = byte;
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
	inputs++;
}

static void feed_variants(const uint8_t *data, size_t size)
{
	int more = getenv("IMG_SOAK") ? SOAK : 1;
	size_t step = size / ((size_t)BEGINNINGS * (size_t)more) + 1;
	uint32_t state = 2463534242u;
	size_t len;
	int i;

	for (len = 0; len < size; len += step)
		feed(data, len, SIZE_MAX, 0);
	feed(data, size, SIZE_MAX, 0);
	for (i = 0; size && i < MUTATIONS * more; i++) {
		size_t at = next_random(&state) % size;

		feed(data, size, at, (uint8_t)next_random(&state));
	}
}

static int feed_file(const char *path)
{
	uint8_t *data = malloc(INPUT_MAX);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	if (data && fd >= 0)
		n = io_read(fd, data, INPUT_MAX);
	if (n < 0)
		printf("# %s: %s\n", path, strerror(errno));
	else
		feed_variants(data, (size_t)n);
	if (fd >= 0)
		close(fd);
	free(data);
	return n < 0 ? -1 : 0;
}

static int feed_path(const char *path)
{
	struct dirent **entry;
	struct stat st;
	int i, count, rc = 0;

	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode))
		return feed_file(path);
	count = scandir(path, &entry, NULL, alphasort);
	if (count < 0) {
		printf("# %s: %s\n", path, strerror(errno));
		return -1;
	}
	for (i = 0; i < count; i++) {
		char name[4096];

		snprintf(name, sizeof(name), "%s/%s", path, entry[i]->d_name);
		if (entry[i]->d_name[0] != '.' && feed_path(name) < 0)
			rc = -1;
		free(entry[i]);
	}
	free(entry);
	return rc;
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
	int i, rc = 0;

	for (i = 1; i < argc; i++)
		if (feed_path(argv[i]) < 0)
			rc = 1;
	if (!inputs)
		rc = 1;
	printf("%sok 1 - %s: %lu inputs\n1..1\n", rc ? "not " : "", name, inputs);
	return rc;
}
