/*
 * qmp_node: by query-blockstats, which names for each node the one that it stands on, as its
 * "parent", and which can be called while a block job runs.
 */
#include "lib/host/qmp_node.h"

#include <string.h>

#include "lib/base/err.h"
#include "lib/base/text.h"

#define NAME_MAX_SHOWN 128

json_t *qmp_node_list(struct qmp *q)
{
	json_t *arguments = json_object(), *list;

	json_object_set_new(arguments, "query-nodes", json_true());
	if (qmp_call(q, "query-blockstats", arguments, &list) < 0)
		return NULL;
	if (json_is_array(list))
		return list;
	json_decref(list);
	err_set(ST_FAILED, "QEMU's reply to 'query-blockstats' is not a list");
	return NULL;
}

static const char *node_name(json_t *entry)
{
	return json_string_value(json_object_get(entry, "node-name"));
}

int qmp_node_above(json_t *list, const char *node, const char **above)
{
	const char *name, *below;
	char safe[NAME_MAX_SHOWN];
	json_t *entry;
	size_t i;

	*above = NULL;
	json_array_foreach(list, i, entry)
	{
		name = node_name(entry);
		below = node_name(json_object_get(entry, "parent"));
		if (!name || !below || strcmp(below, node) != 0 || strcmp(name, node) == 0)
			continue;
		if (*above)
			return err_set(ST_REFUSED, "QEMU uses its node '%s' for several others",
				text_safe(node, safe, sizeof(safe)));
		*above = name;
	}
	return *above != NULL;
}

const char *qmp_node_below(json_t *list, const char *node)
{
	const char *name;
	json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry)
	{
		name = node_name(entry);
		if (name && strcmp(name, node) == 0)
			return node_name(json_object_get(entry, "parent"));
	}
	return NULL;
}

/* member: the object in an entry that names the node; NULL: the entry itself does. */
static int is_in_list(struct qmp *q, const char *command, const char *member, const char *node)
{
	const char *name;
	json_t *list, *entry;
	size_t i;
	int is = 0;

	if (qmp_call(q, command, NULL, &list) < 0) {
		/* qemu-storage-daemon has no devices, and QEMU before 5.2 no exports. */
		if (strcmp(qmp_error_class(q), "CommandNotFound") != 0)
			return -1;
		err_clear();
		return 0;
	}
	json_array_foreach(list, i, entry)
	{
		name = node_name(member ? json_object_get(entry, member) : entry);
		is |= name && strcmp(name, node) == 0;
	}
	json_decref(list);
	return is;
}

int qmp_node_is_used(struct qmp *q, const char *node)
{
	int is = is_in_list(q, "query-block", "inserted", node);

	return is ? is : is_in_list(q, "query-block-exports", NULL, node);
}

uint64_t qmp_node_end(json_t *list, const char *node)
{
	json_int_t end;
	json_t *entry;
	size_t i;

	json_array_foreach(list, i, entry)
	{
		if (!node_name(entry) || strcmp(node_name(entry), node) != 0)
			continue;
		end = json_integer_value(
			json_object_get(json_object_get(entry, "stats"), "wr_highest_offset"));
		return end > 0 ? (uint64_t)end : 0;
	}
	return 0;
}

int qmp_node_remove(struct qmp *q, const char *node)
{
	json_t *arguments = json_object();

	json_object_set_new(arguments, "node-name", json_string(node));
	if (qmp_call(q, "blockdev-del", arguments, NULL) == 0)
		return 0;
	if (!*qmp_error_class(q))
		return -1;
	err_clear();
	return 0;
}
