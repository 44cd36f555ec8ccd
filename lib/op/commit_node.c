/*
 * commit_node: see commit_node.h.
 */
#include "lib/op/commit_node.h"

#include <string.h>
#include <sys/stat.h>

#include "lib/base/err.h"
#include "lib/op/qemu_img.h"

void commit_node_begin(struct buf *out)
{
	buf_adds(out, "json:");
}

static void add_protocol(struct buf *out, int fd, bool keeps_space)
{
	char file[QEMU_IMG_FILE_MAX];
	struct stat st;
	bool is_device = fstat(fd, &st) == 0 && S_ISBLK(st.st_mode);

	qemu_img_file(file, fd, is_device, false);
	if (keeps_space)
		buf_addf(out, "%.*s,\"discard\":\"ignore\"}", (int)strlen(file) - 1, file);
	else
		buf_adds(out, file);
}

/* Of a file: then zeros must not become holes in it, which `qemu-img commit` makes otherwise. */
static bool has_all_its_space(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	       (uint64_t)st.st_blocks * 512 >= (uint64_t)st.st_size;
}

void commit_node_add_alone(struct buf *out, int fd)
{
	buf_adds(out, "{\"driver\":\"qcow2\",\"backing\":null,\"file\":");
	add_protocol(out, fd, false);
	buf_adds(out, "}");
}

size_t commit_node_add_chain(struct buf *out, const struct commit *c, unsigned depth, unsigned next,
	unsigned last, int fds[CHAIN_LAYERS_MAX])
{
	size_t n = 0, i;
	bool keeps_space;

	for (;; depth = next, next = depth + 1) {
		const struct disk_layer l = commit_layer(c, depth);

		fds[n] = c->held[depth] ? c->held[depth]->fd : l.img->fd;
		keeps_space = !l.qcow2 && has_all_its_space(fds[n]);
		buf_addf(out, "{\"driver\":\"%s\",%s\"file\":", l.qcow2 ? "qcow2" : "raw",
			keeps_space ? "\"discard\":\"ignore\"," : "");
		add_protocol(out, fds[n++], keeps_space);
		if (depth >= last || next >= c->count)
			break;
		buf_adds(out, ",\"backing\":");
	}
	if (commit_layer(c, depth).qcow2)
		buf_adds(out, ",\"backing\":null");
	for (i = 0; i < n; i++)
		buf_adds(out, "}");
	return n;
}

int commit_node_failed(const char *what, int status, struct buf *errors, const char *node)
{
	char line[300];

	if (status > 128)
		return err_set(
			ST_FAILED, "qemu-img %s was killed by signal %d", what, status - 128);
	qemu_img_reason(line, sizeof(line), errors, node);
	return err_set(strstr(line, "No space left on device") ? ST_NOROOM : ST_FAILED,
		"qemu-img %s failed (%d): %s", what, status, line);
}
