/*
 * qcow2_layers: opens a qcow2 layer in the current directory, or in memory, and maps all of it.
 */
#ifndef IMG_QCOW2_LAYERS_H
#define IMG_QCOW2_LAYERS_H

#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/format/qcow2_layer.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

struct opened {
	struct qcow2 q;
	int fd, data_fd;
	uint64_t len;
	struct qcow2_unpack unpack;
	struct qcow2_layer layer;
	/* What the guest has, zeros where the layer has nothing: all images share this memory. */
	uint8_t *bytes;
	unsigned runs;
};

/* Parses the header in fd, which is closed by opened_close().  0, or -1 recorded. */
static inline int opened_parse(struct opened *o, int fd)
{
	static uint8_t head[QCOW2_HEADER_MAX];
	ssize_t n = fd >= 0 ? io_pread(fd, head, sizeof(head), 0) : -1;
	struct stat st;

	memset(o, 0, sizeof(*o));
	qcow2_unpack_init(&o->unpack);
	err_clear();
	o->fd = fd;
	o->data_fd = -1;
	if (n < 0 || fstat(fd, &st) < 0)
		return err_sys("cannot read the image");
	o->len = (uint64_t)st.st_size;
	return qcow2_parse(&o->q, head, (size_t)n);
}

/* Opens the file, whose external data file, if any, is "data". */
static inline void opened_open(struct opened *o, const char *name)
{
	if (opened_parse(o, open(name, O_RDONLY | O_CLOEXEC)) == 0) {
		if (qcow2_has_data_file(&o->q))
			o->data_fd = open("data", O_RDONLY | O_CLOEXEC);
		if (qcow2_layer_init(&o->layer, &o->q, o->fd, o->len, o->data_fd, &o->unpack) == 0)
			return;
	}
	printf("# cannot open %s: %s\n", name, err_text());
	exit(99);
}

static inline void opened_close(struct opened *o)
{
	qcow2_layer_fini(&o->layer);
	qcow2_unpack_fini(&o->unpack);
	close(o->fd);
	if (o->data_fd >= 0)
		close(o->data_fd);
}

/* Whether a run may be what is at off. */
static inline bool opened_is_sane(const struct opened *o, const struct qcow2_run *r, uint64_t off)
{
	uint64_t n = r->kind == QCOW2_DATA ? r->len : r->host_len;

	if (r->off != off || r->len == 0 || r->len > o->q.size - off)
		return false;
	if (r->kind != QCOW2_DATA && r->kind != QCOW2_COMPRESSED)
		return true;
	if (n == 0 || (r->kind == QCOW2_COMPRESSED && n > 2 * (uint64_t)o->q.cluster_size))
		return false;
	return qcow2_has_data_file(&o->q) || (r->host < o->len && n <= o->len - r->host);
}

/* Maps all of it, at most max bytes a run, and reads it to o->bytes.  0, or -1 recorded. */
static inline int opened_read(struct opened *o, uint64_t max)
{
	static uint8_t bytes[32 << 20];
	struct qcow2_run run;
	uint64_t off;

	if (o->q.size > sizeof(bytes))
		exit(99);
	o->bytes = bytes;
	memset(o->bytes, 0, (size_t)o->q.size);
	o->runs = 0;
	for (off = 0; off < o->q.size; off += run.len, o->runs++) {
		if (qcow2_map_at(&o->layer.map, off, max, &run) < 0)
			return -1;
		if (!opened_is_sane(o, &run, off) || run.len > max) {
			ok(0, "a run is impossible");
			exit(1);
		}
		if (run.kind != QCOW2_DATA && run.kind != QCOW2_COMPRESSED)
			continue;
		if (qcow2_layer_read(&o->layer, &run, off, o->bytes + off, (size_t)run.len) < 0)
			return -1;
	}
	return 0;
}

#endif
