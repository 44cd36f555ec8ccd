/*
 * qmp_block: see qmp_block.h.  A value of another type than QEMU's schema says counts as missing.
 */
#include "lib/host/qmp_block.h"

#include <linux/limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/err.h"

/* A number of bytes; 0 if it is missing or negative. */
static uint64_t qmp_bytes(json_t *object, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(object, key));

	return n > 0 ? (uint64_t)n : 0;
}

/* Calls a command with one flag that is set; the reply is a list.  NULL recorded. */
static json_t *qmp_list(struct qmp *q, const char *command, const char *flag)
{
	json_t *arguments = flag ? json_object() : NULL, *list;

	if (flag)
		json_object_set_new(arguments, flag, json_true());
	if (qmp_call(q, command, arguments, &list) < 0)
		return NULL;
	if (json_is_array(list))
		return list;
	json_decref(list);
	err_set(ST_FAILED, "QEMU's reply to '%s' is not a list", command);
	return NULL;
}

/* A job that has ended stays in the list until it is dismissed. */
static bool is_job_running(json_t *job)
{
	const char *status = json_string_value(json_object_get(job, "status"));

	return !status || strcmp(status, "concluded") != 0;
}

static int qmp_refuse_jobs(struct qmp *q)
{
	json_t *jobs = qmp_list(q, "query-block-jobs", NULL), *job;
	size_t count = 0, i;

	if (!jobs)
		return -1;
	json_array_foreach(jobs, i, job) count += is_job_running(job);
	json_decref(jobs);
	if (count == 0)
		return 0;
	return err_set(ST_BUSY, "a block job is running in QEMU, which could crash if its disks "
				"were listed meanwhile");
}

const char *qmp_block_directory(const struct qmp *q, char out[PATH_MAX])
{
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%ld/cwd", (long)qmp_peer(q));
	n = qmp_peer(q) > 0 ? readlink(link, out, PATH_MAX - 1) : -1;
	if (n <= 0 || out[0] != '/')
		return NULL;
	out[n] = '\0';
	return out;
}

static bool is_disk_driver(const char *driver)
{
	return driver && (strcmp(driver, "file") == 0 || strcmp(driver, "host_device") == 0);
}

/* Adds a node if it is a disk.  0, or -1 recorded. */
static int add_block_node(
	struct live *out, const struct policy *policy, const char *directory, json_t *node)
{
	const char *path = json_string_value(json_object_get(node, "file"));
	const char *name = json_string_value(json_object_get(node, "node-name"));
	struct live_disk *disk;

	if (!is_disk_driver(json_string_value(json_object_get(node, "drv"))) || !path || !name)
		return 0;
	disk = live_add(out, policy, directory, path, name);
	if (!disk)
		return err_status() == ST_OK ? 0 : -1;
	disk->threshold = qmp_bytes(node, "write_threshold");
	return 0;
}

int qmp_block_list(struct qmp *q, const struct policy *policy, struct live *out)
{
	char directory[PATH_MAX];
	const char *start = qmp_block_directory(q, directory);
	json_t *nodes, *node;
	int r = 0;
	size_t i;

	if (qmp_refuse_jobs(q) < 0)
		return -1;
	nodes = qmp_list(q, "query-named-block-nodes", "flat");
	if (!nodes)
		return -1;
	json_array_foreach(nodes, i, node)
	{
		r = add_block_node(out, policy, start, node);
		if (r < 0)
			break;
	}
	json_decref(nodes);
	return r < 0 ? -1 : qmp_block_update(q, out);
}

/* Whoever opens it anew counts from 0, and what was reported before is of no use then. */
static void set_end(struct live_disk *disk, uint64_t end)
{
	if (end < disk->end)
		disk->passed = 0;
	disk->end = end;
}

int qmp_block_update(struct qmp *q, struct live *l)
{
	json_t *list = qmp_list(q, "query-blockstats", "query-nodes"), *entry, *stats;
	const char *name;
	size_t i, k;

	if (!list)
		return -1;
	json_array_foreach(list, i, entry)
	{
		name = json_string_value(json_object_get(entry, "node-name"));
		stats = json_object_get(entry, "stats");
		for (k = 0; name && k < l->count; k++)
			if (l->disk[k].node && strcmp(l->disk[k].node, name) == 0)
				set_end(&l->disk[k], qmp_bytes(stats, "wr_highest_offset"));
	}
	json_decref(list);
	return 0;
}
