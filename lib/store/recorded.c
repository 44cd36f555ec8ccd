/*
 * recorded: a name is made absolute as text, and then opened through the policy.
 */
#include "lib/store/recorded.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/pathname.h"
#include "lib/lvm/volume.h"

bool recorded_is_path(const char *name)
{
	size_t n = strcspn(name, ":/");

	return name[n] != ':';
}

/* name as an absolute path, in which ".." is kept.  NULL recorded. */
static char *make_absolute(const struct place *from, const char *name)
{
	char *dir, *joined, *absolute;

	if (name[0] == '/')
		return pathname_absolute(name);
	dir = pathname_parent(from->spelled);
	joined = dir ? pathname_join(dir, name) : NULL;
	absolute = joined ? pathname_absolute(joined) : NULL;
	free(dir);
	free(joined);
	return absolute;
}

/* The path of what was opened: /dev/GROUP/NAME of a volume, links resolved of a file. */
static char *resolved_path(int fd)
{
	char text[VOLUME_PATH_MAX];
	struct volume_name volume;
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISBLK(st.st_mode) && volume_of_device(&volume, st.st_rdev) > 0)
		return strdup(volume_path(&volume, text));
	return io_path_dup(fd);
}

int recorded_path(char **path, const struct place *from, const char *name)
{
	char *spelled;
	int fd;

	*path = NULL;
	if (!from || !recorded_is_path(name))
		return 0;
	spelled = make_absolute(from, name);
	if (!spelled)
		return -1;
	fd = policy_open_recorded(from->policy, spelled, O_PATH);
	if (fd >= 0) {
		*path = resolved_path(fd);
		close(fd);
	}
	if (!*path && (fd >= 0 || err_errno() == ENOENT))
		*path = strdup(spelled);
	err_clear();
	free(spelled);
	return 0;
}
