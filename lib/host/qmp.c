/*
 * qmp: commands and events, over the lines of qmp_line.
 */
#include "lib/host/qmp.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/deadline.h"
#include "lib/base/err.h"
#include "lib/base/text.h"
#include "lib/host/qmp_line.h"

#define CLASS_MAX 64
#define DESC_MAX 500

struct qmp {
	struct qmp_line line;
	int limit_ms;  /* for a command and its reply */
	json_int_t id; /* of the last command */
	char error_class[CLASS_MAX];
	struct qmp_queued {
		json_t *event;
		size_t bytes;
	} queue[QMP_EVENTS_MAX];
	size_t count, bytes; /* of the events in the queue */
	bool has_lost;
	json_t *schema; /* the reply of query-qmp-schema, or NULL */
};

static void qmp_unqueue(struct qmp *q, size_t i)
{
	q->bytes -= q->queue[i].bytes;
	q->count--;
	memmove(&q->queue[i], &q->queue[i + 1], (q->count - i) * sizeof(q->queue[0]));
}

/* Keeps an event, of which the reference is taken.  The oldest are dropped if there are too many.
 */
static void qmp_enqueue(struct qmp *q, json_t *event, size_t bytes)
{
	while (q->count && (q->count == QMP_EVENTS_MAX || q->bytes + bytes > QMP_EVENT_BYTES)) {
		json_decref(q->queue[0].event);
		qmp_unqueue(q, 0);
		q->has_lost = true;
	}
	q->queue[q->count++] = (struct qmp_queued){ event, bytes };
	q->bytes += bytes;
}

/*
 * Reads the next message that is not an event; events go into the queue, and with until_event that
 * is the end, too.  1: *message, of which the caller drops the reference, or NULL for an event;
 * 0: the time is over; -1 recorded.
 */
static int qmp_read(struct qmp *q, struct deadline *limit, bool until_event, json_t **message)
{
	size_t bytes;
	int r;

	for (;;) {
		r = qmp_line_read(&q->line, limit, message, &bytes);
		if (r <= 0)
			return r;
		if (!json_is_string(json_object_get(*message, "event")))
			return 1;
		qmp_enqueue(q, *message, bytes);
		*message = NULL;
		if (until_event)
			return 1;
	}
}

static int qmp_garbage(struct qmp *q, const char *what)
{
	q->line.is_broken = true;
	return err_set(ST_FAILED, "does not speak QMP: %s", what);
}

/* Records an error that QEMU reports.  Returns -1. */
static int qmp_refused(struct qmp *q, const char *command, json_t *error)
{
	const char *class = json_string_value(json_object_get(error, "class"));
	const char *desc = json_string_value(json_object_get(error, "desc"));
	char safe[DESC_MAX];

	text_safe(class ? class : "GenericError", q->error_class, sizeof(q->error_class));
	text_safe(desc ? desc : "no reason", safe, sizeof(safe));
	return err_set(ST_FAILED, "QEMU refused '%s': %s", command, safe);
}

/*
 * Takes a message as the reply to the command with the present id.  1; 0: it is the late reply to a
 * command that was given up; -1 recorded.
 */
static int qmp_take_reply(struct qmp *q, const char *command, json_t *message, json_t **reply)
{
	json_t *id = json_object_get(message, "id"), *error = json_object_get(message, "error");
	json_t *value = json_object_get(message, "return");

	/* QEMU does not repeat the id of what it could not parse. */
	if (!id && error)
		return qmp_refused(q, command, error);
	if (!json_is_integer(id) || json_integer_value(id) <= 0 || json_integer_value(id) > q->id)
		return qmp_garbage(q, "a reply to nothing that was asked");
	if (json_integer_value(id) < q->id)
		return 0;
	if (error)
		return qmp_refused(q, command, error);
	if (!value)
		return qmp_garbage(q, "a reply without a value");
	if (reply)
		*reply = json_incref(value);
	return 1;
}

static int qmp_await_reply(
	struct qmp *q, const char *command, struct deadline *limit, json_t **reply)
{
	json_t *message;
	int r;

	do {
		r = qmp_read(q, limit, false, &message);
		if (r == 0)
			return err_set(ST_FAILED, "QEMU did not answer '%s' within %d seconds",
				command, q->limit_ms / 1000);
		if (r < 0)
			return -1;
		r = qmp_take_reply(q, command, message, reply);
		json_decref(message);
	} while (r == 0);
	return r < 0 ? -1 : 0;
}

/* The request as JSON, with the reference of arguments. */
static json_t *qmp_request(struct qmp *q, const char *command, json_t *arguments)
{
	json_t *request = json_object();

	json_object_set_new(request, "execute", json_string(command));
	if (arguments)
		json_object_set_new(request, "arguments", arguments);
	json_object_set_new(request, "id", json_integer(++q->id));
	return request;
}

int qmp_call(struct qmp *q, const char *command, json_t *arguments, json_t **reply)
{
	json_t *request = qmp_request(q, command, arguments);
	struct deadline limit;
	int r;

	q->error_class[0] = '\0';
	deadline_set(&limit, q->limit_ms);
	r = qmp_line_write(&q->line, &limit, request);
	json_decref(request);
	return r < 0 ? -1 : qmp_await_reply(q, command, &limit, reply);
}

