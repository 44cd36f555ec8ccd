/*
 * qemu_check: see qemu_check.h.
 */
#include "lib/op/qemu_check.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/child.h"
#include "lib/base/err.h"
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
static int fill_check_node(
	char *name, size_t size, int fd, const struct qcow2 *q, enum qemu_check_how how)
{
	char data[160] = "", file[QEMU_IMG_FILE_MAX];
	struct stat st;

	if (qcow2_has_data_file(q))
		snprintf(data, sizeof(data),
			"\"data-file\":{\"driver\":\"null-co\",\"read-zeroes\":true,"
			"\"size\":%llu},",
			(unsigned long long)q->size);
	if (fstat(fd, &st) < 0)
		return err_sys("cannot stat");
	snprintf(name, size, "json:{\"driver\":\"qcow2\",\"backing\":null,%s\"file\":%s}", data,
		qemu_img_file(file, fd, S_ISBLK(st.st_mode), how != QEMU_CHECK_LOCKED));
	return 0;
}

/* The header and the tables were accepted here, so what qemu-img refuses is corrupt. */
static int record_result(int status, struct buf *errors, const char *name)
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

int qemu_check_layer(
	int fd, const struct qcow2 *q, uint64_t bytes, enum qemu_check_how how, bool *leaks)
{
	char name[480];
	const char *const argv[] = { "qemu-img", "check", "-q", name,
		how == QEMU_CHECK_LIVE ? "-U" : NULL, NULL };
	struct buf errors = BUF_INIT;
	struct child c = { .argv = argv,
		.keep_fd = fd,
		.ends_with_job = true,
		.memory = CHECK_MEMORY,
		.stop_at = "ERROR",
		.errors = &errors };
	unsigned gib = bytes >> 30 < CHECK_GIB_MAX ? (unsigned)(bytes >> 30) : CHECK_GIB_MAX;
	int status;

	c.processor_s = CHECK_PROCESSOR_S + gib;
	c.limit_ms = (int)(CHECK_WAIT_S + CHECK_WAIT_GIB_S * gib) * 1000;
	if (fill_check_node(name, sizeof(name), fd, q, how) < 0)
		return -1;
	status = child_run(&c);
	*leaks = status == CHECK_LEAKS;
	if (status > 0 && !*leaks)
		record_result(status, &errors, name);
	buf_fini(&errors);
	return status == 0 || *leaks ? 0 : -1;
}

int qemu_check_repair(int fd, const struct qcow2 *q)
{
	char name[480], line[300];
	const char *const argv[] = { "qemu-img", "check", "-q", "-r", "all", name, NULL };
	struct buf errors = BUF_INIT;
	const struct child c = {
		.argv = argv, .keep_fd = fd, .own_session = true, .errors = &errors
	};
	int status;

	if (fill_check_node(name, sizeof(name), fd, q, QEMU_CHECK_LOCKED) < 0)
		return -1;
	status = child_run(&c);
	if (status > 0 && status != CHECK_LEAKS) {
		qemu_img_reason(line, sizeof(line), &errors, name);
		err_set(strstr(line, "No space left on device") ? ST_NOROOM : ST_FAILED,
			"qemu-img check -r failed (%d): %s", status, line);
	}
	buf_fini(&errors);
	return status == 0 || status == CHECK_LEAKS ? 0 : -1;
}
