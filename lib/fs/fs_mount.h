/*
 * fs_mount: mounts a filesystem where no other process can reach it, for one ioctl.
 *
 * The mount is never attached to a directory (fsopen(2), fsmount(2), since Linux 5.2), so it has
 * no path, and the kernel unmounts it when the process that holds its descriptor ends, however
 * that happens.  It is nodev, nosuid and noexec.
 *
 * The exposure: the kernel's driver parses metadata that a guest has written.  A flaw in the
 * driver can then be used by the guest against this host.  So the callers validate the superblock
 * first, and the configuration can refuse all of this ([resize] mount = no).
 */
#ifndef IMG_FS_MOUNT_H
#define IMG_FS_MOUNT_H

#include <stdbool.h>

struct fs_mount {
	const char *type;	    /* of the filesystem, in the kernel's words */
	const char *const *options; /* "word" or "key=value"; NULL after the last */
	int device;		    /* a block device */
	/*
	 * What is done while it is mounted; dir is its root directory.  0 or an errno.  It is
	 * called in a forked child of a process with threads, so it may only make system calls.
	 * NULL: nothing, so that only the log is replayed.
	 */
	int (*act)(int dir, const void *arg);
	const void *arg;
};

/*
 * Mounts it, calls act, syncs, and unmounts it.  On cancel the child is killed: the drivers of XFS
 * and btrfs then end what they do in a consistent state.  0, and *result is that of act; or -1
 * recorded, of the mount itself: ST_REFUSED without root or if this kernel does not support the
 * filesystem, ST_CORRUPT if it is damaged, ST_BUSY if the device is in use.  In every case
 * it is unmounted, except that after ST_BUSY the kernel may still be occupied with it.  Blocks.
 */
int fs_mount_run(const struct fs_mount *m, int *result);

/*
 * Mounts it read-only, without a replay of its log, and unmounts it: whether this kernel supports
 * the filesystem and these options.  It changes nothing.  0, or -1 recorded as above.  Blocks.
 */
int fs_mount_try(const struct fs_mount *m);

#endif
