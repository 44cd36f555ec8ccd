/*
 * watch_lock: locks by which watchers of this host notice each other.
 *
 * A lock is a file in a private directory of this user, locked by flock: /run/img-tools for root,
 * else img-tools in $XDG_RUNTIME_DIR or in /run/user/UID, else ~/.cache/img-tools.  The image
 * itself is never locked: udev would ignore events of a block device that is, and QEMU could not
 * open a file.  So watchers of two users do not notice each other.
 */
#ifndef IMG_WATCH_LOCK_H
#define IMG_WATCH_LOCK_H

#define WATCH_LOCK_BUSY 1

struct watch_lock {
	int fd; /* -1: not locked */
	char *path;
};

#define WATCH_LOCK_INIT { -1, NULL }

/*
 * Takes the lock of that kind and name, without waiting for it.  name may have any characters.
 * 0; WATCH_LOCK_BUSY, and no error is recorded: another process has it; or -1 recorded.
 */
int watch_lock_take(struct watch_lock *l, const char *kind, const char *name);

/* The same, but waits for at most ms, or until cancel is set: then -1 with ST_BUSY recorded. */
int watch_lock_wait(struct watch_lock *l, const char *kind, const char *name, int ms);

/* Accepts one that is not taken.  Keeps the recorded error. */
void watch_lock_release(struct watch_lock *l);

#endif
