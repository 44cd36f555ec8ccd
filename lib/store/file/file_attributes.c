/*
 * file_attributes: what is equal already is not set, since some filesystems refuse that.
 */
#include "lib/store/file/file_attributes.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "lib/base/err.h"

#define LABEL_MAX 4096
#define LABEL "security.selinux"
#define ACL "system.posix_acl_access"
#define USER "user."
#define OWN "user.img-tools." /* marks of our jobs */

/* Gives fd the access list of model; without one, removes that which fd has from its directory. */
static int copy_acl(int fd, int model)
{
	char *acl = malloc(XATTR_SIZE_MAX);
	ssize_t n = acl ? fgetxattr(model, ACL, acl, XATTR_SIZE_MAX) : -1;
	int r = 0;

	if (!acl)
		return err_set(ST_FAILED, "out of memory");
	if (n >= 0)
		r = fsetxattr(fd, ACL, acl, (size_t)n, 0);
	else if (fgetxattr(fd, ACL, NULL, 0) > 0)
		r = fremovexattr(fd, ACL);
	free(acl);
	return r < 0 ? err_sys("cannot keep the access list") : 0;
}

int file_attributes_try(int fd, const struct stat *model)
{
	struct stat own;

	if (!model)
		return 0;
	if (fstat(fd, &own) < 0)
		return err_sys("cannot stat");
	if (model->st_uid == own.st_uid && model->st_gid == own.st_gid)
		return 0;
	if (fchown(fd, model->st_uid, model->st_gid) < 0)
		return err_sys("cannot keep the owner");
	return fchown(fd, own.st_uid, own.st_gid) < 0 ? err_sys("cannot change the owner") : 0;
}

int file_attributes_try_in(int dir, const struct stat *model)
{
	int r, fd = model ? openat(dir, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600) : -1;

	if (fd < 0)
		return 0;
	r = file_attributes_try(fd, model);
	close(fd);
	return r;
}

int file_attributes_copy(int fd, int model)
{
	char label[LABEL_MAX];
	struct stat st, own;
	ssize_t n;

	if (fstat(model, &st) < 0 || fstat(fd, &own) < 0)
		return err_sys("cannot stat");
	if ((st.st_uid != own.st_uid || st.st_gid != own.st_gid) &&
		fchown(fd, st.st_uid, st.st_gid) < 0)
		return err_sys("cannot keep the owner");
	if (copy_acl(fd, model) < 0)
		return -1;
	if (fstat(fd, &own) < 0)
		return err_sys("cannot stat");
	if ((st.st_mode & 0777) != (own.st_mode & 07777) && fchmod(fd, st.st_mode & 0777) < 0)
		return err_sys("cannot keep the mode");
	n = fgetxattr(model, LABEL, label, sizeof(label));
	if (n > 0 && fsetxattr(fd, LABEL, label, (size_t)n, 0) < 0)
		return err_sys("cannot keep the security label");
	return 0;
}

void file_attributes_copy_nocow(int fd, int model, bool may_clear)
{
	int own = 0, wanted = 0; /* the kernel reads and writes an int */

	if (ioctl(fd, FS_IOC_GETFLAGS, &own) < 0 || ioctl(model, FS_IOC_GETFLAGS, &wanted) < 0 ||
		(own & FS_NOCOW_FL) == (wanted & FS_NOCOW_FL) ||
		(!may_clear && !(wanted & FS_NOCOW_FL)))
		return;
	own ^= FS_NOCOW_FL;
	ioctl(fd, FS_IOC_SETFLAGS, &own);
}

static bool is_kept(const char *name)
{
	return strncmp(name, USER, strlen(USER)) == 0 && strncmp(name, OWN, strlen(OWN)) != 0;
}

static int copy_attribute(int fd, int model, const char *name, char *value)
{
	ssize_t n = fgetxattr(model, name, value, XATTR_SIZE_MAX);

	if (n < 0 && errno == ENODATA)
		return 0; /* it was removed meanwhile */
	return n < 0 || fsetxattr(fd, name, value, (size_t)n, 0) < 0
		       ? err_sys("cannot keep the extended attributes")
		       : 0;
}

int file_attributes_copy_user(int fd, int model)
{
	char *names = malloc(XATTR_LIST_MAX), *value = malloc(XATTR_SIZE_MAX);
	ssize_t n, at;
	int r = 0;

	if (!names || !value) {
		r = err_set(ST_FAILED, "out of memory");
		goto out;
	}
	n = flistxattr(model, names, XATTR_LIST_MAX);
	if (n < 0 && errno != EOPNOTSUPP)
		r = err_sys("cannot read the extended attributes");
	for (at = 0; r == 0 && at < n; at += (ssize_t)strlen(names + at) + 1)
		if (is_kept(names + at))
			r = copy_attribute(fd, model, names + at, value);
out:
	free(names);
	free(value);
	return r;
}
