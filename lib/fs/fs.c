/*
 * fs: see fs.h.  A filesystem is given to its programs by a loop device if it is not all of a
 * file: the device ends where the filesystem has to end, the programs can open it exclusively while
 * the caller keeps the volume exclusively, and resize2fs cannot cut the file that contains it.
 */
#include "lib/fs/fs.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/child.h"
#include "lib/base/err.h"
#include "lib/base/size.h"
#include "lib/base/text.h"
#include "lib/fs/fs_kind.h"
#include "lib/fs/fs_rest.h"
#include "lib/host/loop.h"

/* Limits of a program that changes nothing, or only a copy. */
#define LIMIT_S 600			      /* of processor time, and */
#define LIMIT_GIB_S 10			      /* for each GiB */
#define LIMIT_WAIT 6			      /* times as long for the storage */
#define LIMIT_MEMORY (UINT64_C(4) << 30)      /* bytes of address space, and */
#define LIMIT_GIB_MEMORY (UINT64_C(16) << 20) /* for each GiB */
#define GIB_MAX (1u << 14)		      /* so that no product overflows */

#define LOOP_UNIT 512

static const struct fs_kind *const kinds[] = {
	&fs_kind_ext,
	&fs_kind_xfs,
	&fs_kind_btrfs,
	&fs_kind_swap,
};

static const struct fs_kind *find_kind(const char *type)
{
	size_t i, k;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		for (k = 0; kinds[i]->types[k]; k++)
			if (strcmp(kinds[i]->types[k], type) == 0)
				return kinds[i];
	return NULL;
}

/* Whether its programs can be given f->fd itself: 1, 0, or -1 recorded. */
static int can_be_file(const struct fs *f)
{
	struct stat st;

	if (fstat(f->fd, &st) < 0)
		return err_sys("cannot stat");
	return S_ISREG(st.st_mode) && f->off == 0 && !f->kind->needs_device;
}

static int explain_rest(const struct fs *f)
{
	return err_wrap("something lies behind its %s filesystem, and would be cut off without a "
			"loop device",
		f->extent.type);
}

/* Whether there can be a device, before anything is changed.  0, or -1 recorded. */
static int check_device(const struct fs *f)
{
	int is_file = can_be_file(f);

	if (is_file < 0 || (is_file && !f->has_rest) || loop_check() == 0)
		return is_file < 0 ? -1 : 0;
	return f->has_rest ? explain_rest(f) : -1;
}

/* Opens f->device, anew if its limit has changed.  0, or -1 recorded. */
static int open_device(struct fs *f)
{
	int is_file;

	if (f->device >= 0)
		return 0;
	is_file = can_be_file(f);
	if (is_file < 0)
		return -1;
	if (is_file && !f->has_rest)
		f->device = f->fd;
	else
		f->device = loop_open(f->fd, f->off, f->len - f->len % LOOP_UNIT, f->want.dry_run);
	if (f->device < 0 && f->has_rest)
		return explain_rest(f);
	return f->device < 0 ? -1 : 0;
}

static void close_device(struct fs *f)
{
	struct err e;

	err_take(&e);
	if (f->device >= 0 && f->device != f->fd)
		close(f->device);
	f->device = -1;
	err_put(&e);
}

void fs_close(struct fs *f)
{
	close_device(f);
}

/* Records why it cannot be measured.  Returns -1. */
static int refuse_unknown(const struct fs *f)
{
	if (f->kind->explain && f->kind->explain(f) < 0)
		return -1;
	return err_set(ST_REFUSED,
		"its %s filesystem is damaged, or has features that are not known", f->extent.type);
}

/* The superblock, which was being written when a job was interrupted.  0, or -1 recorded. */
static int repair_begun(struct fs *f)
{
	int r;

	if (!f->kind->repair || f->kind->is_mounted)
		return 0;
	r = open_device(f) < 0 ? -1 : f->kind->repair(f);
	close_device(f);
	return r < 0 ? -1 : fs_extent_read(&f->extent, f->fd, f->off, f->len, NULL);
}

