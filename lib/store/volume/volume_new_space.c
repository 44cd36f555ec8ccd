/*
 * volume_new_space: see volume_new_space.h.
 */
#include "lib/store/volume/volume_new_space.h"

#include <unistd.h>

#include "lib/base/err.h"
#include "lib/format/fs_extent.h"
#include "lib/format/ptable.h"
#include "lib/store/block_zero.h"

int volume_new_space_zero(int fd, bool is_thin, uint64_t from, uint64_t to)
{
	struct block_zero z;

	block_zero_init(&z, fd, is_thin);
	if (block_zero_range(&z, to - from, from) < 0)
		return -1;
	return fsync(fd) < 0 ? err_sys("cannot sync it to disk") : 0;
}

/* A guest that was started meanwhile may have let its partition or filesystem grow. */
int volume_new_space_check_unused(int fd, uint64_t from)
{
	struct ptable t;
	struct fs_extent e;

	if (ptable_read(&t, fd, from) < 0 || fs_extent_read(&e, fd, 0, from, NULL) < 0)
		return -1;
	if (t.odd)
		return err_set(ST_CORRUPT, "it has %s", t.odd);
	if (e.measured == FS_UNKNOWN)
		return err_set(ST_CORRUPT, "where its %s content ends is not known", e.type);
	if (e.needs_replay)
		return err_set(
			ST_CORRUPT, "the journal of its %s filesystem is not replayed", e.type);
	if (t.min_len > from || e.bytes > from)
		return err_set(ST_CORRUPT, "what it holds is larger than it was");
	return 0;
}