void qmp_set_limit(struct qmp *q, int ms)
{
	q->limit_ms = ms;
}

const char *qmp_error_class(const struct qmp *q)
{
	return q->error_class;
}

/* The entry of the schema with that name: 1 and *entry; 0: there is none; -1 recorded. */
static int qmp_find_entry(struct qmp *q, const char *meta, const char *name, json_t **entry)
{
	const char *type, *is;
	size_t i;

	if (!q->schema && qmp_call(q, "query-qmp-schema", NULL, &q->schema) < 0)
		return -1;
	json_array_foreach(q->schema, i, *entry)
	{
		type = json_string_value(json_object_get(*entry, "meta-type"));
		is = json_string_value(json_object_get(*entry, "name"));
		if (type && is && strcmp(type, meta) == 0 && strcmp(is, name) == 0)
			return 1;
	}
	return 0;
}

int qmp_has_argument(struct qmp *q, const char *command, const char *argument)
{
	json_t *entry, *member;
	const char *type, *name;
	size_t i;
	int r;

	r = qmp_find_entry(q, "command", command, &entry);
	type = r > 0 ? json_string_value(json_object_get(entry, "arg-type")) : NULL;
	r = type ? qmp_find_entry(q, "object", type, &entry) : r < 0 ? -1 : 0;
	if (r <= 0)
		return r;
	json_array_foreach(json_object_get(entry, "members"), i, member)
	{
		name = json_string_value(json_object_get(member, "name"));
		if (name && strcmp(name, argument) == 0)
			return 1;
	}
	return 0;
}

/* Takes the oldest event of that name from the queue; NULL: there is none. */
static json_t *qmp_dequeue(struct qmp *q, const char *name)
{
	json_t *event;
	size_t i;

	for (i = 0; i < q->count; i++) {
		event = q->queue[i].event;
		if (name && strcmp(json_string_value(json_object_get(event, "event")), name) != 0)
			continue;
		qmp_unqueue(q, i);
		return event;
	}
	return NULL;
}

int qmp_event(struct qmp *q, const char *name, int64_t timeout_ms, json_t **event)
{
	struct deadline limit;
	json_t *message;
	int r, count = 0;

	deadline_set(&limit, timeout_ms > 0 ? timeout_ms : 0);
	while (!(*event = qmp_dequeue(q, name))) {
		if (!timeout_ms && ++count > QMP_EVENTS_MAX)
			return 0; /* QEMU may send without end */
		r = qmp_read(q, timeout_ms ? &limit : NULL, true, &message);
		if (r <= 0)
			return r;
		/* Only the late reply to a command that was given up can come here. */
		json_decref(message);
	}
	return 1;
}

bool qmp_lost_events(struct qmp *q)
{
	bool has_lost = q->has_lost;

	q->has_lost = false;
	return has_lost;
}

bool qmp_is_lost(const struct qmp *q)
{
	return q->line.is_broken;
}

int qmp_fd(const struct qmp *q)
{
	return q->line.fd;
}

pid_t qmp_peer(const struct qmp *q)
{
	return q->line.peer;
}

/* Waits for the greeting, and ends the negotiation.  0, or -1 recorded. */
static int qmp_negotiate(struct qmp *q)
{
	struct deadline limit;
	json_t *greeting = NULL;
	bool is_greeting;
	int r;

	deadline_set(&limit, QMP_GREETING_MS);
	r = qmp_read(q, &limit, false, &greeting);
	if (r == 0)
		return err_set(ST_BUSY,
			"no greeting within %d seconds: another client is connected, or QEMU hangs",
			QMP_GREETING_MS / 1000);
	if (r < 0)
		return -1;
	is_greeting = json_is_object(json_object_get(greeting, "QMP"));
	json_decref(greeting);
	return is_greeting ? qmp_call(q, "qmp_capabilities", NULL, NULL)
			   : qmp_garbage(q, "another greeting than QEMU's");
}

int qmp_connect(const struct policy *policy, const char *path, uid_t owner)
{
	return qmp_line_connect(policy, path, owner);
}

struct qmp *qmp_begin(int fd)
{
	struct qmp *q = calloc(1, sizeof(*q));

	if (!q) {
		close(fd);
		err_set(ST_FAILED, "out of memory");
		return NULL;
	}
	q->limit_ms = QMP_CALL_MS;
	qmp_line_init(&q->line, fd);
	if (qmp_negotiate(q) == 0)
		return q;
	qmp_close(q);
	return NULL;
}

struct qmp *qmp_open(const struct policy *policy, const char *path, uid_t owner)
{
	int fd = qmp_connect(policy, path, owner);

	return fd < 0 ? NULL : qmp_begin(fd);
}

void qmp_close(struct qmp *q)
{
	size_t i;

	if (!q)
		return;
	for (i = 0; i < q->count; i++)
		json_decref(q->queue[i].event);
	json_decref(q->schema);
	qmp_line_fini(&q->line);
	free(q);
}