int fs_open(struct fs *f, int fd, uint64_t off, uint64_t len, const struct fs_want *want)
{
	char needs[SIZE_HUMAN];
	const struct fs_extent *e = &f->extent;

	memset(f, 0, sizeof(*f));
	f->want = *want;
	f->fd = fd;
	f->off = off;
	f->len = len;
	f->device = -1;
	if (fs_extent_read(&f->extent, fd, off, len, NULL) < 0)
		return -1;
	if (e->measured == FS_NONE)
		return err_set(ST_REFUSED, "holds no filesystem that is recognised");
	f->kind = find_kind(e->type);
	if (!f->kind)
		return err_set(ST_REFUSED, "holds %s, whose size cannot be changed", e->type);
	if (e->measured == FS_UNKNOWN && want->was_begun && repair_begun(f) < 0)
		return -1;
	if (e->measured == FS_UNKNOWN)
		return refuse_unknown(f);
	if (e->bytes > len)
		return err_set(ST_REFUSED,
			"its %s filesystem has %s (%llu bytes), which is more than there is",
			e->type, size_human(e->bytes, needs), (unsigned long long)e->bytes);
	return 0;
}

uint64_t fs_fit(const struct fs *f, uint64_t len)
{
	return f->kind->fit ? f->kind->fit(f, len) : len - len % f->extent.block;
}

static int check_programs(const struct fs *f)
{
	int i;

	for (i = 0; f->kind->programs[i]; i++)
		if (!child_has(f->kind->programs[i]))
			return err_set(ST_FAILED, "%s, which resizing %s needs, is not installed",
				f->kind->programs[i], f->extent.type);
	return 0;
}

static int check_shrinking(struct fs *f, uint64_t bytes)
{
	char want[SIZE_HUMAN], least[SIZE_HUMAN];
	uint64_t smallest;

	if (!f->kind->can_shrink)
		return err_set(ST_REFUSED, "%s cannot be made smaller", f->extent.type);
	if (fs_smallest(f, &smallest) < 0)
		return -1;
	if (bytes >= smallest && bytes > 0)
		return 0;
	return err_set(ST_REFUSED,
		"its %s filesystem cannot become as small as %s: it needs about %s (%llu bytes)",
		f->extent.type, size_human(bytes, want), size_human(smallest, least),
		(unsigned long long)smallest);
}

/* Before a change to `bytes`: sets has_rest.  0, or -1 recorded. */
static int look_for_rest(struct fs *f, uint64_t bytes)
{
	uint64_t end = bytes > f->extent.bytes ? bytes : f->extent.bytes;
	int r = 0;

	if (f->want.keeps_rest && f->kind->cuts_file && bytes != f->extent.bytes)
		r = can_be_file(f);
	if (r > 0)
		r = fs_rest_find(f->fd, end, f->len);
	f->has_rest = r > 0;
	return r < 0 ? -1 : 0;
}

int fs_check(struct fs *f, uint64_t bytes)
{
	close_device(f);
	if (check_programs(f) < 0 || look_for_rest(f, bytes) < 0)
		return -1;
	if (f->kind->is_mounted && !f->want.may_mount)
		return err_set(ST_REFUSED,
			"%s is resized while it is mounted, which the configuration refuses "
			"([resize] mount = no)",
			f->extent.type);
	if (check_device(f) < 0 || (f->kind->is_mounted && open_device(f) < 0))
		return -1;
	if (f->kind->check && f->kind->check(f, bytes) < 0)
		return -1;
	return bytes < f->extent.bytes ? check_shrinking(f, bytes) : 0;
}

int fs_smallest(struct fs *f, uint64_t *bytes)
{
	*bytes = 0;
	if (!f->kind->can_shrink)
		return 0;
	if (f->kind->smallest && (open_device(f) < 0 || f->kind->smallest(f, bytes) < 0))
		return -1;
	if (*bytes < f->kind->floor)
		*bytes = f->kind->floor;
	return 0;
}

int fs_restore_len(int fd, uint64_t end)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys("cannot stat");
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size >= end)
		return 0;
	return ftruncate(fd, (off_t)end) < 0 ? err_sys("cannot set its length again") : 0;
}

static int change_size(struct fs *f, uint64_t bytes)
{
	int r = f->kind->resize(f, bytes);
	struct err e;

	err_take(&e);
	if (f->device == f->fd && fs_restore_len(f->fd, f->len) < 0 && r == 0)
		return -1;
	err_put(&e);
	return r;
}

