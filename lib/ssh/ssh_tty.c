/*
 * INT, TERM and HUP set cancel instead of killing the program, so the loop here
 * notices them and restores the terminal.  The keys for suspend and quit are disabled
 * meanwhile, since they would leave the terminal without echo.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/text.h"
#include "lib/ssh/ssh_askpass.h"
#include "lib/ssh/ssh_tty.h"

static int open_tty(void)
{
	return open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
}

static bool has_tty(void)
{
	int fd = open_tty();

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

bool ssh_tty_can_ask(void)
{
	bool tty = has_tty();

	return tty || ssh_askpass_is_used(tty);
}

void ssh_tty_forget(void *p, size_t n)
{
	explicit_bzero(p, n);
}

/* Appends prompt to safe, escaped except for its newlines.  0, or -1 with an error recorded. */
static int escape_prompt(struct buf *safe, const char *prompt)
{
	while (*prompt) {
		size_t len = strcspn(prompt, "\n");
		char *line = strndup(prompt, len), *escaped = line ? text_safe_dup(line) : NULL;

		free(line);
		if (!escaped)
			return err_set(ST_FAILED, "out of memory");
		buf_adds(safe, escaped);
		free(escaped);
		prompt += len;
		if (*prompt)
			buf_add(safe, prompt++, 1);
	}
	return buf_failed(safe);
}

int ssh_tty_read_line(int fd, char answer[SSH_TTY_ANSWER_MAX])
{
	size_t len = 0;
	ssize_t n;
	char c;

	for (;;) {
		struct pollfd p[2] = { { .fd = fd, .events = POLLIN },
			{ .fd = cancel_fd(), .events = POLLIN } };

		if (cancel_is_set())
			return err_set(ST_PEER, "interrupted");
		if (poll(p, 2, -1) < 0 || !p[0].revents)
			continue;
		n = read(fd, &c, 1);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0 || c == '\n' || c == '\r')
			break;
		if (len + 1 < SSH_TTY_ANSWER_MAX)
			answer[len++] = c;
	}
	answer[len] = '\0';
	return n > 0;
}

static int read_answer(int fd, char answer[SSH_TTY_ANSWER_MAX])
{
	int r = ssh_tty_read_line(fd, answer);

	if (r == 0)
		return err_set(ST_PEER, "cannot read from the terminal: end of file");
	return r < 0 ? -1 : 0;
}

static int ask_on_terminal(int fd, const char *prompt, bool echo, char answer[SSH_TTY_ANSWER_MAX])
{
	struct termios old, now;
	bool is_set = false;
	int rc = -1;

	if (tcgetattr(fd, &old) == 0) {
		now = old;
		now.c_cc[VSUSP] = now.c_cc[VQUIT] = _POSIX_VDISABLE;
		if (!echo)
			now.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL);
		is_set = tcsetattr(fd, TCSAFLUSH, &now) == 0;
	}
	if (!is_set && !echo)
		err_set(ST_PEER, "cannot turn off the echo of the terminal: %s", strerror(errno));
	else if (io_write(fd, prompt, strlen(prompt)) < 0)
		err_set(ST_PEER, "cannot write to the terminal: %s", strerror(errno));
	else
		rc = read_answer(fd, answer);
	if (is_set) {
		if (!echo || rc < 0)
			io_write(fd, "\n", 1);
		tcsetattr(fd, TCSADRAIN, &old);
	}
	return rc;
}

int ssh_tty_ask(const char *prompt, bool echo, char answer[SSH_TTY_ANSWER_MAX])
{
	struct buf safe = BUF_INIT;
	int rc = -1, fd = open_tty();

	if (escape_prompt(&safe, prompt) < 0)
		goto out;
	if (ssh_askpass_is_used(fd >= 0))
		rc = ssh_askpass_ask(buf_str(&safe), answer);
	else if (fd >= 0)
		rc = ask_on_terminal(fd, buf_str(&safe), echo, answer);
	else
		err_set(ST_PEER, "cannot prompt: there is no terminal");
out:
	if (rc < 0)
		ssh_tty_forget(answer, SSH_TTY_ANSWER_MAX);
	if (fd >= 0)
		close(fd);
	buf_fini(&safe);
	return rc;
}
