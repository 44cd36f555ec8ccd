/*
 * check_layer: see check_layer.h.
 */
#include "lib/op/check_layer.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/child.h"
#include "lib/base/err.h"
#include "lib/format/content.h"
#include "lib/format/qcow2_check.h"
#include "lib/format/qcow2_tables.h"
#include "lib/op/qemu_img.h"

#define CHECK_FAILED 1 /* qemu-img(1) */
#define CHECK_CORRUPT 2
#define CHECK_LEAKS 3

/* Limits of qemu-img, which validates only a part of what it follows. */
#define CHECK_MEMORY (UINT64_C(2) << 30)
#define CHECK_PROCESSOR_S 20	 /* and a second for each GiB of data */
#define CHECK_WAIT_S 120	 /* for the storage, and */
#define CHECK_WAIT_GIB_S 10	 /* for each GiB of data */
#define CHECK_GIB_MAX (1u << 17) /* so that no sum overflows */

/* Fills name, as qemu-img takes it: only this layer is opened, by its descriptor. */
static void fill_check_node(char *name, size_t size, const struct image *img, const struct qcow2 *q)
{
	char data[160] = "";

	if (qcow2_has_data_file(q))
		snprintf(data, sizeof(data),
			"\"data-file\":{\"driver\":\"null-co\",\"read-zeroes\":true,"
			"\"size\":%llu},",
			(unsigned long long)q->size);
	snprintf(name, size,
		"json:{\"driver\":\"qcow2\",\"backing\":null,%s"
		"\"file\":{\"driver\":\"%s\",\"filename\":\"/proc/self/fd/%d\"}}",
		data, S_ISBLK(img->st.st_mode) ? "host_device" : "file", img->fd);
}

/* The header and the tables were accepted here, so what qemu-img refuses is corrupt. */
static int record_check_result(int status, struct buf *errors, const char *name)
{
	char line[300];

	qemu_img_reason(line, sizeof(line), errors, name);
	if (status == CHECK_FAILED && strstr(line, " lock"))
		return err_set(ST_BUSY, "in use: %s", line);
	if ((status != CHECK_FAILED && status != CHECK_CORRUPT && status != CHILD_STOPPED) ||
		strstr(line, "Cannot allocate memory"))
		return err_set(ST_FAILED, "qemu-img check failed (%d): %s", status, line);
	return err_set(ST_CORRUPT, "the qcow2 image is corrupt: %s", line);
}

static int check_by_qemu_img(struct image *img, const struct qcow2 *q, bool live, bool *leaks)
{
	char name[480];
	const char *const argv[] = { "qemu-img", "check", "-q", name, live ? "-U" : NULL, NULL };
	struct buf errors = BUF_INIT;
	struct child c = { .argv = argv,
		.keep_fd = img->fd,
		.ends_with_job = true,
		.memory = CHECK_MEMORY,
		.stop_at = "ERROR",
		.errors = &errors };
	uint64_t bytes;
	unsigned gib;
	int status;

	if (img->ops->allocated(img, &bytes) < 0)
		return -1;
	gib = bytes >> 30 < CHECK_GIB_MAX ? (unsigned)(bytes >> 30) : CHECK_GIB_MAX;
	c.processor_s = CHECK_PROCESSOR_S + gib;
	c.limit_ms = (int)(CHECK_WAIT_S + CHECK_WAIT_GIB_S * gib) * 1000;
	fill_check_node(name, sizeof(name), img, q);
	status = child_run(&c);
	*leaks = status == CHECK_LEAKS;
	if (status > 0 && !*leaks)
		record_check_result(status, &errors, name);
	buf_fini(&errors);
	return status == 0 || *leaks ? 0 : -1;
}

/* Refuses what qemu-img cannot check, or would report in other words. */
static int check_qcow2_header(const struct qcow2 *q)
{
	char text[QCOW2_TEXT_MAX];
	unsigned i;

	if (q->incompatible & QCOW2_CORRUPT)
		return err_set(ST_CORRUPT, "the qcow2 image is marked as corrupt (see qemu-img "
					   "check -r)");
	for (i = 0; i < QCOW2_FEATURES; i++)
		if (qcow2_unknown_feature(q, i, text))
			return err_set(ST_CORRUPT,
				"the qcow2 image has a feature that is not supported: %s", text);
	if (q->crypt)
		return err_set(ST_FAILED, "is encrypted: its structure cannot be checked "
					  "without the key");
	return 0;
}

int check_layer(struct image *img, bool live, struct check_result *out)
{
	const struct qcow2 *q = &img->content->qcow2;
	struct qcow2_check found;

	*out = (struct check_result){ .dirty = q->incompatible & QCOW2_DIRTY, .by = "qemu-img" };
	if (check_qcow2_header(q) < 0 || qcow2_tables_check(q, img->fd, img->len) < 0)
		return -1;
	if (child_has("qemu-img"))
		return check_by_qemu_img(img, q, live, &out->leaks);
	out->by = "img-tools";
	if (qcow2_check(q, img->fd, img->len, &found) < 0)
		return -1;
	out->leaks = found.leaks > 0;
	return 0;
}
