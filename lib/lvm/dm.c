/*
 * dm: each function makes one ioctl, with a buffer of fixed size.  Only the list
 * of all devices can be longer, so its buffer grows.
 */
#include "lib/lvm/dm.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/hint.h"
#include "lib/base/io.h"

#define CONTROL "/dev/mapper/control"
#define REPLY_SIZE 4096
#define LIST_MIN (16u << 10) /* bytes of the buffer for a list of all devices: initially, */
#define LIST_MAX (16u << 20) /* and at most */
#define SECTOR 512
#define LVM_UUID_LEN (4 + 32 + 32) /* "LVM-", the UUID of the group, that of the volume */

struct request {
	struct dm_ioctl head;
	char rest[REPLY_SIZE];
};

int dm_id(dev_t dev, struct dm_id *id)
{
	char path[64];

	memset(id, 0, sizeof(*id));
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/dm/name", major(dev), minor(dev));
	if (io_read_line(path, id->name, sizeof(id->name)) < 0)
		return 0;
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/dm/uuid", major(dev), minor(dev));
	io_read_line(path, id->uuid, sizeof(id->uuid));
	return 1;
}

bool dm_is_volume(const struct dm_id *id)
{
	return strncmp(id->uuid, "LVM-", 4) == 0 && strlen(id->uuid) == LVM_UUID_LEN;
}

bool dm_is_internal(const struct dm_id *id)
{
	return strncmp(id->uuid, "LVM-", 4) == 0 && strlen(id->uuid) > LVM_UUID_LEN &&
	       id->uuid[LVM_UUID_LEN] == '-';
}

bool dm_has_suffix(const struct dm_id *id, const char *suffix)
{
	return dm_is_internal(id) && strcmp(id->uuid + LVM_UUID_LEN, suffix) == 0;
}

size_t dm_name_len(const char *group, const char *volume)
{
	size_t n = strlen(group) + 1 + strlen(volume);

	for (; *group; group++)
		n += *group == '-';
	for (; *volume; volume++)
		n += *volume == '-';
	return n;
}

bool dm_split(const char *name, char group[DM_TEXT_MAX], char volume[DM_TEXT_MAX])
{
	char *out = group;
	size_t n = 0;

	for (; *name; name++) {
		if (name[0] == '-' && name[1] == '-') {
			name++;
		} else if (name[0] == '-') {
			if (out == volume)
				return false;
			out[n] = '\0';
			out = volume;
			n = 0;
			continue;
		}
		if (n + 1 == DM_TEXT_MAX)
			return false;
		out[n++] = *name;
	}
	out[n] = '\0';
	return out == volume && *group && *volume;
}

/* A device number in the 64-bit encoding of the kernel (huge_encode_dev()). */
static uint64_t dev_encode(dev_t dev)
{
	return (minor(dev) & 0xff) | ((uint64_t)major(dev) << 8) |
	       ((uint64_t)(minor(dev) & ~0xffu) << 12);
}

static dev_t dev_decode(uint64_t number)
{
	return makedev((number >> 8) & 0xfff, (number & 0xff) | ((number >> 12) & 0xfff00));
}

static int dm_control(unsigned long what, dev_t dev, uint32_t flags, struct request *r)
{
	int fd = open(CONTROL, O_RDWR | O_CLOEXEC), rc;

	if (fd < 0 && errno == EACCES)
		return err_set(ST_REFUSED, "the device mapper needs root (%s)", hint_sudo());
	if (fd < 0)
		return err_sys("cannot open '%s'", CONTROL);
	r->head.version[0] = DM_VERSION_MAJOR;
	r->head.data_size = sizeof(*r);
	r->head.data_start = sizeof(r->head);
	r->head.dev = dev_encode(dev);
	r->head.flags = flags;
	rc = ioctl(fd, what, r);
	if (rc < 0)
		err_sys("the device mapper request for device %u:%u failed", major(dev),
			minor(dev));
	close(fd);
	return rc < 0 ? -1 : 0;
}

int dm_open_count(dev_t dev, unsigned *count)
{
	struct request r;

	memset(&r, 0, sizeof(r));
	if (dm_control(DM_DEV_STATUS, dev, 0, &r) < 0)
		return -1;
	*count = r.head.open_count < 0 ? 0 : (unsigned)r.head.open_count;
	return 0;
}

