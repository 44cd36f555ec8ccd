/*
 * watching_tell: see watching_tell.h.
 */
#include "lib/op/watching_tell.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/base/size.h"
#include "lib/op/op.h"

static void add_time_of_day(struct buf *b)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	kv_addf(b, "time", "%lld.%09ld", (long long)now.tv_sec, now.tv_nsec);
}

static void add_numbers(const struct watching *w, struct buf *b)
{
	const struct watch_state s = watched_state(&w->now);
	uint64_t free = w->now.is_file ? w->now.free : w->free;

	kv_add(b, "path", w->now.path);
	kv_add_u64(b, "capacity", w->now.capacity);
	kv_add_u64(b, "allocation", w->now.allocation);
	kv_add_u64(b, "physical", w->now.physical);
	kv_add_u64(b, "threshold", watch_rule_threshold(&s, &w->rule));
	kv_add_u64(b, "max",
		w->now.is_file ? 0
		: w->rule.max  ? w->rule.max
			       : watch_rule_max(w->rule.start));
	if (free != UINT64_MAX)
		kv_add_u64(b, "free", free);
	kv_add_bool(b, "is_file", w->now.is_file);
	kv_add_bool(b, "is_dirty", w->now.is_dirty);
}

int watching_tell(const struct watching *w, struct session *s, const struct watching_event *e)
{
	struct buf b = BUF_INIT;
	int r;

	kv_add(&b, "event", e->name);
	kv_add_u64(&b, "disk", w->number);
	add_time_of_day(&b);
	if (*w->now.path)
		add_numbers(w, &b);
	if (e->previous)
		kv_add_u64(&b, "previous", e->previous);
	kv_add(&b, "why", e->why);
	kv_add(&b, "message", e->message);
	kv_add_u64(&b, "status", (uint64_t)e->status);
	if (w->guest && !w->once)
		kv_add_u64(&b, "is_armed", w->is_armed);
	r = op_record(s, &b);
	buf_fini(&b);
	return r;
}

int watching_tell_error(struct watching *w, struct session *s, const char *event)
{
	struct watching_event e = { .name = event, .why = "failed", .status = err_status() };
	char text[WATCHING_REASON_MAX];

	snprintf(text, sizeof(text), "%s", err_text());
	err_clear();
	if (strcmp(text, w->reason) == 0)
		return 0;
	memcpy(w->reason, text, sizeof(text));
	e.message = text;
	return watching_tell(w, s, &e);
}

static enum status alarm_status(enum watch_why why)
{
	switch (why) {
	case WATCH_NO_SPACE:
		return ST_NOROOM;
	case WATCH_NO_CAPACITY:
	case WATCH_SUSPECT:
		return ST_CORRUPT;
	default:
		return ST_NEAR;
	}
}

/* What happened, and what helps. */
static void explain_alarm(const struct watching *w, enum watch_why why, char *out, size_t size)
{
	char a[SIZE_HUMAN], b[SIZE_HUMAN];

	switch (why) {
	case WATCH_AT_MAX:
		snprintf(out, size,
			"has its largest size, %s: it is not extended further (see --max; a disk "
			"that outgrows its capacity is fragmented by discards: discard-no-unref "
			"of QEMU avoids that, and a copy by img-copy --flatten is small again)",
			size_human(w->now.physical, a));
		break;
	case WATCH_NO_SPACE:
		snprintf(out, size,
			"cannot be extended: group '%s' has %s free, of which %s must stay (see "
			"--min-free and vgextend)",
			w->group, size_human(w->free, a), size_human(w->rule.min_free, b));
		break;
	case WATCH_SUSPECT:
		snprintf(out, size,
			"is not extended: it uses %s of %s, more than its next size would have "
			"(see img-verify)",
			size_human(w->now.allocation, a), size_human(w->now.physical, b));
		break;
	case WATCH_NO_CAPACITY:
		snprintf(out, size,
			"is not extended: its capacity is 0, so no size can be computed from it");
		break;
	default:
		snprintf(out, size, "is not extended: it is not a logical volume");
	}
}

int watching_tell_alarm(struct watching *w, struct session *s, enum watch_why why)
{
	char text[WATCHING_REASON_MAX];
	const struct watching_event e = { .name = "alarm",
		.why = watch_rule_word(why),
		.message = text,
		.status = alarm_status(why) };

	explain_alarm(w, why, text, sizeof(text));
	if (strcmp(text, w->reason) == 0)
		return 0;
	memcpy(w->reason, text, sizeof(text));
	return watching_tell(w, s, &e);
}

int watching_tell_resumed(struct watching *w, struct session *s)
{
	const struct watching_event e = { .name = "resumed" };

	w->has_grown = false;
	return w->was_full ? watching_tell(w, s, &e) : 0;
}
