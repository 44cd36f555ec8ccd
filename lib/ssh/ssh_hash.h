/*
 * ssh_hash: names of hosts as HashKnownHosts writes them into known_hosts:
 *
 *	|1|base64 of a random salt|base64 of HMAC-SHA1(salt, name)
 */
#ifndef IMG_SSH_HASH_H
#define IMG_SSH_HASH_H

#define SSH_HASH_MAX 72

/* Writes the hashed name with a new salt to out.  0, or -1 with errno set. */
int ssh_hash_name(const char *name, char out[SSH_HASH_MAX]);

#endif
