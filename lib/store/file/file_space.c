/*
 * file_space: the filesystem is asked, since a dry run allocates nothing.
 */
#include "lib/store/file/file_space.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/size.h"
#include "lib/host/storage.h"
#include "lib/store/image.h"
#include "lib/store/target_ops.h"

static int refuse_space(uint64_t want, uint64_t have)
{
	char a[SIZE_HUMAN], b[SIZE_HUMAN];

	return err_set(ST_NOROOM, "needs %s, and the filesystem has %s free", size_human(want, a),
		size_human(have, b));
}

int file_space_free(int dir, uint64_t *out)
{
	struct statvfs vfs;
	struct statfs fs;

	if (fstatvfs(dir, &vfs) < 0 || fstatfs(dir, &fs) < 0)
		return -1;
	*out = (geteuid() == 0 && fs.f_type != BTRFS_SUPER_MAGIC ? vfs.f_bfree : vfs.f_bavail) *
	       vfs.f_frsize;
	return 0;
}

/* What a stale hidden file has, which would be removed first. */
static uint64_t stale_bytes(int dir, const char *hidden)
{
	struct stat st;

	return fstatat(dir, hidden, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_nlink == 1
		       ? (uint64_t)st.st_blocks * 512
		       : 0;
}

/* What a copy that shares the source's blocks needs: space for its holes. */
static uint64_t unshared_bytes(const struct place_file *p, const struct target_want *want)
{
	const struct image *source = want->source;
	uint64_t used;
	struct stat dir;

	if (!source || source->fd < 0 || !S_ISREG(source->st.st_mode) ||
		(uint64_t)source->st.st_size != want->len || fstat(p->dir, &dir) < 0 ||
		dir.st_dev != source->st.st_dev || !storage_can_reflink(p->dir))
		return want->len;
	used = (uint64_t)source->st.st_blocks * 512;
	return used < want->len ? want->len - used : 0;
}

/* Whether a file of that size can be there, as a file without a name tells; errno: EFBIG. */
static bool can_be_so_long(int dir, uint64_t len)
{
	int fd = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	bool can;

	if (fd < 0)
		return true;
	can = len <= INT64_MAX && (ftruncate(fd, (off_t)len) == 0 || errno != EFBIG);
	close(fd);
	errno = EFBIG;
	return can;
}

int file_space_check(const struct place_file *p, const char *hidden, const struct target_want *want)
{
	uint64_t need, have;

	if (want->len == TARGET_LEN_UNKNOWN)
		return 0;
	if (!can_be_so_long(p->dir, want->len))
		return target_out_of_space("cannot set the length to", want->len);
	if (want->sparse || file_space_free(p->dir, &have) < 0)
		return 0;
	have += stale_bytes(p->dir, hidden);
	if (want->len <= have)
		return 0;
	need = unshared_bytes(p, want);
	return need > have ? refuse_space(need, have) : 0;
}

/* Whether fallocate() works there, as a file without a name tells. */
static bool can_allocate(int dir)
{
	int fd = openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	bool can = fd >= 0 && (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 1) == 0 || errno == ENOSPC);

	if (fd >= 0)
		close(fd);
	return can;
}

int file_space_check_growth(const struct place_file *p, uint64_t from, uint64_t to, bool sparse)
{
	uint64_t have, by = to - from;

	if (!can_be_so_long(p->dir, to))
		return target_out_of_space("cannot add", by);
	if (sparse || file_space_free(p->dir, &have) < 0 || by <= have || !can_allocate(p->dir))
		return 0;
	return refuse_space(by, have);
}
