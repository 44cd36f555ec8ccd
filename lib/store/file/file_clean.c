/*
 * file_clean: removes the partial files that interrupted jobs left in a directory.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/kv.h"
#include "lib/base/pathname.h"
#include "lib/store/file/file_list.h"
#include "lib/store/file/file_place.h"
#include "lib/store/file/partial.h"

/* The state of a record, by the result of partial_clear() and the error that it recorded. */
static const char *cleaned_state(int r)
{
	if (r == 0)
		return "removed";
	if (err_status() == ST_BUSY)
		return "alive";
	return err_status() == ST_REFUSED && !err_errno() ? "foreign" : "failed";
}

static int clean_entry(
	int dir, const char *path, const char *entry, bool dry_run, backend_each *each, void *arg)
{
	struct buf record = BUF_INIT;
	int r = partial_clear(dir, entry, dry_run);

	kv_add(&record, "kind", "file");
	kv_addf(&record, "path", "%s/%s", path, entry);
	kv_add(&record, "state", cleaned_state(r));
	kv_add(&record, "why", r < 0 ? err_text() : NULL);
	kv_add_u64(&record, "status", r < 0 ? (uint64_t)err_status() : ST_OK);
	err_clear();
	r = buf_failed(&record);
	if (r == 0)
		r = each(arg, &record);
	buf_fini(&record);
	return r;
}

int file_clean(const struct place *container, const char *shown, bool dry_run, backend_each *each,
	void *arg)
{
	int r = 0, fd;
	struct dirent *e;
	DIR *d;

	fd = file_place_open_directory(container);
	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d && fd >= 0) {
		err_sys("cannot list");
		close(fd);
	}
	if (!d)
		return -1;
	for (errno = 0; r == 0 && (e = readdir(d)); errno = 0)
		if (partial_is(e->d_name))
			r = clean_entry(fd, shown, e->d_name, dry_run, each, arg);
	if (r == 0 && errno)
		r = err_sys("cannot list");
	if (r == 0 && !dry_run && io_sync_dir(fd, -1) < 0)
		r = err_sys("cannot sync the directory to disk");
	closedir(d);
	return r;
}
