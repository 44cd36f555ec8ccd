/*
 * unfinished: the mark of a file that is filled in place and not complete.
 *
 * The mark is the extended attribute user.img-tools.unfinished or, where the
 * filesystem has no such attributes, a file ".NAME.img-tools-unfinished" beside NAME.
 * A partial file (partial.h) is unfinished by its name.
 *
 * Such a file counts only if it is a regular file of the image's owner, of ours or of root,
 * so that nobody else can make an image unreadable.  `owner` is the image's owner.
 */
#ifndef IMG_UNFINISHED_H
#define IMG_UNFINISHED_H

#include <stdbool.h>
#include <sys/types.h>

#define UNFINISHED_ATTR "user.img-tools.unfinished"
#define UNFINISHED_SUFFIX ".img-tools-unfinished"

/*
 * Whether the open file fd, whose name is dir_fd/name, is unfinished: 1, 0, or -1
 * recorded.
 */
int unfinished_is(int fd, int dir_fd, const char *name);

/*
 * Whether no image may get that name: a job that has NAME would take the image for its partial
 * file or its mark, and remove it.
 */
bool unfinished_reserves(const char *name);

/*
 * Sets the mark and syncs it to disk; removes both forms of it, and syncs the directory
 * but not the file.  record is what the mark says of the job, without a newline, or NULL.  0, or
 * -1 recorded.
 */
int unfinished_set(int fd, int dir_fd, const char *name, const char *record);
int unfinished_clear(int fd, int dir_fd, const char *name);

#define UNFINISHED_RECORD_MAX 1024
/*
 * What the mark of the open file fd says of the job that set it: 1; 0 if there is no mark, or it
 * says nothing; or -1 recorded.
 */
int unfinished_record(int fd, int dir_fd, const char *name, char out[UNFINISHED_RECORD_MAX]);

/*
 * Whether the mark beside dir_fd/name, if there is one, can be removed in the end.  0, or -1
 * with ST_REFUSED recorded.
 */
int unfinished_check(int dir_fd, const char *name, uid_t owner);

/*
 * Keep the file that is a mark in step with names: _forget removes the mark beside
 * dir_fd/name, after that file was removed, renamed or replaced; _carry sets or
 * removes the mark beside `to` like that beside `from`, before the file is renamed.
 * 0, or -1 recorded.
 */
int unfinished_forget(int dir_fd, const char *name, uid_t owner);
int unfinished_carry(int dir_fd, const char *from, const char *to, uid_t owner);

/*
 * Marks dir_fd/name, which need not exist, by a file beside it, and syncs that to disk.
 * 1; 0 if it existed already, which is then kept with what it says; or -1 recorded.
 */
int unfinished_mark_name(int dir_fd, const char *name, uid_t owner);

#endif
