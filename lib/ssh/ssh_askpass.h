/*
 * ssh_askpass: prompts through a program (SSH_ASKPASS), as ssh uses it.
 */
#ifndef IMG_SSH_ASKPASS_H
#define IMG_SSH_ASKPASS_H

#include "lib/ssh/ssh_tty.h"

/*
 * Whether the program is to ask: SSH_ASKPASS_REQUIRE is force or prefer; or it is not
 * never, there is a display, and there is no terminal.  False if the program is
 * missing.
 */
bool ssh_askpass_is_used(bool has_tty);

/*
 * Runs the program, with prompt as its argument, and reads the first line of its
 * output.  0, or -1 with ST_PEER recorded, also if it fails.  prompt is escaped, and does
 * not begin with '-'.  After a failure the caller wipes answer.  Blocks; ends early on
 * cancel_set().
 */
int ssh_askpass_ask(const char *prompt, char answer[SSH_TTY_ANSWER_MAX]);

#endif
