/*
 * places: opens images and targets by their paths, as most unit tests need them.
 */
#ifndef IMG_PLACES_H
#define IMG_PLACES_H

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/config.h"
#include "lib/base/err.h"
#include "lib/base/policy.h"
#include "lib/store/image.h"
#include "lib/store/place.h"
#include "lib/store/target.h"
#include "tests/unit/scratch.h"

/* Allows everything. */
static const struct policy places_free = POLICY_INIT;

/* The policy of a configuration's text.  policy_fini() frees it. */
static inline struct policy __attribute__((format(printf, 1, 2))) places_policy(
	const char *fmt, ...)
{
	struct policy policy = POLICY_INIT;
	struct config c = CONFIG_INIT;
	char text[2000];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (config_parse(&c, "test", text, strlen(text)) < 0 ||
		policy_init(&policy, &c, "test") < 0) {
		printf("# %s\n", err_text());
		exit(99);
	}
	config_fini(&c);
	return policy;
}

/* The place of a path, with no error recorded before.  NULL recorded. */
static inline struct place *places_open(const char *path)
{
	err_clear();
	return place_open(&places_free, path);
}

/* The absolute path of one below scratch_dir; valid until the call after the next. */
static inline const char *places_path(const char *path)
{
	static char text[2][PATH_MAX];
	static int i;

	i = !i;
	snprintf(text[i], sizeof(text[i]), "%s/%s", scratch_dir, path);
	return text[i];
}

/* Whether fd is what has that path, links followed. */
static inline bool places_is(int fd, const char *path)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

/* The image at a path.  NULL recorded. */
static inline struct image *places_image(const struct policy *policy, const char *path)
{
	struct place *p;

	err_clear();
	p = place_open(policy, path);
	return p ? image_open(p) : NULL;
}

/* A new target at a path.  NULL recorded. */
static inline struct target *places_make(const char *path, const struct target_want *want)
{
	struct place *p = places_open(path);

	return p ? target_make(p, want) : NULL;
}

/* The number of descriptors that this process has open. */
static inline int places_descriptors(void)
{
	int fd, n = 0;

	for (fd = 0; fd < 1000; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

#endif
