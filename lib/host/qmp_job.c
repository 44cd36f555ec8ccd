/*
 * qmp_job: the list of query-block-jobs has jobs of the new interface (job-dismiss, ...), too.
 */
#include "lib/host/qmp_job.h"

#include <string.h>

#include "lib/base/err.h"
#include "lib/base/text.h"

static void set_text(json_t *object, const char *key, const char *text)
{
	if (text)
		json_object_set_new(object, key, json_string(text));
}

int qmp_job_commit(struct qmp *q, const struct qmp_job_commit *c)
{
	json_t *arguments = json_object();

	set_text(arguments, "job-id", c->id);
	set_text(arguments, "device", c->root);
	set_text(arguments, "top-node", c->top);
	set_text(arguments, "base-node", c->base);
	set_text(arguments, "backing-file", c->backing);
	if (c->masks_protocol)
		json_object_set_new(arguments, "backing-mask-protocol", json_true());
	/* Other errors than a full disk end the job, and it can be started again. */
	set_text(arguments, "on-error", "enospc");
	json_object_set_new(arguments, "auto-finalize", json_true());
	json_object_set_new(arguments, "auto-dismiss", json_false());
	return qmp_call(q, "block-commit", arguments, NULL);
}

int qmp_job_can_mask_protocol(struct qmp *q)
{
	return qmp_has_argument(q, "block-commit", "backing-mask-protocol");
}

static uint64_t job_bytes(json_t *job, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(job, key));

	return n > 0 ? (uint64_t)n : 0;
}

static bool job_says(json_t *job, const char *key, const char *word)
{
	const char *value = json_string_value(json_object_get(job, key));

	return value && strcmp(value, word) == 0;
}

static void read_job(json_t *job, struct qmp_job *out)
{
	const char *error = json_string_value(json_object_get(job, "error"));

	*out = (struct qmp_job){ .done = job_bytes(job, "offset"), .total = job_bytes(job, "len") };
	if (out->done > out->total)
		out->done = out->total;
	out->is_ready = job_says(job, "status", "ready");
	out->has_ended = job_says(job, "status", "concluded");
	out->is_without_space = json_is_true(json_object_get(job, "paused")) &&
				job_says(job, "io-status", "nospace");
	if (error)
		text_safe(*error ? error : "no reason", out->error, sizeof(out->error));
}

int qmp_job_find(struct qmp *q, const char *id, struct qmp_job *out)
{
	json_t *list, *job;
	int found = 0;
	size_t i;

	if (qmp_call(q, "query-block-jobs", NULL, &list) < 0)
		return -1;
	json_array_foreach(list, i, job)
	{
		if (!job_says(job, "device", id))
			continue;
		read_job(job, out);
		found = 1;
	}
	json_decref(list);
	return found;
}

/* A command whose only argument is the id of a job. */
static int tell_job(struct qmp *q, const char *command, const char *key, const char *id)
{
	json_t *arguments = json_object();

	set_text(arguments, key, id);
	return qmp_call(q, command, arguments, NULL);
}

int qmp_job_complete(struct qmp *q, const char *id)
{
	return tell_job(q, "job-complete", "id", id);
}

int qmp_job_resume(struct qmp *q, const char *id)
{
	return tell_job(q, "block-job-resume", "device", id);
}

int qmp_job_dismiss(struct qmp *q, const char *id)
{
	return tell_job(q, "job-dismiss", "id", id);
}

int qmp_job_wait(struct qmp *q, int ms)
{
	json_t *event;
	int i, r = qmp_event(q, NULL, ms, &event);

	/* Those that arrived together are one piece of news. */
	for (i = 0; r > 0 && i < QMP_EVENTS_MAX; i++) {
		json_decref(event);
		r = qmp_event(q, NULL, 0, &event);
	}
	if (r > 0)
		json_decref(event);
	return r < 0 ? -1 : 0;
}
