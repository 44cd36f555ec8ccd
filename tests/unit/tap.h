/*
 * tap: the checks of a unit test.  They print TAP.  A failed check prints where and
 * what failed, and the program then ends with status 1.
 */
#ifndef IMG_TAP_H
#define IMG_TAP_H

#include <stdio.h>
#include <string.h>

static int tap_count, tap_failed;

#define ok(cond, name) tap_ok(!!(cond), name, #cond, __FILE__, __LINE__)
#define is_int(got, want, name)                                                                    \
	tap_int((long long)(got), (long long)(want), name, __FILE__, __LINE__)
#define is_str(got, want, name) tap_str(got, want, name, __FILE__, __LINE__)

static inline int tap_ok(int pass, const char *name, const char *what, const char *file, int line)
{
	printf("%sok %d - %s\n", pass ? "" : "not ", ++tap_count, name);
	if (!pass) {
		printf("# %s:%d: %s\n", file, line, what);
		tap_failed = 1;
	}
	fflush(stdout); /* a crash or a fork may come next */
	return pass;
}

static inline int tap_int(
	long long got, long long want, const char *name, const char *file, int line)
{
	if (!tap_ok(got == want, name, "values differ", file, line))
		printf("# got %lld, want %lld\n", got, want);
	return got == want;
}

static inline int tap_str(
	const char *got, const char *want, const char *name, const char *file, int line)
{
	int same = got && want ? strcmp(got, want) == 0 : got == want;

	if (!tap_ok(same, name, "strings differ", file, line))
		printf("# got  '%s'\n# want '%s'\n", got ? got : "(null)", want ? want : "(null)");
	return same;
}

/* The last line of main(): return tap_done(); */
static inline int tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed;
}

#endif
