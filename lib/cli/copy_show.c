/*
 * copy_show: the summary for people has the amounts, the time and the rate.
 */
#include "lib/cli/copy_show.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/size.h"
#include "lib/base/text.h"
#include "lib/cli/json.h"

static json_t *copy_json(
	const struct transfer *t, const struct transfer_result *res, const char *target)
{
	json_t *o = json_object();

	json_set_text(o, "source", t->from.text);
	json_set_text(o, "target", target);
	json_object_set_new(o, "capacity",
		res->has_capacity ? json_integer((json_int_t)res->capacity) : json_null());
	json_object_set_new(o, "data_bytes", json_integer((json_int_t)res->data_bytes));
	json_object_set_new(o, "hole_bytes", json_integer((json_int_t)res->hole_bytes));
	json_object_set_new(o, "wire_bytes", json_integer((json_int_t)res->wire_bytes));
	json_object_set_new(o, "seconds", json_real(res->seconds));
	json_set_text(o, "digest", res->digest[0] ? res->digest : NULL);
	json_object_set_new(o, "consistent", json_boolean(res->consistent));
	json_set_text(o, "snapshot", res->snapshot);
	json_object_set_new(
		o, "compressed_blocks", json_integer((json_int_t)res->compressed_blocks));
	json_object_set_new(o, "stored_blocks", json_integer((json_int_t)res->stored_blocks));
	return o;
}

static void print_plan(
	const struct transfer *t, const struct transfer_result *res, const char *target)
{
	char human[SIZE_HUMAN], *from = text_safe_dup(t->from.text), *to = text_safe_dup(target);
	const char *snapshot = t->snapshot ? "a snapshot of " : "";
	FILE *out = t->to.is_stdio ? stderr : stdout;

	if (!from || !to)
		fputs("(out of memory)", out);
	else if (res->replaces && !t->in_place)
		fprintf(out, "would replace %s with %s%s", to, snapshot, from);
	else
		fprintf(out, "would %s %s%s to %s", t->in_place ? "write" : "copy", snapshot, from,
			to);
	fprintf(out, ", %s%s\n",
		res->has_capacity ? size_human(res->capacity, human) : "of unknown size",
		t->archive	? ", as an archive"
		: res->unpacked ? ", unpacked"
		: t->sparse	? ", sparse"
				: "");
	free(from);
	free(to);
}

static void print_summary(
	enum log_level level, const struct transfer_result *res, const char *target)
{
	char all[SIZE_HUMAN], data[SIZE_HUMAN], rate[SIZE_HUMAN], wire[SIZE_HUMAN];
	char sent[64] = "";
	double s = res->seconds > 0.001 ? res->seconds : 0.001;

	if (res->cloned) {
		log_at(level, "%s: %s, sharing the blocks of its source", target,
			size_human(res->capacity, all));
		return;
	}
	if (res->wire_bytes)
		snprintf(sent, sizeof(sent), ", %s on the wire", size_human(res->wire_bytes, wire));
	log_at(level, "%s: %s, %s of data%s, in %.1f s (%s/s)", target,
		size_human(res->capacity, all), size_human(res->data_bytes, data), sent, s,
		size_human((uint64_t)((double)res->data_bytes / s), rate));
}

int copy_show(struct results *results, bool watched, const struct transfer *t,
	const struct transfer_result *res)
{
	char *target = location_at(&t->to, res->target);
	int r = 0;

	if (!target)
		return err_set(ST_FAILED, "out of memory");
	if (res->unpacked && !t->dry_run)
		log_note("%s: unpacked from an lzop archive", t->from.text);
	if (results->all)
		r = results_add(results, copy_json(t, res, target));
	else if (t->dry_run)
		print_plan(t, res, target);
	else
		print_summary(watched ? LOG_LEVEL_NOTE : LOG_LEVEL_INFO, res, target);
	free(target);
	return r;
}

/* The names of the sources of one host, as "A, B and C". */
static void print_sources(const struct host_snapshots *taken, int host)
{
	int i, left = taken->host[host].count;
	char *name;

	for (i = 0; left; i++) {
		if (taken->host_of[i] != host)
			continue;
		name = text_safe_dup(taken->from[i].text);
		left--;
		printf("%s%s", name ? name : "(out of memory)",
			left > 1    ? ", "
			: left == 1 ? " and "
				    : "");
		free(name);
	}
}

void copy_show_together(const struct host_snapshots *taken)
{
	int i;

	for (i = 0; i < taken->count; i++) {
		if (taken->host[i].count < 2 || taken->host[i].error.status != ST_OK)
			continue;
		fputs("would take snapshots of ", stdout);
		print_sources(taken, i);
		fputs(" together\n", stdout);
	}
}
