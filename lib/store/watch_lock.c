/*
 * watch_lock: see watch_lock.h.
 */
#include "lib/store/watch_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/base/io.h"

#define AGAIN_MS 20

/* Creates the directory below base, if needed, and checks that nobody else can put files there. */
static char *lock_directory_below(const char *base, const char *name)
{
	struct stat st;
	char *path;

	if (asprintf(&path, "%s/%s", base, name) < 0)
		return NULL;
	if ((mkdir(path, 0700) == 0 || errno == EEXIST) && lstat(path, &st) == 0 &&
		S_ISDIR(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 022))
		return path;
	free(path);
	return NULL;
}

/* NULL: there is none. */
static char *lock_directory_of_user(void)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR"), *home = getenv("HOME");
	char run[64], *path = NULL, *cache = NULL;

	if (runtime && *runtime == '/')
		path = lock_directory_below(runtime, "img-tools");
	snprintf(run, sizeof(run), "/run/user/%u", (unsigned)geteuid());
	if (!path)
		path = lock_directory_below(run, "img-tools");
	if (!path && home && *home == '/')
		cache = lock_directory_below(home, ".cache");
	if (cache)
		path = lock_directory_below(cache, "img-tools");
	free(cache);
	return path;
}

/* "DIRECTORY/KIND-NAME", in which every unusual character of name is written in hexadecimal. */
static char *lock_path(const char *kind, const char *name)
{
	char *dir = geteuid() == 0 ? lock_directory_below("/run", "img-tools")
				   : lock_directory_of_user();
	char file[512];
	size_t n = 0;
	char *path;

	if (!dir) {
		err_set(ST_FAILED, "has no directory for the locks of watchers");
		return NULL;
	}
	for (; *name && n < sizeof(file) - 4; name++) {
		unsigned char c = (unsigned char)*name;
		bool is_plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
				(c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';

		n += (size_t)snprintf(file + n, sizeof(file) - n, is_plain ? "%c" : "%%%02x", c);
	}
	file[n] = '\0';
	if (asprintf(&path, "%s/%s-%s", dir, kind, file) < 0) {
		path = NULL;
		err_set(ST_FAILED, "out of memory");
	}
	free(dir);
	return path;
}

int watch_lock_take(struct watch_lock *l, const char *kind, const char *name)
{
	l->path = lock_path(kind, name);
	if (!l->path)
		return -1;
	l->fd = io_lock_file(l->path);
	if (l->fd >= 0)
		return 0;
	if (errno == EWOULDBLOCK) {
		free(l->path);
		l->path = NULL;
		return WATCH_LOCK_BUSY;
	}
	err_sys("cannot lock '%s'", l->path);
	free(l->path);
	l->path = NULL;
	return -1;
}

int watch_lock_wait(struct watch_lock *l, const char *kind, const char *name, int ms)
{
	struct pollfd p = { cancel_fd(), POLLIN, 0 };
	int64_t until = io_now_ms() + ms;
	int r;

	while ((r = watch_lock_take(l, kind, name)) == WATCH_LOCK_BUSY) {
		if (cancel_is_set() || io_now_ms() >= until)
			return err_set(ST_BUSY, "another watcher is extending a volume");
		poll(&p, 1, AGAIN_MS);
	}
	return r;
}

void watch_lock_release(struct watch_lock *l)
{
	if (l->fd < 0)
		return;
	unlink(l->path); /* while it is locked: io_lock_file() notices that */
	close(l->fd);
	free(l->path);
	*l = (struct watch_lock)WATCH_LOCK_INIT;
}
