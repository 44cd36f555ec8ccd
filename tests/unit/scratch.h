/*
 * scratch: a temporary directory for a unit test that needs files and other programs.
 * It is the current directory from scratch_open() to scratch_close().
 */
#ifndef IMG_SCRATCH_H
#define IMG_SCRATCH_H

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char scratch_dir[256];

static inline void scratch_open(void)
{
	const char *tmp = getenv("TMPDIR"), *path = getenv("PATH");
	char longer[4096];

	/* Not every user's PATH has the directories of mkfs and the like. */
	snprintf(longer, sizeof(longer), "%s:/usr/sbin:/sbin", path ? path : "/usr/bin:/bin");
	setenv("PATH", longer, 1);
	snprintf(scratch_dir, sizeof(scratch_dir), "%s/img-unit.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(scratch_dir) || chdir(scratch_dir) < 0 || !getcwd(scratch_dir, 256)) {
		perror("# scratch directory");
		exit(99);
	}
}

/* Runs a shell command and returns its exit status.  Its output goes to the file "log". */
static inline int __attribute__((format(printf, 1, 2))) scratch_run(const char *fmt, ...)
{
	char text[8192], cmd[8300];
	va_list ap;
	int r;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(cmd, sizeof(cmd), "exec >>log 2>&1; %s", text);
	fflush(NULL);
	r = system(cmd);
	r = r >= 0 && WIFEXITED(r) ? WEXITSTATUS(r) : -1;
	return r;
}

/* Returns what a shell command prints, without the last newline; *status: its exit status. */
static inline char *__attribute__((format(printf, 2, 3))) scratch_get(
	int *status, const char *fmt, ...)
{
	static char out[65536];
	char cmd[8192];
	size_t n = 0;
	va_list ap;
	FILE *f;
	int r;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	fflush(NULL);
	f = popen(cmd, "r");
	if (f)
		n = fread(out, 1, sizeof(out) - 1, f);
	r = f ? pclose(f) : -1;
	if (status)
		*status = r >= 0 && WIFEXITED(r) ? WEXITSTATUS(r) : -1;
	if (n && out[n - 1] == '\n')
		n--;
	out[n] = '\0';
	return out;
}

/* Creates a file with n bytes. */
static inline void scratch_save(const char *name, const void *p, size_t n)
{
	FILE *f = fopen(name, "wb");

	if (!f || fwrite(p, 1, n, f) != n || fclose(f) != 0) {
		perror(name);
		exit(99);
	}
}

/* Replaces n bytes of a file at off. */
static inline void scratch_patch(const char *name, long off, const void *p, size_t n)
{
	int fd = open(name, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || pwrite(fd, p, n, off) != (ssize_t)n || close(fd) < 0) {
		perror(name);
		exit(99);
	}
}

/* Removes the directory; if a check failed, prints the end of "log" first. */
static inline void scratch_close(int failed)
{
	if (failed && system("sed 's/^/# /' log 2>/dev/null | tail -50") != 0)
		puts("# no log");
	if (chdir("/") < 0 || !strstr(scratch_dir, "/img-unit."))
		return;
	scratch_get(NULL, "rm -rf '%s'", scratch_dir);
}

#endif
