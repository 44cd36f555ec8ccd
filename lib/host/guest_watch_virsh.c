/*
 * guest_watch_virsh: a guest of libvirt that is watched by the program virsh.
 *
 *	virsh domblkthreshold web vda[1] 12582912
 *	virsh event --domain web --event block-threshold --loop
 *		event 'block-threshold' for domain 'web': dev: vda[1](/dev/vg/lv) 12582912 65536
 *	virsh domstate web --reason
 *		paused (I/O error)
 *	virsh domblkerror web
 *		vda: no space
 *
 * `virsh event` runs as long as the guest is watched, and writes each line at once.  What happens
 * before it has asked libvirt for the events is lost, so the caller looks soon after it was
 * started.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/child.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/spawn.h"
#include "lib/host/domstats.h"
#include "lib/host/guest_watch.h"
#include "lib/host/virsh.h"

#define LINE_MAX_BYTES 8192 /* of an event; a path has at most 4096 */
#define READS_MAX 16	    /* in one call, so that the disks are looked at meanwhile */

int guest_watch_virsh_list(struct guest_watch *g, struct live *out)
{
	if (domstats_list(g->domain, g->policy, out) < 0)
		return -1;
	return out->count ? 0 : err_set(ST_ABSENT, "does not run, or has no disks");
}

/* Starts `virsh event`, which ends with this process.  0, or -1 recorded. */
static int start_events(struct guest_watch *g, char *const *envp)
{
	const char *const argv[] = { "virsh", "--quiet", "--readonly", "event", "--domain",
		g->domain, "--event", "block-threshold", "--loop", NULL };
	struct spawn s = {
		.argv = argv, .envp = envp, .keep = -1, .own_session = true, .dies_with_us = true
	};
	int from[SPAWN_SLOTS] = { -1, -1, -1, -1 }, ends[2];

	if (spawn_find(argv[0], CHILD_PATH, s.path) < 0)
		return -1;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys("cannot create a pipe");
	g->events = ends[0];
	from[0] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	from[1] = ends[1];
	from[2] = open("/dev/null", O_WRONLY | O_CLOEXEC);
	g->pid = io_set_nonblock(g->events, 1) < 0 ? -1 : spawn_start(&s, from);
	spawn_close(from, SPAWN_SLOTS);
	return g->pid > 0 ? 0 : -1;
}

int guest_watch_virsh_open(struct guest_watch *g)
{
	char lang[] = "LC_ALL=C", path[] = "PATH=" CHILD_PATH;
	char *envp[] = { lang, path, NULL, NULL };
	const char *home = getenv("HOME");
	int r;

	g->events = -1;
	if (!*g->domain || *g->domain == '-')
		return err_set(ST_USAGE, "cannot be the name of a guest");
	if (home && asprintf(&envp[2], "HOME=%s", home) < 0)
		return err_set(ST_FAILED, "out of memory");
	r = start_events(g, envp);
	free(envp[2]);
	return r;
}

void guest_watch_virsh_close(struct guest_watch *g)
{
	if (g->pid > 0)
		child_end_group(g->pid);
	if (g->events > 0)
		close(g->events);
	g->pid = 0;
	g->events = -1;
}

void guest_watch_virsh_note(struct guest_watch *g, char *line)
{
	char *dev = strstr(line, ": dev: "), *path, *numbers;
	uint64_t threshold, exceeded;

	dev = dev ? dev + strlen(": dev: ") : NULL;
	path = dev ? strchr(dev, '(') : NULL;
	numbers = path ? strrchr(path, ')') : NULL;
	if (!numbers || sscanf(numbers, ") %19" SCNu64 " %19" SCNu64, &threshold, &exceeded) != 2)
		return;
	*path = '\0';
	guest_watch_note(g, dev, threshold, exceeded);
}

