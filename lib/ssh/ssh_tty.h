/*
 * ssh_tty: prompts, on the terminal or through the program of SSH_ASKPASS.
 *
 * A prompt uses /dev/tty, whatever standard input and output are.  Where there is no
 * terminal but a display, or where SSH_ASKPASS_REQUIRE says so, a program asks, as
 * with ssh (ssh_askpass.h).
 */
#ifndef IMG_SSH_TTY_H
#define IMG_SSH_TTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SSH_TTY_ANSWER_MAX 1024 /* bytes of an answer with its NUL */

/* Whether prompts are possible. */
bool ssh_tty_can_ask(void);

/*
 * Prints prompt, escaped except for its newlines, or passes it to the program in that
 * form, and reads a line into answer; the typed characters are shown only if echo is
 * true.  0, or -1 with ST_PEER recorded: there is no terminal, end of file, the program
 * was cancelled, or cancel; ST_FAILED: no memory.  After a failure nothing of a secret is
 * left in answer.  Blocks; ends early on cancel_set().  Always restores the terminal's
 * settings.
 */
int ssh_tty_ask(const char *prompt, bool echo, char answer[SSH_TTY_ANSWER_MAX]);

/*
 * Reads a line; what does not fit is dropped.  1, 0 if the input ended before the end of
 * the line, or -1 with ST_PEER recorded: cancelled.  Blocks; ends early on cancel_set().
 */
int ssh_tty_read_line(int fd, char answer[SSH_TTY_ANSWER_MAX]);

/* Overwrites n bytes of a secret; the compiler cannot optimise that away. */
void ssh_tty_forget(void *p, size_t n);

#endif
