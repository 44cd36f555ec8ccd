/*
 * io: complete reads and writes, which go on after short ones and EINTR.  All
 * functions on descriptors may block; io_lock_file() does not wait for the lock.
 */
#ifndef IMG_IO_H
#define IMG_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The number of bytes read, less than n only at the end of the file; -1 with errno set. */
ssize_t io_read(int fd, void *p, size_t n);
ssize_t io_pread(int fd, void *p, size_t n, uint64_t off);

/*
 * Reads n bytes at off of an image that is len bytes long, as its headers say where something is.
 * 1; 0: the image ends before off + n; -1 with an error recorded (lib/base/err.h).
 */
int io_pread_within(int fd, uint64_t len, void *p, size_t n, uint64_t off);

/* Write all n bytes.  0, or -1 with errno set. */
int io_write(int fd, const void *p, size_t n);
int io_pwrite(int fd, const void *p, size_t n, uint64_t off);

/*
 * Opens those of the descriptors 0 to 2 that are closed, on /dev/null, so that no
 * file opened later becomes standard output.  Standard input is opened for
 * writing only and the outputs for reading only, so that using them fails.  Every
 * main() calls this first.
 */
void io_std_open(void);

/*
 * Reads the first line of a file (such as one below /sys) without its newline,
 * truncated to size bytes with the NUL.  0; or -1, and out is "".
 */
int io_read_line(const char *path, char *out, size_t size);

/*
 * The current absolute path of the file that fd is open on, without symbolic
 * links; the caller frees it.  NULL with errno set.
 */
char *io_path_dup(int fd);

/*
 * Opens a file, creating it if it is missing, and locks it exclusively (flock)
 * without waiting.  A holder of the lock may remove the file; so the result is
 * always the file that has the name now.  The descriptor, or -1 with errno set:
 * EWOULDBLOCK if another process holds the lock.
 */
int io_lock_file(const char *path);

/*
 * Syncs a directory's entries to disk.  dir may be O_PATH.  If it may not be read, the filesystem
 * of `file`, an open file in it, is synced; file may be -1, and nothing is synced then.  0, also if
 * the filesystem cannot sync directories; -1 with errno set.
 */
int io_sync_dir(int dir, int file);

/* Set close-on-exec; set (on) or clear O_NONBLOCK.  0, or -1 with errno set. */
int io_set_cloexec(int fd);
int io_set_nonblock(int fd, int on);

/*
 * Lets a pipe hold IO_PIPE bytes, the most that a user may have, so that both ends of it wake less
 * often.  Does nothing to other descriptors, nor if the host does not allow it.
 */
#define IO_PIPE (1 << 20)
void io_widen_pipe(int fd);

/* Monotonic clock, in milliseconds. */
int64_t io_now_ms(void);

#endif