/* Takes the complete lines, and drops one that is too long. */
static void take_lines(struct guest_watch *g)
{
	char *text = (char *)g->line.data, *end;
	size_t taken = 0;

	while ((end = memchr(text + taken, '\n', g->line.len - taken))) {
		*end = '\0';
		guest_watch_virsh_note(g, text + taken);
		taken = (size_t)(end - text) + 1;
	}
	if (g->line.len - taken > LINE_MAX_BYTES)
		taken = g->line.len;
	g->line.len -= taken;
	memmove(text, text + taken, g->line.len);
}

int guest_watch_virsh_take(struct guest_watch *g)
{
	int i, something = 0;
	ssize_t n;

	for (i = 0; i < READS_MAX; i++) {
		if (buf_reserve(&g->line, LINE_MAX_BYTES) < 0)
			return -1;
		n = read(g->events, g->line.data + g->line.len, LINE_MAX_BYTES);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR
				       ? something
				       : err_sys("cannot read the output of virsh");
		if (n == 0)
			return err_set(ST_ABSENT, "virsh has ended");
		g->line.len += (size_t)n;
		something = 1;
		take_lines(g);
	}
	return something;
}

int guest_watch_virsh_set(struct guest_watch *g, const struct live_disk *disk, uint64_t threshold)
{
	const char *argv[] = { "virsh", "--quiet", "domblkthreshold", g->domain, disk->node, NULL,
		NULL };
	struct buf out = BUF_INIT;
	char bytes[24];
	int r;

	if (!disk->node)
		return err_set(ST_FAILED, "libvirt has no name for it");
	snprintf(bytes, sizeof(bytes), "%" PRIu64, threshold);
	argv[5] = bytes;
	r = virsh_run(argv, g->domain, &out);
	buf_fini(&out);
	return r;
}

/* Whether the guest is paused by an error of a disk: 1, 0, or -1 recorded. */
static int has_stopped(struct guest_watch *g)
{
	const char *const argv[] = { "virsh", "--quiet", "--readonly", "domstate", g->domain,
		"--reason", NULL };
	struct buf out = BUF_INIT;
	int r = virsh_run(argv, g->domain, &out);

	if (r == 0)
		r = strncmp(buf_str(&out), "paused (I/O error)", strlen("paused (I/O error)")) == 0;
	buf_fini(&out);
	return r;
}

/* The uppermost layer of a disk, which is the first one with its name; NULL: none. */
static const struct live_disk *find_top(const struct guest_watch *g, const char *name)
{
	size_t n = strlen(name), i;
	const char *node;

	for (i = 0; i < g->live.count; i++) {
		node = g->live.disk[i].node;
		if (node && strncmp(node, name, n) == 0 && (node[n] == '\0' || node[n] == '['))
			return &g->live.disk[i];
	}
	return NULL;
}

/* Whether at least one disk was full, none has another error, and all have space again. */
static bool have_space(
	struct guest_watch *g, char *errors, guest_watch_has_space *has_space, void *arg)
{
	char *line, *save = NULL, *what;
	const struct live_disk *disk;
	size_t full = 0;

	for (line = strtok_r(errors, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		what = strstr(line, ": ");
		if (!what || strcmp(what, ": no space") != 0)
			return false;
		*what = '\0';
		disk = find_top(g, line);
		if (!disk || !has_space(arg, &disk->st))
			return false;
		full++;
	}
	return full > 0;
}

int guest_watch_virsh_resume(struct guest_watch *g, guest_watch_has_space *has_space, void *arg)
{
	const char *const errors[] = { "virsh", "--quiet", "--readonly", "domblkerror", g->domain,
		NULL };
	const char *const resume[] = { "virsh", "--quiet", "resume", g->domain, NULL };
	struct buf out = BUF_INIT;
	char *text = NULL;
	int r = has_stopped(g);

	if (r <= 0)
		return r;
	r = virsh_run(errors, g->domain, &out);
	text = r == 0 ? strdup(buf_str(&out)) : NULL;
	if (r == 0 && !text)
		r = err_set(ST_FAILED, "out of memory");
	if (r == 0 && have_space(g, text, has_space, arg))
		r = virsh_run(resume, g->domain, &out) < 0 ? -1 : 1;
	free(text);
	buf_fini(&out);
	return r;
}
