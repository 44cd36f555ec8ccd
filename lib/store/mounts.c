/*
 * mounts: reads /proc/self/mountinfo and /proc/swaps; see proc(5) for both.
 */
#include "lib/store/mounts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "lib/base/err.h"

/* Undoes the kernel's \ooo, in place. */
static void unescape(char *s)
{
	char *out = s;

	while (*s) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
			s[3] >= '0' && s[3] <= '7') {
			*out++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*out++ = *s++;
		}
	}
	*out = '\0';
}

int mounts_find(dev_t dev, struct buf *points, bool *writable)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, *point, *opts, *save;
	size_t cap = 0;
	unsigned maj, min;
	int n = 0;

	if (!f)
		return err_sys("cannot read /proc/self/mountinfo");
	while (getline(&line, &cap, f) > 0) {
		if (sscanf(line, "%*u %*u %u:%u", &maj, &min) != 2 || makedev(maj, min) != dev)
			continue;
		/* id, parent, major:minor, root, mount point, options */
		strtok_r(line, " ", &save);
		strtok_r(NULL, " ", &save);
		strtok_r(NULL, " ", &save);
		strtok_r(NULL, " ", &save);
		point = strtok_r(NULL, " ", &save);
		opts = strtok_r(NULL, " ", &save);
		if (!point || !opts)
			continue;
		unescape(point);
		buf_add(points, point, strlen(point) + 1);
		if (strncmp(opts, "rw", 2) == 0)
			*writable = true;
		n++;
	}
	free(line);
	fclose(f);
	return n;
}

bool mounts_is_swap(dev_t dev, ino_t ino, bool is_device)
{
	FILE *f = fopen("/proc/swaps", "re");
	char *line = NULL, *end;
	size_t cap = 0;
	struct stat st;
	bool found = false;

	if (!f)
		return false;
	while (!found && getline(&line, &cap, f) > 0) {
		end = strpbrk(line, " \t");
		if (line[0] != '/' || !end)
			continue;
		*end = '\0';
		unescape(line);
		if (stat(line, &st) < 0)
			continue;
		found = is_device ? S_ISBLK(st.st_mode) && st.st_rdev == dev :
				    st.st_dev == dev && st.st_ino == ino;
	}
	free(line);
	fclose(f);
	return found;
}
