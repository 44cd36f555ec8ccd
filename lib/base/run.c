/*
 * The kernel reuses process IDs, but not with the same start time.  Both are
 * meaningful only within one boot and one PID namespace.
 */
#include "lib/base/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"

#define PARTS 5
#define START_FIELD 22 /* of /proc/PID/stat */

struct run {
	char host[65], boot[65], space[24], pid[24], start[24];
};

/* Gets the start time of a process.  0, or -1 if it does not exist or is a zombie. */
static int start_time_of(const char *pid, char *out, size_t size)
{
	char path[64], line[1024], *p, *save = NULL;
	int field;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	if (io_read_line(path, line, sizeof(line)) < 0)
		return -1;
	p = strrchr(line, ')'); /* the command name before it may contain anything */
	p = p ? strtok_r(p + 1, " ", &save) : NULL;
	if (!p || *p == 'Z' || *p == 'X')
		return -1;
	for (field = 3; p && field < START_FIELD; field++)
		p = strtok_r(NULL, " ", &save);
	if (!p)
		return -1;
	snprintf(out, size, "%s", p);
	return 0;
}

/* Replaces characters that LVM does not allow in a tag; every host does the same. */
static void replace_unsafe(char *s)
{
	const char *allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";

	for (; *(s += strspn(s, allowed)); s++)
		*s = '_';
}

/* Fills in the identity of this process.  0, or -1 with an error recorded. */
static int run_identify(struct run *r)
{
	struct stat st;

	memset(r, 0, sizeof(*r));
	if (gethostname(r->host, sizeof(r->host) - 1) < 0)
		return err_sys("cannot get the host name");
	replace_unsafe(r->host);
	if (io_read_line("/proc/sys/kernel/random/boot_id", r->boot, sizeof(r->boot)) < 0 ||
		stat("/proc/self/ns/pid", &st) < 0)
		return err_set(ST_FAILED, "cannot read /proc (is it mounted?)");
	replace_unsafe(r->boot);
	snprintf(r->space, sizeof(r->space), "%llu", (unsigned long long)st.st_ino);
	snprintf(r->pid, sizeof(r->pid), "%ld", (long)getpid());
	if (start_time_of(r->pid, r->start, sizeof(r->start)) < 0)
		return err_set(ST_FAILED, "cannot read /proc (is it mounted?)");
	return 0;
}

int run_self(char out[RUN_TEXT_MAX])
{
	struct run r;

	if (run_identify(&r) < 0)
		return -1;
	snprintf(out, RUN_TEXT_MAX, "%s:%s:%s:%s:%s", r.host, r.boot, r.space, r.pid, r.start);
	return 0;
}

/* Splits text into its parts, which point into copy, and fills in own.  0, or -1 unrecorded. */
static int run_split(const char *text, char copy[RUN_TEXT_MAX], char *part[PARTS], struct run *own)
{
	char *p = copy;
	struct err e;
	int i;

	if ((size_t)snprintf(copy, RUN_TEXT_MAX, "%s", text) >= RUN_TEXT_MAX)
		return -1;
	for (i = 0; i < PARTS; i++)
		if (!(part[i] = strsep(&p, ":")) || !*part[i])
			return -1;
	if (p || part[3][strspn(part[3], "0123456789")])
		return -1;
	err_take(&e);
	i = run_identify(own);
	err_put(&e);
	return i;
}

bool run_is_elsewhere(const char *text)
{
	char copy[RUN_TEXT_MAX], *part[PARTS];
	struct run own;

	return run_split(text, copy, part, &own) == 0 && strcmp(part[0], own.host) != 0 &&
	       strcmp(part[1], own.boot) != 0;
}

enum run_state run_state(const char *text)
{
	char copy[RUN_TEXT_MAX], start[24], *part[PARTS];
	struct run own;

	if (run_split(text, copy, part, &own) < 0)
		return RUN_FOREIGN;
	if (strcmp(part[1], own.boot) != 0)
		return strcmp(part[0], own.host) == 0 ? RUN_DEAD : RUN_FOREIGN;
	if (strcmp(part[2], own.space) != 0)
		return RUN_FOREIGN;
	return start_time_of(part[3], start, sizeof(start)) == 0 && strcmp(start, part[4]) == 0
		       ? RUN_ALIVE
		       : RUN_DEAD;
}
