/*
 * volume_set_size: see volume_set_size.h.
 */
#include "lib/store/volume/volume_set_size.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/lvm/lvm.h"
#include "lib/lvm/repair.h"
#include "lib/lvm/volume.h"
#include "lib/store/block_size.h"

/* Newer programs look at filesystems, which the caller does; older ones do not know the option. */
static int run_lvm(const char *program, const struct volume_name *name, uint64_t len, bool is_test)
{
	char size[32], what[VOLUME_PATH_MAX];
	const char *argv[] = { program, is_test ? "-tqq" : "-qq", "-y", "-f", "-L", size, what,
		"--fs", "ignore", NULL };

	snprintf(size, sizeof(size), "%" PRIu64 "b", len);
	snprintf(what, sizeof(what), "%s/%s", name->group, name->name);
	if (lvm_change(argv) == 0)
		return 0;
	if (!strstr(err_text(), "parsing of command line"))
		return -1;
	argv[7] = NULL;
	return lvm_change(argv);
}

/* 0, or -1 recorded. */
static int check_unchanged(int fd, const struct volume_name *name, uint64_t size)
{
	uint64_t now;

	if (!volume_has_name(fd, name))
		return err_set(ST_BUSY, "was renamed while it was opened");
	if (block_size_get(fd, &now) < 0)
		return -1;
	return now == size ? 0 : err_set(ST_BUSY, "its size was changed meanwhile");
}

int volume_set_size_check_cut(const struct volume_name *name, uint64_t len)
{
	if (run_lvm("lvreduce", name, len, true) == 0)
		return 0;
	return err_status() == ST_FAILED
		       ? err_set(ST_REFUSED, "LVM would not do it: %s", err_text())
		       : -1;
}

int volume_set_size(int fd, const struct volume_name *name, uint64_t *size, uint64_t len)
{
	uint64_t now;
	struct err e;

	if (check_unchanged(fd, name, *size) < 0)
		return -1;
	if (run_lvm(len > *size ? "lvextend" : "lvreduce", name, len, false) < 0) {
		err_take(&e);
		repair_group(name->group, false, NULL, NULL);
		err_put(&e);
		return -1;
	}
	if (block_size_get(fd, &now) < 0)
		return -1;
	if (now < len)
		return err_set(ST_FAILED, "has not the size that LVM should have set");
	*size = now;
	return 0;
}