/* Reads the superblock again: 0 if it contains this size. */
static int check_result(struct fs *f, uint64_t bytes)
{
	struct fs_extent e;

	if (fsync(f->device) < 0)
		return err_sys("cannot sync it to disk");
	close_device(f); /* whose pages are not those of f->fd */
	if (fsync(f->fd) < 0)
		return err_sys("cannot sync it to disk");
	if (fs_extent_read(&e, f->fd, f->off, f->len, NULL) < 0)
		return -1;
	if (e.measured != FS_MEASURED || strcmp(e.type, f->extent.type) != 0 || e.bytes != bytes)
		return err_set(ST_CORRUPT,
			"its %s filesystem should have %llu bytes now, but its superblock says "
			"%llu",
			f->extent.type, (unsigned long long)bytes, (unsigned long long)e.bytes);
	f->extent = e;
	return 0;
}

/*
 * After a change, it is repaired only if its checker finds errors: for a large filesystem, one
 * check less is much of the time.
 */
static int check_resized(struct fs *f)
{
	const struct fs_kind *k = f->kind;

	if (k->verify) {
		if (k->verify(f) == 0)
			return 0;
		if (err_status() != ST_CORRUPT)
			return -1;
		err_clear();
	}
	if (k->repair && k->repair(f) < 0)
		return -1;
	return k->verify ? k->verify(f) : 0;
}

int fs_resize(struct fs *f, uint64_t len, uint64_t bytes)
{
	const struct fs_kind *k = f->kind;

	close_device(f);
	f->len = len;
	if (look_for_rest(f, bytes) < 0 || open_device(f) < 0 || (k->repair && k->repair(f) < 0))
		return -1;
	if (bytes == f->extent.bytes) {
		if (k->verify && k->verify(f) < 0)
			return -1;
	} else if (change_size(f, bytes) < 0 || check_resized(f) < 0) {
		return -1;
	}
	return check_result(f, bytes);
}

void fs_each_kind(bool shrink, void (*each)(void *arg, const char *type), void *arg)
{
	struct fs f = { .device = -1 };
	size_t i, k;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		f.kind = kinds[i];
		if ((shrink && !f.kind->can_shrink) || check_programs(&f) < 0)
			continue;
		for (k = 0; f.kind->types[k]; k++)
			each(arg, f.kind->types[k]);
	}
	err_clear();
}

const char *fs_path(const struct fs *f, char out[FS_PATH_MAX])
{
	snprintf(out, FS_PATH_MAX, "/proc/self/fd/%d", f->device);
	return out;
}

int fs_run(const struct fs *f, bool changes, const char *const *argv, struct buf *out)
{
	uint64_t gib = f->len >> 30 < GIB_MAX ? f->len >> 30 : GIB_MAX;
	struct buf errors = BUF_INIT;
	struct child c = {
		.argv = argv, .keep_fd = f->device, .out = out, .errors = out ? &errors : NULL
	};
	int status;

	if (changes && !f->want.is_copy) {
		c.own_session = true; /* and so it is waited for, whatever happens */
	} else {
		c.ends_with_job = true;
		c.processor_s = LIMIT_S + LIMIT_GIB_S * (unsigned)gib;
		c.limit_ms = (int)(LIMIT_WAIT * c.processor_s) * 1000;
		c.memory = LIMIT_MEMORY + LIMIT_GIB_MEMORY * gib;
	}
	status = child_run(&c);
	if (out)
		buf_add(out, errors.data, errors.len);
	buf_fini(&errors);
	return status;
}

bool fs_ran_out(int status, struct buf *out)
{
	return status > 128 || strcasestr(buf_str(out), "cannot allocate memory");
}

/* Its last line but those that are empty or indented, without the name of the device. */
static void last_line(char *out, size_t size, struct buf *text)
{
	const char *line = buf_str(text), *found = "", *end, *colon;
	char *copy;

	for (; *line; line = *end ? end + 1 : end) {
		end = line + strcspn(line, "\n");
		if (line < end && *line != ' ' && *line != '\t')
			found = line;
	}
	if (strncmp(found, "/proc/self/fd/", 14) == 0) {
		colon = strstr(found, ": ");
		found = colon ? colon + 2 : found;
	}
	copy = strndup(found, strcspn(found, "\n"));
	text_safe(copy ? copy : "", out, size);
	free(copy);
}

int fs_failed(int status, const char *program, int exit_status, struct buf *out)
{
	char line[300];

	last_line(line, sizeof(line), out);
	if (*line)
		return err_set(status, "%s: %s", program, line);
	return err_set(status, "%s failed with status %d", program, exit_status);
}
