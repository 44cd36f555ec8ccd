/*
 * guest_watch_qmp: a guest that is watched by QEMU's monitor.
 *
 *	block-set-write-threshold	{"node-name": "p1", "write-threshold": 12582912}
 *	BLOCK_WRITE_THRESHOLD		{"node-name": "p1", "write-threshold": 12582912,
 *					 "amount-exceeded": 65536}
 *	query-status			{"status": "io-error", "running": false, ...}
 *	query-block			[{"device": "d0", "io-status": "nospace",
 *					  "inserted": {"file": "/dev/vg/lv", ...}, ...}]
 *
 * The node is the one that writes to the file or device (qmp_block.h).  QEMU pauses all of a guest
 * if one of its disks is full, with the status "io-error" for any error of a disk.
 */
#include <linux/limits.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/host/guest_watch.h"
#include "lib/host/qmp_block.h"
#include "lib/host/qmp_node.h"

#define TAKE_MAX QMP_EVENTS_MAX /* in one call, so that the disks are looked at meanwhile */

int guest_watch_qmp_open(struct guest_watch *g)
{
	g->qmp = qmp_open(g->policy, g->socket, g->owner);
	if (!g->qmp)
		return -1;
	qmp_set_limit(g->qmp, GUEST_WATCH_ANSWER_MS);
	return 0;
}

int guest_watch_qmp_list(struct guest_watch *g, struct live *out)
{
	return qmp_block_list(g->qmp, g->policy, out);
}

int guest_watch_qmp_update(struct guest_watch *g)
{
	return qmp_block_update(g->qmp, &g->live);
}

/* 1: the disks are to be looked at. */
static int take_event(struct guest_watch *g, json_t *event)
{
	static const char *const wakes[] = { "BLOCK_JOB_COMPLETED", "BLOCK_JOB_CANCELLED", "STOP",
		NULL };
	const char *name = json_string_value(json_object_get(event, "event")), *const * wake;
	json_t *data = json_object_get(event, "data");
	const char *node = json_string_value(json_object_get(data, "node-name"));
	json_int_t threshold = json_integer_value(json_object_get(data, "write-threshold"));
	json_int_t exceeded = json_integer_value(json_object_get(data, "amount-exceeded"));

	if (name && strcmp(name, "BLOCK_WRITE_THRESHOLD") == 0) {
		if (node && threshold > 0 && exceeded >= 0)
			guest_watch_note(g, node, (uint64_t)threshold, (uint64_t)exceeded);
		return 1;
	}
	for (wake = wakes; name && *wake; wake++)
		if (strcmp(name, *wake) == 0) {
			g->is_stale |= strncmp(name, "BLOCK_JOB_", strlen("BLOCK_JOB_")) == 0;
			return 1;
		}
	return 0;
}

int guest_watch_qmp_take(struct guest_watch *g)
{
	int got = 1, i, something = qmp_lost_events(g->qmp);
	json_t *event;

	for (i = 0; i < TAKE_MAX && got > 0; i++) {
		got = qmp_event(g->qmp, NULL, 0, &event);
		if (got > 0) {
			something |= take_event(g, event);
			json_decref(event);
		}
	}
	/* What is left may be of any kind, and the descriptor need not become readable for it. */
	if (got > 0)
		g->is_stale = true;
	return got < 0 ? -1 : something || got;
}

int guest_watch_qmp_set(struct guest_watch *g, const struct live_disk *disk, uint64_t threshold)
{
	json_t *arguments = json_object();

	json_object_set_new(arguments, "node-name", json_string(disk->node));
	json_object_set_new(arguments, "write-threshold", json_integer((json_int_t)threshold));
	return qmp_call(g->qmp, "block-set-write-threshold", arguments, NULL);
}

/* Whether the guest is paused by an error of a disk: 1, 0, or -1 recorded. */
static int has_stopped(struct guest_watch *g)
{
	const char *status;
	json_t *reply;
	int is;

	if (qmp_call(g->qmp, "query-status", NULL, &reply) < 0) {
		/* qemu-storage-daemon has no guest. */
		if (strcmp(qmp_error_class(g->qmp), "CommandNotFound") != 0)
			return -1;
		err_clear();
		return 0;
	}
	status = json_string_value(json_object_get(reply, "status"));
	is = status && strcmp(status, "io-error") == 0;
	json_decref(reply);
	return is;
}

/* The disk below a node, which may be a filter such as "throttle"; NULL: none that is watched. */
static const struct live_disk *find_below(
	const struct guest_watch *g, json_t *nodes, const char *node)
{
	size_t left = json_array_size(nodes) + 1, i;

	for (; node && left > 0; left--, node = qmp_node_below(nodes, node))
		for (i = 0; i < g->live.count; i++)
			if (g->live.disk[i].node && strcmp(g->live.disk[i].node, node) == 0)
				return &g->live.disk[i];
	return NULL;
}

/* Whether a device that was full has got space. */
static bool has_device_space(struct guest_watch *g, const char *directory, json_t *nodes,
	json_t *device, guest_watch_has_space *has_space, void *arg)
{
	json_t *inserted = json_object_get(device, "inserted");
	const char *file = json_string_value(json_object_get(inserted, "file"));
	const struct live_disk *disk =
		find_below(g, nodes, json_string_value(json_object_get(inserted, "node-name")));
	struct live found = LIVE_INIT;
	bool has;

	if (disk)
		return has_space(arg, &disk->st);
	if (file)
		live_add(&found, g->policy, directory, file, NULL);
	err_clear();
	has = found.count > 0 && has_space(arg, &found.disk[0].st);
	live_fini(&found);
	return has;
}

/* Whether at least one device was full, none has another error, and all have space again. */
static bool have_space(struct guest_watch *g, json_t *nodes, json_t *devices,
	guest_watch_has_space *has_space, void *arg)
{
	char directory[PATH_MAX];
	const char *start = qmp_block_directory(g->qmp, directory), *status;
	size_t i, full = 0;
	json_t *device;

	json_array_foreach(devices, i, device)
	{
		status = json_string_value(json_object_get(device, "io-status"));
		if (!status || strcmp(status, "ok") == 0)
			continue;
		if (strcmp(status, "nospace") != 0 ||
			!has_device_space(g, start, nodes, device, has_space, arg))
			return false;
		full++;
	}
	return full > 0;
}

int guest_watch_qmp_resume(struct guest_watch *g, guest_watch_has_space *has_space, void *arg)
{
	int r = has_stopped(g);
	json_t *devices, *nodes;

	if (r <= 0)
		return r;
	if (qmp_call(g->qmp, "query-block", NULL, &devices) < 0)
		return -1;
	nodes = qmp_node_list(g->qmp);
	r = nodes ? have_space(g, nodes, devices, has_space, arg) : -1;
	json_decref(nodes);
	json_decref(devices);
	if (r <= 0)
		return r;
	return qmp_call(g->qmp, "cont", NULL, NULL) < 0 ? -1 : 1;
}
