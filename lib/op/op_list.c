/*
 * list: what is in a container.
 *	REQUEST op=list, path (absent: the configured containers, or home), recursive
 *	RECORD  for each entry, as container.h has it; with `container`, its path
 *	OK
 */
#include <stdio.h>

#include "lib/op/op.h"
#include "lib/store/container.h"
#include "lib/store/group.h"
#include "lib/store/volume.h"

struct listing {
	struct session *session;
	const char *path;
};

static int send_entry(void *arg, const struct buf *record)
{
	struct listing *l = arg;
	struct buf b = BUF_INIT;
	int r;

	kv_add(&b, "container", l->path);
	buf_add(&b, record->data, record->len);
	r = op_record(l->session, &b);
	buf_fini(&b);
	return r;
}

static int list(struct session *s, const char *path, bool recursive)
{
	struct listing l = { s, path };

	return container_list(&s->limits, path, recursive, send_entry, &l);
}

static int list_group(void *arg, const char *group)
{
	struct volume_name name = { .name = "" };
	char path[VOLUME_PATH_MAX];

	snprintf(name.group, sizeof(name.group), "%s", group);
	return list(arg, volume_path(&name, path), false);
}

int op_list(struct session *s, const struct kv *request, struct buf *reply)
{
	const struct limits *roots = limits_roots(&s->limits);
	const char *path = kv_get(request, "path");
	bool recursive = op_flag(request, "recursive");
	size_t i;

	(void)reply;
	if (path)
		return list(s, path, recursive);
	if (!roots->limited)
		return list(s, ".", recursive);
	for (i = 0; i < roots->count; i++)
		if (list(s, roots->root[i].path, recursive) < 0)
			return -1;
	return group_each_name(&s->limits, list_group, s);
}
