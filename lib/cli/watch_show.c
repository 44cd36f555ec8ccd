/*
 * watch_show: see watch_show.h.
 */
#include "lib/cli/watch_show.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/size.h"
#include "lib/base/text.h"
#include "lib/cli/cli.h"
#include "lib/cli/json.h"

static const char *const event_words[] = { "armed", "enough", "near", "extended", "alarm", "lost",
	"unarmed", "resumed", "failed" };
#define EVENT_WORDS (sizeof(event_words) / sizeof(event_words[0]))

static int read_amount(const struct kv *record, const char *key, uint64_t *out)
{
	int has = kv_get_u64(record, key, out);

	if (has > 0 && *out > INT64_MAX)
		return err_set(ST_PEER, "protocol error: %s is %" PRIu64, key, *out);
	return has;
}

static int read_numbers(struct watch_shown *e, const struct kv *record)
{
	int has = read_amount(record, "free", &e->free);

	e->has_free = has > 0;
	if (has < 0 || read_amount(record, "capacity", &e->capacity) < 0 ||
		read_amount(record, "allocation", &e->allocation) < 0 ||
		read_amount(record, "physical", &e->physical) < 0 ||
		read_amount(record, "threshold", &e->threshold) < 0 ||
		read_amount(record, "max", &e->max) < 0 ||
		read_amount(record, "previous", &e->previous) < 0 ||
		kv_get_bool(record, "is_file", &e->is_file) < 0 ||
		kv_get_bool(record, "is_dirty", &e->is_dirty) < 0 ||
		kv_get_bool(record, "is_armed", &e->is_armed) < 0)
		return -1;
	e->has_guest = kv_get(record, "is_armed") != NULL;
	e->has_numbers = kv_get(record, "physical") != NULL;
	return 0;
}

int watch_show_parse(struct watch_shown *e, const struct kv *record, const char *location)
{
	const char *word = kv_get(record, "event");
	uint64_t status = ST_OK;
	size_t i = 0;

	memset(e, 0, sizeof(*e));
	while (word && i < EVENT_WORDS && strcmp(word, event_words[i]) != 0)
		i++;
	if (!word || i == EVENT_WORDS)
		return err_set(ST_PEER, "protocol error: an unknown event");
	e->event = event_words[i];
	e->location = location;
	e->path = kv_get(record, "path");
	e->time = kv_get(record, "time");
	e->why = kv_get(record, "why");
	e->message = kv_get(record, "message");
	if (kv_get_u64(record, "status", &status) < 0 || read_numbers(e, record) < 0)
		return -1;
	e->status = status <= ST_MAX ? (int)status : ST_FAILED;
	return 0;
}

void watch_show_use(const struct watch_shown *e, struct buf *out)
{
	char a[SIZE_HUMAN], b[SIZE_HUMAN];

	if (!e->has_numbers)
		return;
	if (e->is_file) {
		buf_addf(out, "%s used, %s free in its filesystem", size_human(e->allocation, a),
			size_human(e->free, b));
		return;
	}
	buf_addf(out, "%s of %s used", size_human(e->allocation, a), size_human(e->physical, b));
	buf_addf(out, ", threshold %s", size_human(e->threshold, a));
	if (e->has_guest)
		buf_adds(out, e->is_armed ? " armed" : " not armed");
	if (e->has_free)
		buf_addf(out, ", %s free in its group", size_human(e->free, b));
}

static void describe_event(const struct watch_shown *e, struct buf *out)
{
	char a[SIZE_HUMAN], b[SIZE_HUMAN];

	if (strcmp(e->event, "near") == 0)
		buf_adds(out, "near the threshold");
	else if (strcmp(e->event, "extended") == 0)
		buf_addf(out, "%s from %s to %s", e->is_dry ? "would be extended" : "extended",
			size_human(e->previous, a), size_human(e->physical, b));
	else if (strcmp(e->event, "resumed") == 0)
		buf_adds(out, "the guest was paused for space, and goes on");
	else
		buf_adds(out, e->event);
	if (e->message)
		buf_addf(out, ": %s", e->message);
}

int watch_show_line(const struct watch_shown *e)
{
	struct buf b = BUF_INIT;
	char *safe;
	int r;

	buf_addf(&b, "%s: ", e->location);
	describe_event(e, &b);
	if (e->has_numbers) {
		buf_adds(&b, " (");
		watch_show_use(e, &b);
		buf_adds(&b, ")");
	}
	r = buf_failed(&b);
	safe = r == 0 ? text_safe_dup(buf_str(&b)) : NULL;
	if (r == 0 && !safe)
		r = err_set(ST_FAILED, "out of memory");
	if (safe && (puts(safe) == EOF || fflush(stdout) != 0))
		r = cli_write_failed();
	free(safe);
	buf_fini(&b);
	return r;
}

static void set_amount(json_t *o, const char *key, bool has, uint64_t value)
{
	json_object_set_new(o, key, has ? json_integer((json_int_t)value) : json_null());
}

int watch_show_json(const struct watch_shown *e)
{
	json_t *o = json_object();

	json_set_text(o, "event", e->event);
	json_set_text(o, "location", e->location);
	json_set_text(o, "path", e->path);
	json_set_text(o, "time", e->time);
	set_amount(o, "capacity", e->has_numbers, e->capacity);
	set_amount(o, "allocation", e->has_numbers, e->allocation);
	set_amount(o, "physical", e->has_numbers, e->physical);
	set_amount(o, "threshold", e->has_numbers, e->threshold);
	set_amount(o, "max", e->max > 0, e->max);
	set_amount(o, "free", e->has_free, e->free);
	set_amount(o, "previous", e->previous > 0, e->previous);
	json_object_set_new(o, "dirty", json_boolean(e->is_dirty));
	json_object_set_new(o, "armed", e->has_guest ? json_boolean(e->is_armed) : json_null());
	json_set_text(o, "reason", e->why);
	json_set_text(o, "message", e->message);
	if (e->is_dry)
		json_object_set_new(o, "dry_run", json_true());
	return json_print_line(o);
}

static void add_text(struct buf *out, const char *name, const char *value)
{
	buf_addf(out, "IMG_WATCH_%s=%s", name, value ? value : "");
	buf_u8(out, 0);
}

static void add_amount(struct buf *out, const char *name, bool has, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, value);
	add_text(out, name, has ? text : NULL);
}

void watch_show_environment(const struct watch_shown *e, struct buf *out)
{
	char *safe = e->message ? text_safe_dup(e->message) : NULL;

	add_text(out, "EVENT", e->event);
	add_text(out, "LOCATION", e->location);
	add_text(out, "PATH", e->path);
	add_text(out, "TIME", e->time);
	add_amount(out, "CAPACITY", e->has_numbers, e->capacity);
	add_amount(out, "ALLOCATION", e->has_numbers, e->allocation);
	add_amount(out, "PHYSICAL", e->has_numbers, e->physical);
	add_amount(out, "THRESHOLD", e->has_numbers, e->threshold);
	add_amount(out, "MAX", e->max > 0, e->max);
	add_amount(out, "FREE", e->has_free, e->free);
	add_amount(out, "PREVIOUS", e->previous > 0, e->previous);
	add_amount(out, "ARMED", e->has_guest, e->is_armed);
	add_text(out, "REASON", e->why);
	add_text(out, "MESSAGE", safe);
	free(safe);
}
