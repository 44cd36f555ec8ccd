/*
 * volume_resize_mark: see volume_resize_mark.h.
 */
#include "lib/store/volume/volume_resize_mark.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"

int volume_resize_mark_find(
	struct volume_resize_mark *m, const struct lvm_volume *v, struct resize_record *pending)
{
	char *text = lvm_tag(v, VOLUME_TAG_RESIZE), *mark = lvm_tag(v, VOLUME_TAG_UNFINISHED);
	struct resize_record found;
	const char *run;
	int r = 0;

	if (text && strlen(text) < RESIZE_RECORD_MAX + RUN_TEXT_MAX)
		snprintf(m->tag, sizeof(m->tag), VOLUME_TAG_RESIZE "%s", text);
	run = text && mark ? resize_record_parse(&found, text) : NULL;
	if (run && *run == ':') {
		if (run_state(run + 1) != RUN_DEAD)
			r = err_set(ST_BUSY, "in use: another job is changing its size");
		*pending = found;
		snprintf(m->run, sizeof(m->run), "%s", run + 1);
	}
	free(text);
	free(mark);
	return r;
}

bool volume_resize_mark_awaits(const struct lvm_volume *v, const char *run)
{
	struct volume_resize_mark m = { .run = "" };
	struct resize_record pending = { .to = 0 };

	if (volume_resize_mark_find(&m, v, &pending) < 0)
		err_clear();
	return pending.fs && strcmp(m.run, run) == 0;
}

/* The old tag goes at the same moment, so that one of the two is always there. */
int volume_resize_mark_write(struct volume_resize_mark *m, const struct lvm_volume *v)
{
	char run[RUN_TEXT_MAX], record[RESIZE_RECORD_MAX], tag[RESIZE_TAG_MAX];

	if (run_self(run) < 0)
		return -1;
	snprintf(tag, sizeof(tag), VOLUME_TAG_RESIZE "%s:%s",
		resize_record_write(&m->record, record), run);
	if (strcmp(tag, m->tag) == 0)
		return 0; /* LVM would remove it */
	if (volume_swap_tag(v->group, v->own_uuid, tag, *m->tag ? m->tag : NULL) < 0)
		return -1;
	memcpy(m->tag, tag, sizeof(tag));
	return 0;
}

int volume_resize_mark_set(struct volume_resize_mark *m, const struct lvm_volume *v)
{
	if (volume_resize_mark_write(m, v) < 0)
		return -1;
	return volume_set_tag(v->group, v->own_uuid, VOLUME_TAG_UNFINISHED, true);
}

int volume_resize_mark_changing(
	struct volume_resize_mark *m, const struct lvm_volume *v, bool changing)
{
	if (m->record.changing == changing)
		return 0;
	m->record.changing = changing;
	return volume_resize_mark_write(m, v);
}

int volume_resize_mark_remove(struct volume_resize_mark *m, const struct lvm_volume *v)
{
	if (!*m->tag)
		return 0;
	if (volume_set_tag(v->group, v->own_uuid, VOLUME_TAG_UNFINISHED, false) < 0 ||
		volume_set_tag(v->group, v->own_uuid, m->tag, false) < 0)
		return -1;
	m->tag[0] = '\0';
	return 0;
}
