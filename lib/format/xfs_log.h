/*
 * xfs_log: whether the log of an XFS filesystem has something to replay, which may contain a newer
 * superblock.
 *
 * Source: the XFS Algorithms and Data Structures, "Journaling Log".
 */
#ifndef IMG_XFS_LOG_H
#define IMG_XFS_LOG_H

#include <stdint.h>

#define XFS_LOG_SUPER 128 /* bytes of the superblock that are looked at */

/*
 * Whether the log of the filesystem that begins at off, in len bytes of fd, was closed by an
 * unmount.  sb is its superblock, whose block and group sizes are validated.  1; 0: it was not,
 * or the log is elsewhere or cannot be found; -1 recorded: a read error.  Reads all of the log, up
 * to 2 GiB.
 */
int xfs_log_is_clean(int fd, uint64_t off, uint64_t len, const uint8_t sb[XFS_LOG_SUPER]);

#endif
