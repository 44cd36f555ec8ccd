/*
 * extents: measures the filesystem in a file, for the tests of fs_extent.
 */
#ifndef IMG_EXTENTS_H
#define IMG_EXTENTS_H

#include "lib/format/fs_extent.h"
#include "tests/unit/probes.h"

/*
 * Measures what is in the first len bytes of a file, or in all of it if len is 0.  With type,
 * libblkid is not asked: it is that.
 */
static inline struct fs_extent extents_measure(const char *name, uint64_t len, const char *type)
{
	struct probes_file f = probes_open(name);
	struct fs_extent e;
	struct probe p = { .fs_type = "" };

	memset(&e, 0x55, sizeof(e));
	snprintf(p.fs_type, sizeof(p.fs_type), "%s", type ? type : "");
	is_int(fs_extent_read(&e, f.fd, 0, len ? len : f.len, type ? &p : NULL), 0, name);
	close(f.fd);
	return e;
}

/* Checks that it is recognised as type, and not measured. */
static inline void extents_unknown(const struct fs_extent *e, const char *type, const char *what)
{
	is_int(e->measured, FS_UNKNOWN, what);
	is_str(e->type, type, what);
	ok(e->bytes == 0 && e->block == 0 && !e->needs_replay, what);
}

#endif
