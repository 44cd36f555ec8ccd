/*
 * ssh_tty: prompts on the terminal.
 *
 * Prompts always use /dev/tty, whatever standard input and output are.
 */
#ifndef IMG_SSH_TTY_H
#define IMG_SSH_TTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SSH_TTY_ANSWER_MAX 1024 /* bytes of an answer with its NUL */

/* Whether /dev/tty can be opened. */
bool ssh_tty_is_there(void);

/*
 * Prints prompt, escaped except for its newlines, and reads a line into answer; the
 * typed characters are shown only if echo is true.  0, or -1 with ST_PEER recorded:
 * there is no terminal, end of file, or cancel.  Adds the milliseconds that it took
 * to *spent.  Blocks; ends early on cancel_set().  Always restores the terminal's
 * settings.
 */
int ssh_tty_ask(const char *prompt, bool echo, char answer[SSH_TTY_ANSWER_MAX], int64_t *spent);

/* Overwrites n bytes of a secret; the compiler cannot optimise that away. */
void ssh_tty_forget(void *p, size_t n);

#endif
