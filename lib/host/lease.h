/*
 * lease: notices that a file is opened for writing while we read it, by a read
 * lease (fcntl(2), F_SETLEASE).
 *
 * The lease is given back as soon as somebody opens the file for writing, so that
 * nobody has to wait for us.  A real-time signal, LEASE_SIGNAL, serves that.
 */
#ifndef IMG_LEASE_H
#define IMG_LEASE_H

#include <stdbool.h>

#define LEASE_SIGNAL (SIGRTMIN + 5)

/*
 * Takes a lease on a file that is open for reading only, until it is closed.  1; 0: this
 * filesystem, or somebody else's file, allows none; -1 recorded: ST_BUSY, it is open for
 * writing.
 */
int lease_hold(int fd);

/* Whether the lease was kept: nobody has opened the file for writing since. */
bool lease_is_kept(int fd);

/* Whether a lease that is refused says that the file is open for writing: not on NFS and SMB. */
bool lease_tells(int fd);

#endif
