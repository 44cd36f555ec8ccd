/*
 * io: whole reads and writes over short ones and EINTR.  All but io_lock_file() may block.
 */
#ifndef IMG_IO_H
#define IMG_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Bytes read, fewer than n only at the end of the file; -1 with errno set. */
ssize_t io_read(int fd, void *p, size_t n);
ssize_t io_pread(int fd, void *p, size_t n, uint64_t off);

/* 0, or -1 with errno set. */
int io_write(int fd, const void *p, size_t n);
int io_pwrite(int fd, const void *p, size_t n, uint64_t off);

/*
 * Makes sure that descriptors 0 to 2 are open (on /dev/null, opened so that
 * the wrong direction fails), so that no file opened later becomes standard
 * output.  Called first in every main().
 */
void io_std_open(void);

/*
 * The first line of a file, such as one below /sys, without its newline, as far as it
 * fits into size bytes.  0; or -1, and out is "".
 */
int io_read_line(const char *path, char *out, size_t size);

/*
 * Where what fd is lies now, absolute and without links on the way; the caller
 * frees it.  NULL with errno set.
 */
char *io_path_dup(int fd);

/*
 * Makes a file, or opens it, and takes its lock (flock) for itself, without waiting.  Who
 * has that may remove the file, so it is made sure that it is still there.  The
 * descriptor, or -1 with errno set: EWOULDBLOCK if somebody else has it.
 */
int io_lock_file(const char *path);

/*
 * Syncs a directory's entries to disk.  dir may be O_PATH.  0, also where a directory
 * cannot be opened for reading or cannot be synced; -1 with errno set.
 */
int io_sync_dir(int dir);

/* Close-on-exec and (un)blocking flags; 0, or -1 with errno set. */
int io_set_cloexec(int fd);
int io_set_nonblock(int fd, int on);

/* Monotonic clock, in milliseconds. */
int64_t io_now_ms(void);

#endif
