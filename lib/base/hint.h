/*
 * hint: the option that makes a command work where the user's own permissions do not suffice.
 */
#ifndef IMG_HINT_H
#define IMG_HINT_H

/* Said once, at the start of a helper that runs on the user's own host. */
void hint_is_local(void);

/* "try --sudo=here" on the user's own host, else "try --sudo". */
const char *hint_sudo(void);

#endif