static int dm_single_target(dev_t dev, uint32_t flags, char *out, size_t size)
{
	struct dm_target_spec spec;
	struct request r;
	const char *end;
	size_t at;

	memset(&r, 0, sizeof(r));
	if (dm_control(DM_TABLE_STATUS, dev, flags, &r) < 0)
		return -1;
	at = r.head.data_start - sizeof(r.head);
	if (r.head.target_count != 1 || (r.head.flags & DM_BUFFER_FULL_FLAG) ||
		r.head.data_start < sizeof(r.head) || at + sizeof(spec) >= sizeof(r.rest))
		return err_set(ST_FAILED, "device %u:%u does not have exactly one target",
			major(dev), minor(dev));
	memcpy(&spec, r.rest + at, sizeof(spec));
	at += sizeof(spec);
	end = memchr(r.rest + at, '\0', sizeof(r.rest) - at);
	if (!end)
		return err_set(ST_FAILED, "the status of device %u:%u is not terminated",
			major(dev), minor(dev));
	snprintf(out, size, "%.*s %s", DM_MAX_TYPE_NAME, spec.target_type, r.rest + at);
	return 0;
}

int dm_status(dev_t dev, char *out, size_t size)
{
	return dm_single_target(dev, DM_NOFLUSH_FLAG, out, size);
}

int dm_table(dev_t dev, char *out, size_t size)
{
	return dm_single_target(dev, DM_STATUS_TABLE_FLAG | DM_NOFLUSH_FLAG, out, size);
}

int dm_snapshot_usage(dev_t dev, struct dm_usage *usage)
{
	unsigned long long used, all;
	char text[256], table[256];
	unsigned chunk = 0;

	memset(usage, 0, sizeof(*usage));
	if (dm_status(dev, text, sizeof(text)) < 0 || dm_table(dev, table, sizeof(table)) < 0)
		return -1;
	if (strncmp(text, "snapshot ", 9) != 0 ||
		sscanf(table, "snapshot %*s %*s %*s %u", &chunk) != 1 || chunk == 0)
		return err_set(ST_FAILED, "device %u:%u is not a thick snapshot: %s", major(dev),
			minor(dev), text);
	usage->chunk = (uint64_t)chunk * SECTOR;
	if (sscanf(text, "snapshot %llu/%llu", &used, &all) != 2 || all == 0) {
		usage->invalid = true; /* "Invalid", "Overflow", "Merge failed", "Unknown" */
		return 0;
	}
	usage->used = (double)used / (double)all;
	usage->space = all * SECTOR;
	return 0;
}

bool dm_snapshot_may_overflow(const struct dm_usage *usage, uint64_t origin_bytes)
{
	uint64_t chunks = (origin_bytes + usage->chunk - 1) / usage->chunk;
	uint64_t lists = chunks / (usage->chunk / 16) + 1;

	return usage->space < (1 + lists + chunks) * usage->chunk; /* 1: the header */
}

int dm_message(dev_t dev, const char *text)
{
	struct dm_target_msg *m;
	struct request r;

	memset(&r, 0, sizeof(r));
	m = (struct dm_target_msg *)(void *)r.rest;
	if (strlen(text) >= sizeof(r.rest) - sizeof(*m))
		return err_set(ST_FAILED, "the message to device %u:%u is too long", major(dev),
			minor(dev));
	memcpy(m->message, text, strlen(text));
	return dm_control(DM_TARGET_MSG, dev, 0, &r);
}

int dm_state(dev_t dev, struct dm_state *state)
{
	struct request r;

	memset(&r, 0, sizeof(r));
	memset(state, 0, sizeof(*state));
	if (dm_control(DM_DEV_STATUS, dev, 0, &r) < 0)
		return -1;
	state->is_suspended = r.head.flags & DM_SUSPEND_FLAG;
	state->has_table = r.head.flags & DM_ACTIVE_PRESENT_FLAG;
	state->has_next = r.head.flags & DM_INACTIVE_PRESENT_FLAG;
	state->opens = r.head.open_count < 0 ? 0 : (unsigned)r.head.open_count;
	return 0;
}

