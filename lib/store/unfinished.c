/*
 * unfinished: looks for both forms, since a file may have come from elsewhere.
 */
#include "lib/store/unfinished.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <sys/xattr.h>

#include "lib/base/err.h"
#include "lib/store/partial.h"

int unfinished_is(int fd, int dir_fd, const char *name)
{
	struct stat st;
	char *beside;
	int r;

	if (partial_is(name))
		return 1;
	if (fgetxattr(fd, UNFINISHED_ATTR, NULL, 0) >= 0)
		return 1;
	if (errno != ENODATA && errno != EOPNOTSUPP && errno != EPERM)
		return err_sys("cannot read its attributes");
	if (asprintf(&beside, ".%s%s", name, UNFINISHED_SUFFIX) < 0)
		return err_set(ST_FAILED, "out of memory");
	r = fstatat(dir_fd, beside, &st, AT_SYMLINK_NOFOLLOW) == 0;
	free(beside);
	return r;
}
