/*
 * mounts: reads /proc/self/mountinfo and /proc/swaps; see proc(5) for both.
 */
#include "lib/host/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "lib/base/err.h"

/* Decodes the kernel's \ooo, in place. */
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

/*
 * A line is: id parent major:minor root point options optional... - type source
 * superoptions; the optional fields end with the "-".
 */
static bool parse_mount(char *line, struct mounts_entry *m)
{
	char *save, *word, *point, *opts, *source;
	unsigned id, maj, min;

	if (sscanf(line, "%u %*u %u:%u", &id, &maj, &min) != 3)
		return false;
	strtok_r(line, " ", &save);
	strtok_r(NULL, " ", &save);
	strtok_r(NULL, " ", &save);
	strtok_r(NULL, " ", &save);
	point = strtok_r(NULL, " ", &save);
	opts = strtok_r(NULL, " ", &save);
	do
		word = strtok_r(NULL, " \n", &save);
	while (word && strcmp(word, "-") != 0);
	m->type = word ? strtok_r(NULL, " \n", &save) : NULL;
	source = m->type ? strtok_r(NULL, " \n", &save) : NULL;
	if (!point || !opts || !source)
		return false;
	unescape(point);
	unescape(source);
	m->source = source;
	m->id = id;
	m->dev = makedev(maj, min);
	m->point = point;
	m->writable = strncmp(opts, "rw", 2) == 0;
	return true;
}

int mounts_each(int (*each)(void *arg, const struct mounts_entry *m), void *arg)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	struct mounts_entry m;
	char *line = NULL;
	size_t cap = 0;
	int r = 0;

	if (!f)
		return err_sys("cannot read /proc/self/mountinfo");
	while (r == 0 && getline(&line, &cap, f) > 0)
		if (parse_mount(line, &m))
			r = each(arg, &m);
	free(line);
	fclose(f);
	return r;
}

struct search {
	dev_t dev;
	struct buf *points;
	bool writable;
	int count;
};

/* A btrfs has a device number of its own, since it may be on several devices. */
static bool is_btrfs_on(const struct mounts_entry *m, dev_t dev)
{
	struct stat st;

	return strcmp(m->type, "btrfs") == 0 && m->source[0] == '/' && stat(m->source, &st) == 0 &&
	       S_ISBLK(st.st_mode) && st.st_rdev == dev;
}

static int match_device(void *arg, const struct mounts_entry *m)
{
	struct search *s = arg;

	if (m->dev != s->dev && !is_btrfs_on(m, s->dev))
		return 0;
	buf_add(s->points, m->point, strlen(m->point) + 1);
	s->writable = s->writable || m->writable;
	s->count++;
	return 0;
}

int mounts_find(dev_t dev, struct buf *points, bool *writable)
{
	struct search s = { .dev = dev, .points = points };

	if (mounts_each(match_device, &s) < 0)
		return -1;
	*writable = *writable || s.writable;
	return s.count;
}

struct type_search {
	struct statx x;
	char *type;
};

static int match_file(void *arg, const struct mounts_entry *m)
{
	struct type_search *s = arg;

	/* Of a btrfs, files have another device number than the mount. */
	if (s->x.stx_mask & STATX_MNT_ID
			? m->id != s->x.stx_mnt_id
			: m->dev != makedev(s->x.stx_dev_major, s->x.stx_dev_minor))
		return 0;
	snprintf(s->type, MOUNTS_TYPE_MAX, "%s", m->type);
	return 0;
}

void mounts_type_of(int fd, char type[MOUNTS_TYPE_MAX])
{
	struct type_search s = { .type = type };

	type[0] = '\0';
	if (statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_MNT_ID, &s.x) == 0 &&
		mounts_each(match_file, &s) < 0)
		err_clear();
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
		found = is_device ? S_ISBLK(st.st_mode) && st.st_rdev == dev
				  : st.st_dev == dev && st.st_ino == ino;
	}
	free(line);
	fclose(f);
	return found;
}