int dm_lies_on_suspended(dev_t dev)
{
	struct dm_target_deps below;
	struct dm_state state;
	struct dm_id id;
	struct request r;
	uint64_t number;
	size_t at;
	uint32_t i;

	memset(&r, 0, sizeof(r));
	if (dm_control(DM_TABLE_DEPS, dev, 0, &r) < 0)
		return -1;
	at = r.head.data_start - sizeof(r.head);
	if ((r.head.flags & DM_BUFFER_FULL_FLAG) || r.head.data_start < sizeof(r.head) ||
		at + sizeof(below) > sizeof(r.rest))
		return err_set(
			ST_FAILED, "device %u:%u lies on too many devices", major(dev), minor(dev));
	memcpy(&below, r.rest + at, sizeof(below));
	at += sizeof(below);
	for (i = 0; i < below.count && at + sizeof(number) <= sizeof(r.rest); i++) {
		memcpy(&number, r.rest + at, sizeof(number));
		at += sizeof(number);
		if (dm_id(dev_decode(number), &id) && dm_state(dev_decode(number), &state) == 0 &&
			state.is_suspended)
			return 1;
	}
	err_clear(); /* recorded for a device that was removed meanwhile */
	return 0;
}

/* The reply of DM_LIST_DEVICES; the caller frees it.  NULL with an error recorded. */
static struct dm_ioctl *dm_list(void)
{
	struct dm_ioctl *all = NULL, *larger;
	size_t size;
	int fd = open(CONTROL, O_RDWR | O_CLOEXEC), r = 0;

	if (fd < 0) {
		err_sys("cannot open '%s'", CONTROL);
		return NULL;
	}
	for (size = LIST_MIN; size <= LIST_MAX; size *= 2) {
		larger = realloc(all, size);
		if (!larger)
			break;
		all = larger;
		memset(all, 0, sizeof(*all));
		all->version[0] = DM_VERSION_MAJOR;
		all->data_size = (uint32_t)size;
		all->data_start = sizeof(*all);
		r = ioctl(fd, DM_LIST_DEVICES, all);
		if (r < 0 || !(all->flags & DM_BUFFER_FULL_FLAG))
			break;
	}
	if (r < 0)
		err_sys("cannot list the devices of the device mapper");
	else if (!all || (all->flags & DM_BUFFER_FULL_FLAG))
		r = err_set(ST_FAILED, "cannot list the devices of the device mapper: too many");
	close(fd);
	if (r == 0)
		return all;
	free(all);
	return NULL;
}

/* Like dm_id(), but also for a device that never had a table: that is not in /sys. */
static bool dm_id_of_any(struct dm_id *id, dev_t dev, const char *name)
{
	struct request r;

	memset(&r, 0, sizeof(r));
	memset(id, 0, sizeof(*id));
	snprintf(id->name, sizeof(id->name), "%s", name);
	if (dm_control(DM_DEV_STATUS, dev, 0, &r) < 0) {
		err_clear(); /* the device was removed meanwhile */
		return false;
	}
	snprintf(id->uuid, sizeof(id->uuid), "%s", r.head.uuid);
	return true;
}

int dm_each(int (*each)(void *arg, const struct dm_id *id, dev_t dev), void *arg)
{
	struct dm_ioctl *all = dm_list();
	const struct dm_name_list *entry;
	uint32_t at, next;
	struct dm_id id;
	dev_t dev;
	int r = 0;

	if (!all)
		return -1;
	for (at = all->data_start; r == 0 && at + sizeof(*entry) < all->data_size; at += next) {
		entry = (const void *)((const char *)all + at);
		dev = dev_decode(entry->dev);
		if (entry->dev && dm_id_of_any(&id, dev, entry->name))
			r = each(arg, &id, dev);
		next = entry->next;
		if (next == 0)
			break;
	}
	free(all);
	return r;
}

static int dm_command(unsigned long what, dev_t dev)
{
	struct request r;

	memset(&r, 0, sizeof(r));
	return dm_control(what, dev, 0, &r);
}

int dm_resume(dev_t dev)
{
	return dm_command(DM_DEV_SUSPEND, dev); /* without DM_SUSPEND_FLAG it resumes */
}

int dm_forget_next(dev_t dev)
{
	return dm_command(DM_TABLE_CLEAR, dev);
}

int dm_remove(dev_t dev)
{
	return dm_command(DM_DEV_REMOVE, dev);
}
