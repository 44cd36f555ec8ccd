/*
 * capture: collects what is printed to stdout, or written to standard error, as text.
 */
#ifndef IMG_CAPTURE_H
#define IMG_CAPTURE_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static FILE *capture_was;
static char *capture_text;
static size_t capture_len;

/* From now on stdout is collected in memory. */
static inline void capture_begin(void)
{
	capture_was = stdout;
	free(capture_text);
	capture_text = NULL;
	stdout = open_memstream(&capture_text, &capture_len);
	if (!stdout)
		abort();
}

/* Ends this and returns the text, which is valid until the next capture_begin(). */
static inline const char *capture_end(void)
{
	fclose(stdout);
	stdout = capture_was;
	return capture_text;
}

static int capture_fd = -1, capture_pipe[2];

/* From now on descriptor 2 is a pipe, which holds 64 KiB. */
static inline void capture_stderr(void)
{
	fflush(stderr);
	capture_fd = dup(STDERR_FILENO);
	if (capture_fd < 0 || pipe2(capture_pipe, O_CLOEXEC | O_NONBLOCK) < 0 ||
		dup2(capture_pipe[1], STDERR_FILENO) < 0)
		abort();
	close(capture_pipe[1]);
}

/* What was written to it since the last call. */
static inline const char *capture_read(void)
{
	static char text[65537];
	ssize_t n = read(capture_pipe[0], text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static inline void capture_stderr_end(void)
{
	dup2(capture_fd, STDERR_FILENO);
	close(capture_fd);
	close(capture_pipe[0]);
}

#endif
