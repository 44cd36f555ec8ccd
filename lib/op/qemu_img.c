/*
 * qemu_img: without a backing node, QEMU would leave the new space unallocated, and a backing
 * file that is longer than the disk was would show its data there.  With one that is longer, it
 * marks the new space as zeros.  So a file of zeros in memory stands in for the backing file, and
 * is the standard input of qemu-img.  QEMU reads it only for the part of the last cluster that
 * this layer does not have.
 */
#include "lib/op/qemu_img.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/base/child.h"
#include "lib/base/err.h"

#define NODE_MAX 480
#define OPEN_MEMORY (UINT64_C(2) << 30)
#define OPEN_PROCESSOR_S 60
#define OPEN_MS 120000

void qemu_img_reason(char *out, size_t size, struct buf *errors, const char *name)
{
	const char *p = buf_str(errors), *at;

	at = strstr(p, "\nERROR");
	if (at)
		p = at + 1;
	if (strncmp(p, "qemu-img: ", 10) == 0)
		p += 10;
	at = strstr(p, name);
	if (at && strncmp(at + strlen(name), "': ", 3) == 0)
		p = at + strlen(name) + 3;
	snprintf(out, size, "%.*s", (int)strcspn(p, "\n"), p);
}

const char *qemu_img_file(char out[QEMU_IMG_FILE_MAX], int fd, bool is_device, bool is_locked)
{
	snprintf(out, QEMU_IMG_FILE_MAX, "{\"driver\":\"%s\",%s\"filename\":\"/proc/self/fd/%d\"}",
		is_device ? "host_device" : "file", is_locked ? "" : "\"locking\":\"off\",", fd);
	return out;
}

/* The layer, as qemu-img takes it.  with_zeros: its backing file is its standard input. */
static void fill_node(char *node, int fd, bool is_device, bool with_zeros)
{
	char file[QEMU_IMG_FILE_MAX], zeros[QEMU_IMG_FILE_MAX];
	const char *before = "null", *after = "";

	if (with_zeros) {
		before = "{\"driver\":\"raw\",\"file\":";
		after = "}";
	}
	qemu_img_file(zeros, 0, false, false);
	snprintf(node, NODE_MAX, "json:{\"driver\":\"qcow2\",\"backing\":%s%s%s,\"file\":%s}",
		before, with_zeros ? zeros : "", after, qemu_img_file(file, fd, is_device, false));
}

/* Before version 5.1, QEMU does not mark the new space as zeros. */
static int check_version(void)
{
	static const char *const argv[] = { "qemu-img", "--version", NULL };
	struct buf out = BUF_INIT;
	const struct child c = {
		.argv = argv, .keep_fd = -1, .ends_with_job = true, .limit_ms = OPEN_MS, .out = &out
	};
	unsigned major = 0, minor = 0;
	int status = child_run(&c);

	if (status >= 0 &&
		(sscanf(buf_str(&out), "qemu-img version %3u.%3u", &major, &minor) != 2 ||
			major < 5 || (major == 5 && minor < 1)))
		status = err_set(ST_FAILED, "qemu-img is older than version 5.1, which is needed "
					    "for an image whose new space must be hidden");
	buf_fini(&out);
	return status < 0 ? -1 : 0;
}

int qemu_img_open(int fd, bool is_device, bool with_zeros)
{
	char node[NODE_MAX], line[300];
	const char *const argv[] = { "qemu-img", "info", node, NULL };
	struct buf errors = BUF_INIT;
	const struct child c = { .argv = argv,
		.keep_fd = fd,
		.ends_with_job = true,
		.limit_ms = OPEN_MS,
		.processor_s = OPEN_PROCESSOR_S,
		.memory = OPEN_MEMORY,
		.errors = &errors };
	int status;

	if (with_zeros && check_version() < 0)
		return -1;
	fill_node(node, fd, is_device, false);
	status = child_run(&c);
	if (status > 0) {
		qemu_img_reason(line, sizeof(line), &errors, node);
		if (status == 1 && !strstr(line, "Cannot allocate memory"))
			err_set(ST_CORRUPT, "the qcow2 image is corrupt: %s", line);
		else
			err_set(ST_FAILED, "qemu-img info failed (%d): %s", status, line);
	}
	buf_fini(&errors);
	return status == 0 ? 0 : -1;
}

/* Runs it with zeros, a descriptor or 0, as its standard input. */
static int run_resize(const char *node, int fd, uint64_t size, int zeros)
{
	char line[300], text[32];
	const char *const argv[] = { "qemu-img", "resize", "-q", node, text, NULL };
	struct buf errors = BUF_INIT;
	const struct child c = {
		.argv = argv, .keep_fd = fd, .in_fd = zeros, .own_session = true, .errors = &errors
	};
	int status;

	snprintf(text, sizeof(text), "%" PRIu64, size);
	status = child_run(&c);
	if (status > 128) {
		err_set(ST_FAILED, "qemu-img resize was killed by signal %d", status - 128);
	} else if (status > 0) {
		qemu_img_reason(line, sizeof(line), &errors, node);
		err_set(strstr(line, "No space left on device") ? ST_NOROOM : ST_FAILED,
			"qemu-img resize failed (%d): %s", status, line);
	}
	buf_fini(&errors);
	return status == 0 ? 0 : -1;
}

int qemu_img_resize(int fd, bool is_device, uint64_t size, bool with_zeros)
{
	int zeros = 0, r = -1;
	char node[NODE_MAX];

	fill_node(node, fd, is_device, with_zeros);
	if (with_zeros) {
		zeros = memfd_create("zeros", MFD_CLOEXEC);
		if (zeros < 0 || ftruncate(zeros, (off_t)size) < 0) {
			err_sys("cannot create a file in memory");
			goto out;
		}
	}
	r = run_resize(node, fd, size, zeros);
out:
	if (zeros > 0)
		close(zeros);
	return r;
}
