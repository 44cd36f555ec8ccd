/*
 * file_space: whether there is space for a file, in a dry run.
 */
#ifndef IMG_FILE_SPACE_H
#define IMG_FILE_SPACE_H

#include "lib/store/file/file_place.h"
#include "lib/store/target.h"

/*
 * The free bytes of the filesystem of dir: root may use what some filesystems reserve, but btrfs
 * counts there what no file can have.  0, or -1 with errno.
 */
int file_space_free(int dir, uint64_t *out);

/*
 * What making a new file at p would find, after a stale file of the name hidden was removed. 0,
 * or -1 with ST_NOROOM recorded.
 */
int file_space_check(
	const struct place_file *p, const char *hidden, const struct target_want *want);

/*
 * What growing the file at p would find, whose new space is allocated unless it is sparse.  0, or
 * -1 with ST_NOROOM.
 */
int file_space_check_growth(const struct place_file *p, uint64_t from, uint64_t to, bool sparse);

#endif
