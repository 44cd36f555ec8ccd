/*
 * ssh_tty: questions to the person at the terminal.
 *
 * Only /dev/tty is used, whatever standard input and output are; without it
 * nothing is asked.
 */
#ifndef IMG_SSH_TTY_H
#define IMG_SSH_TTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SSH_TTY_ANSWER_MAX 1024 /* bytes of an answer with its NUL */

/* Whether there is a terminal. */
bool ssh_tty_is_there(void);

/*
 * Shows prompt, made safe but for its line feeds, and reads a line into
 * answer, showing what is typed only if echo.  0, or -1 with an error
 * recorded: no terminal, end of file, cancelled (ST_PEER).  Adds the
 * milliseconds it took to *spent.  Blocks; ends early on cancel_set(), with
 * the terminal as it was.
 */
int ssh_tty_ask(const char *prompt, bool echo, char answer[SSH_TTY_ANSWER_MAX], int64_t *spent);

/* Overwrites n bytes so that the compiler does not leave it out. */
void ssh_tty_forget(void *p, size_t n);

#endif
