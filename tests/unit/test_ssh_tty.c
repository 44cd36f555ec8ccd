/*
 * ssh_tty: prompts through the program of SSH_ASKPASS, which gets them escaped; an answer that
 * counts, and those that do not.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/ssh/ssh_tty.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

static char answer[SSH_TTY_ANSWER_MAX];

/* Asks through a shell script, which finds the prompt in $1. */
static int ask(const char *script, const char *prompt)
{
	char text[512];

	snprintf(text, sizeof(text), "#!/bin/sh\n%s\n", script);
	scratch_save("ask", text, strlen(text));
	if (chmod("ask", 0700) < 0)
		exit(99);
	memset(answer, 'x', sizeof(answer));
	err_clear();
	return ssh_tty_ask(prompt, false, answer);
}

static bool is_wiped(void)
{
	size_t i;

	for (i = 0; i < sizeof(answer); i++)
		if (answer[i])
			return false;
	return true;
}

static void test_answers(void)
{
	is_int(ask("echo secret", "Password: "), 0, "an answer");
	is_str(answer, "secret", "is its first line");
	is_int(ask("echo secret; exit 1", "Password: "), -1, "a program that fails");
	is_int(err_status(), ST_PEER, "is an error");
	ok(strstr(err_text(), "cancelled"), "which is said");
	ok(is_wiped(), "and nothing is left of the answer");
	is_int(ask("", "Password: "), 0, "a program that says nothing");
	is_str(answer, "", "an empty answer");
}

static void test_escapes(void)
{
	is_int(ask("printf %s \"$1\" >shown; echo y", "a\033]0;x\a\nb\xc2\x9b\xff: "), 0,
		"a prompt");
	is_str(scratch_get(NULL, "cat shown"),
		"a\\x1b]0;x\\x07\nb\\xc2\\x9b\\xff: ", "is escaped, except for newlines");
}

/* The last test, as cancel is never unset. */
static void test_cancelled(void)
{
	cancel_on_signals();
	is_int(ask("echo y; kill -TERM $PPID; exec sleep 1000", "Really? "), -1,
		"a program that does not end after its answer");
	is_str(err_text(), "interrupted", "does not keep a job that is cancelled");
	ok(is_wiped(), "and its answer does not count");
}

int main(void)
{
	char program[300];

	scratch_open();
	snprintf(program, sizeof(program), "%s/ask", scratch_dir);
	setenv("SSH_ASKPASS", program, 1);
	setenv("SSH_ASKPASS_REQUIRE", "force", 1);
	if (cancel_init() < 0)
		return 99;
	test_answers();
	test_escapes();
	test_cancelled();
	scratch_close(tap_failed);
	return tap_done();
}
