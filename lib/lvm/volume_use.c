/*
 * volume_use: whether a volume is open elsewhere is known only by the kernel's count.  udev
 * opens volumes for a moment, too.  So an open volume is checked again for some time; many
 * volumes are checked in the same time.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/lvm/dm.h"
#include "lib/lvm/volume.h"

#define LOOK_AGAIN_MS 50

int volume_is_open_elsewhere(int fd, unsigned own_opens, unsigned *wait_ms)
{
	unsigned count, all = VOLUME_OPEN_MS, *left = wait_ms ? wait_ms : &all;
	bool is_last = false;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys("cannot stat");
	for (;;) {
		if (dm_open_count(st.st_rdev, &count) < 0)
			return -1;
		if (count <= own_opens)
			return 0;
		if (is_last)
			return 1;
		poll(NULL, 0, LOOK_AGAIN_MS);
		is_last = *left <= LOOK_AGAIN_MS;
		*left -= is_last ? *left : LOOK_AGAIN_MS;
	}
}

struct open_check {
	const struct lvm_list *list;
	dev_t *dev; /* of each volume; 0: it is not open, or has no device */
};

/* Whether it is mounted or a part of another device: known without the count, and lasting. */
static bool has_exclusive_user(const struct lvm_volume *v)
{
	const struct volume_name name = volume_name_of(v);
	char path[VOLUME_PATH_MAX];
	int fd = open(volume_path(&name, path), O_RDONLY | O_EXCL | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return errno == EBUSY;
	close(fd);
	return false;
}

static int find_device(void *arg, const struct dm_id *id, dev_t dev)
{
	struct open_check *l = arg;
	size_t i;

	for (i = 0; i < l->list->count; i++)
		if (strcmp(l->list->volume[i].uuid, id->uuid) == 0 &&
			!has_exclusive_user(&l->list->volume[i]))
			l->dev[i] = dev;
	return 0;
}

/* Checks all volumes that were open before.  How many are still open. */
static size_t count_open(struct open_check *l)
{
	size_t i, n = 0;
	unsigned count;

	for (i = 0; i < l->list->count; i++) {
		if (!l->dev[i])
			continue;
		if (dm_open_count(l->dev[i], &count) < 0)
			count = 0; /* it was removed */
		if (count == 0)
			l->dev[i] = 0;
		n += count != 0;
	}
	err_clear();
	return n;
}

int volume_which_are_open(const struct lvm_list *list, bool *open)
{
	int64_t until = io_now_ms() + VOLUME_OPEN_MS;
	struct open_check l = { list, calloc(list->count + 1, sizeof(*l.dev)) };
	bool are_active = false;
	size_t i;
	int r = 0;

	if (!l.dev)
		return err_set(ST_FAILED, "out of memory");
	for (i = 0; i < list->count; i++)
		are_active = are_active || list->volume[i].is_active;
	if (are_active) /* else the kernel may lack a device mapper */
		r = dm_each(find_device, &l);
	while (r == 0 && count_open(&l) && io_now_ms() <= until)
		poll(NULL, 0, LOOK_AGAIN_MS);
	for (i = 0; i < list->count; i++)
		open[i] = l.dev[i] != 0;
	free(l.dev);
	return r;
}
