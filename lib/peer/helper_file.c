/*
 * helper_file: finds and reads the helper that belongs to this build of the commands.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/peer/bootstrap.h"

#define HELPER_SIZE_MAX (16u << 20)

static int own_arch(char out[BOOTSTRAP_ARCH_MAX])
{
	struct utsname u;

	if (uname(&u) < 0)
		return err_sys("uname");
	snprintf(out, BOOTSTRAP_ARCH_MAX, "%.*s", BOOTSTRAP_ARCH_MAX - 1, u.machine);
	return 0;
}

/* For PREFIX/bin/img-copy it is PREFIX/libexec/img-tools/img-helper-ARCH, built or installed. */
char *helper_file_path(const char *arch)
{
	char self[4096], own[BOOTSTRAP_ARCH_MAX], *slash, *path;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	int i;

	if (!arch) {
		if (own_arch(own) < 0)
			return NULL;
		arch = own;
	}
	if (n < 0) {
		/* Not that of the error number: a script takes "absent" for an absent image. */
		err_set(ST_FAILED, "cannot find this program's own path: %s (is /proc mounted?)",
			strerror(errno));
		return NULL;
	}
	self[n] = '\0';
	for (i = 0; i < 2 && (slash = strrchr(self, '/')); i++)
		*slash = '\0';
	if (asprintf(&path, "%s/libexec/img-tools/img-helper-%s", self, arch) < 0) {
		err_set(ST_FAILED, "out of memory");
		return NULL;
	}
	if (access(path, R_OK) == 0)
		return path;
	err_set(ST_PEER, "no helper for a machine of type '%s': cannot open '%s': %s", arch, path,
		strerror(errno));
	free(path);
	return NULL;
}

int helper_file_read(struct helper_file *h, const char *arch)
{
	struct hash hash;
	struct stat st;
	int fd = -1, r = -1;

	memset(h, 0, sizeof(*h));
	if (arch)
		snprintf(h->arch, sizeof(h->arch), "%s", arch);
	else if (own_arch(h->arch) < 0)
		return -1;
	h->path = helper_file_path(h->arch);
	if (!h->path)
		return -1;
	fd = open(h->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		err_sys("cannot open '%s'", h->path);
		goto out;
	}
	if (st.st_size <= 0 || st.st_size > HELPER_SIZE_MAX) {
		err_set(ST_FAILED, "'%s' is not a helper", h->path);
		goto out;
	}
	h->size = (size_t)st.st_size;
	h->bytes = malloc(h->size);
	if (!h->bytes) {
		err_set(ST_FAILED, "out of memory");
		goto out;
	}
	if (io_read(fd, h->bytes, h->size) != (ssize_t)h->size) {
		err_set(ST_FAILED, "cannot read the helper '%s'", h->path);
		goto out;
	}
	hash_bytes(&hash, h->bytes, h->size);
	hash_hex(&hash, h->hash);
	r = 0;
out:
	if (fd >= 0)
		close(fd);
	if (r < 0)
		helper_file_fini(h);
	return r;
}

void helper_file_fini(struct helper_file *h)
{
	free(h->path);
	free(h->bytes);
	memset(h, 0, sizeof(*h));
}
