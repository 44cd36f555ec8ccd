/*
 * ssh_jump: a ProxyJump as the ProxyCommand `ssh -W`, so that OpenSSH makes the connections to the
 * jump hosts.
 */
#ifndef IMG_SSH_JUMP_H
#define IMG_SSH_JUMP_H

#include "lib/ssh/ssh_config.h"

/*
 * Sets c's proxy_command.  hops is [user@]host[:port],... as `ssh -G` prints it, with IPv6
 * addresses in brackets; config_file: -F, or NULL.  0, or -1 recorded: a token that is not
 * supported (ST_PEER), or no memory.
 */
int ssh_jump_set(struct ssh_config *c, const char *hops, const char *config_file);

#endif
