/*
 * watch_run: all hosts are asked before the first answer is waited for.  If at the start one disk
 * cannot be watched, nothing is: READY=1 says that all of them are.
 *
 * The watchdog of systemd is fed each time that every host has measured its disks since it was fed
 * last.  So it starts this service anew if a host is lost, even if others are still watched.
 */
#include "lib/cli/watch_run.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/cli/notify.h"
#include "lib/cli/usage.h"
#include "lib/cli/watch_exec.h"
#include "lib/cli/watch_host.h"
#include "lib/cli/watch_show.h"

struct watch_disk {
	struct location at;
	struct watch_exec *exec; /* or NULL */
	bool is_answered, is_armed, is_lost;
	char *use; /* what watch_show_use() says of it, or NULL */
};

struct watch_run {
	struct cli *cli;
	const struct watch_run_want *want;
	struct watch_disk *disk;
	struct watch_host *host;
	size_t disks, hosts;
	struct watch_inbox inbox;
	bool is_ready, has_failed; /* all are armed; a disk cannot be watched from the start */
	int status;		   /* of the first failure, or of --once */
};

static void note_status(struct watch_run *w, int status)
{
	if (!w->status)
		w->status = status;
}

/* Prints the recorded error. */
static void note_error(struct watch_run *w)
{
	note_status(w, err_status() ? (int)err_status() : ST_FAILED);
	if (!cancel_signal())
		cli_print_error();
	err_clear();
}

static int parse_disk(struct watch_run *w, const char *text)
{
	struct watch_disk *d = &w->disk[w->disks];

	if (cli_location(&d->at, text, STDIN_FILENO) < 0)
		return -1;
	w->disks++;
	if (d->at.is_stdio)
		return usage_error("'-' cannot be used here: it is no image, but standard input");
	if (usage_check_image(&d->at) < 0)
		return -1;
	if (w->want->exec && !w->cli->dry_run)
		return (d->exec = watch_exec_new(w->want->exec, d->at.text)) ? 0 : -1;
	return 0;
}

/* Puts the disk to those of its host. */
static int add_to_host(struct watch_run *w, int number)
{
	const struct location *at = &w->disk[number].at;
	struct watch_host *h = w->host;

	while (h < w->host + w->hosts && !location_same_host(h->at, at))
		h++;
	if (h == w->host + w->hosts) {
		w->hosts++;
		h->at = at;
		h->disk = calloc(w->disks, sizeof(*h->disk));
		if (!h->disk)
			return err_set(ST_FAILED, "out of memory");
	}
	h->disk[h->count++] = number;
	return 0;
}

static int parse_disks(struct watch_run *w)
{
	size_t i, n = (size_t)w->cli->count;

	w->disk = calloc(n, sizeof(*w->disk));
	w->host = calloc(n, sizeof(*w->host));
	if (!w->disk || !w->host)
		return err_set(ST_FAILED, "out of memory");
	for (i = 0; i < n; i++)
		if (parse_disk(w, w->cli->args[i]) < 0)
			return -1;
	for (i = 0; i < n; i++)
		if (add_to_host(w, (int)i) < 0)
			return -1;
	return 0;
}

static int ask_host(struct watch_run *w, struct watch_host *h)
{
	struct buf b = BUF_INIT;
	size_t i;
	int r;

	for (i = 0; i < h->count; i++)
		kv_add(&b, "path", w->disk[h->disk[i]].at.path);
	buf_add(&b, w->want->keys.data, w->want->keys.len);
	kv_add_bool(&b, "dry_run", w->cli->dry_run);
	r = watch_host_open(h, &w->cli->peer, &b);
	buf_fini(&b);
	return r < 0 ? err_wrap("%s", h->at->text) : 0;
}

/* A host that cannot be reached does not keep --once from looking at the others. */
static int ask_hosts(struct watch_run *w)
{
	size_t i;

	for (i = 0; i < w->hosts; i++) {
		if (ask_host(w, &w->host[i]) == 0)
			continue;
		if (!w->want->once)
			return -1;
		w->host[i].has_ended = true;
		note_error(w);
	}
	for (i = 0; i < w->hosts; i++)
		if (!w->host[i].has_ended && watch_host_start(&w->host[i], &w->inbox) < 0)
			return -1;
	return 0;
}

static void tell_status(const struct watch_run *w)
{
	const struct watch_disk *d = w->disk;
	size_t i, armed = 0, lost = 0;

	for (i = 0; i < w->disks; i++) {
		armed += d[i].is_armed && !d[i].is_lost;
		lost += d[i].is_lost;
	}
	if (w->disks == 1 && !lost)
		notify_send("STATUS", "%s: %s", d->at.text, d->use ? d->use : "");
	else
		notify_send("STATUS", "%zu of %zu disks are watched, %zu lost; %s: %s", armed,
			w->disks, lost, d->at.text, d->use ? d->use : "");
}

static void tell_systemd(struct watch_run *w, const struct watch_shown *e, struct watch_disk *d)
{
	struct buf b = BUF_INIT;
	size_t i, armed = 0;

	d->is_lost = strcmp(e->event, "lost") == 0 || strcmp(e->event, "unarmed") == 0;
	d->is_armed = !e->has_guest || e->is_armed || strcmp(e->event, "near") == 0 ||
		      strcmp(e->event, "alarm") == 0; /* no threshold is set of these */
	watch_show_use(e, &b);
	free(d->use);
	d->use = buf_failed(&b) < 0 ? NULL : strdup(buf_str(&b));
	buf_fini(&b);
	tell_status(w);
	for (i = 0; i < w->disks; i++)
		armed += w->disk[i].is_armed;
	if (armed == w->disks && !w->is_ready) {
		w->is_ready = true;
		notify_send("READY", "1");
	}
}

static void run_command(const struct watch_shown *e, struct watch_disk *d)
{
	struct buf b = BUF_INIT;

	if (!d->exec || strcmp(e->event, "enough") == 0)
		return;
	watch_show_environment(e, &b);
	if (buf_failed(&b) == 0)
		watch_exec_run(d->exec, &b);
	else
		log_warn("warning: %s: --exec: %s", e->location, err_text());
	err_clear();
	buf_fini(&b);
}

/* It cannot be watched: at the start, or by --once. */
static void show_failure(struct watch_run *w, const struct watch_shown *e)
{
	err_set(e->status ? (enum status)e->status : ST_FAILED, "%s: %s", e->location,
		e->message ? e->message : "cannot be watched");
	w->has_failed = true;
	note_error(w);
}

/* 0, or -1 recorded. */
static int show_event(struct watch_run *w, const struct watch_report *r)
{
	struct watch_disk *d;
	struct watch_shown e;
	uint64_t number = 0;

	if (kv_get_u64(&r->kv, "disk", &number) < 0)
		return -1;
	if (number >= r->host->count)
		return err_set(ST_PEER, "protocol error: an event of no disk");
	d = &w->disk[r->host->disk[number]];
	d->is_answered = true;
	if (watch_show_parse(&e, &r->kv, d->at.text) < 0)
		return -1;
	e.is_dry = w->cli->dry_run;
	if (strcmp(e.event, "failed") == 0) {
		r->host->has_failed = true;
		show_failure(w, &e);
		return 0;
	}
	if (w->want->once && e.status)
		note_status(w, e.status);
	if ((w->cli->json ? watch_show_json(&e) : watch_show_line(&e)) < 0)
		return -1;
	if (!w->want->once)
		tell_systemd(w, &e, d);
	run_command(&e, d);
	return 0;
}

static bool has_answered(const struct watch_run *w, const struct watch_host *h)
{
	size_t i;

	for (i = 0; i < h->count; i++)
		if (!w->disk[h->disk[i]].is_answered)
			return false;
	return true;
}

/* An OK ends what looks once, after an event of each disk, or a failure at the start. */
static int check_ok(const struct watch_run *w, const struct watch_report *r)
{
	bool failed = false;

	if (kv_get_bool(&r->kv, "failed", &failed) < 0)
		return -1;
	if (r->host->has_failed)
		return 0;
	if (failed || !has_answered(w, r->host))
		return err_set(ST_PEER, "protocol error: an OK instead of a RECORD");
	if (!w->want->once && !w->cli->dry_run)
		return err_set(ST_PEER, "the helper has ended the watch");
	return 0;
}

static void end_host(struct watch_run *w, struct watch_report *r)
{
	r->host->has_ended = true;
	if (r->result == 0 && check_ok(w, r) == 0)
		return;
	if (r->result < 0)
		err_put(&r->error);
	err_wrap("%s", r->host->at->text);
	note_error(w);
}

/* Looks at all that has come.  0, or -1 recorded. */
static int take_reports(struct watch_run *w)
{
	struct watch_report *report;
	int r = 0;

	while (r == 0 && (report = watch_inbox_next(&w->inbox))) {
		if (report->result > 0)
			r = show_event(w, report);
		else
			end_host(w, report);
		watch_report_free(report);
	}
	return r;
}

/* Whether something is to be waited for; after a failure at the start: the other disks' answers. */
static bool has_hosts(const struct watch_run *w)
{
	bool is_ending = w->has_failed && !w->want->once;
	size_t i;

	for (i = 0; i < w->hosts; i++)
		if (!w->host[i].has_ended && !(is_ending && has_answered(w, &w->host[i])))
			return true;
	return false;
}

static void feed_watchdog(struct watch_run *w)
{
	size_t i;

	if (!w->is_ready)
		return;
	for (i = 0; i < w->hosts; i++)
		if (!atomic_load(&w->host[i].was_measured))
			return;
	for (i = 0; i < w->hosts; i++)
		atomic_store(&w->host[i].was_measured, false);
	if (notify_has_watchdog())
		notify_send("WATCHDOG", "1");
}

static int watch_loop(struct watch_run *w)
{
	struct pollfd p[] = { { cancel_fd(), POLLIN, 0 }, { w->inbox.wake, POLLIN, 0 } };
	uint64_t drained;

	while (has_hosts(w)) {
		poll(p, 2, -1);
		if (cancel_check() < 0)
			return -1;
		if (read(w->inbox.wake, &drained, sizeof(drained)) < 0)
			continue;
		if (take_reports(w) < 0)
			return -1;
		feed_watchdog(w);
	}
	return 0;
}

/* Keeps the recorded error. */
static void watch_run_fini(struct watch_run *w)
{
	struct err e;
	size_t i;

	err_take(&e);
	if (!w->want->once)
		notify_send("STOPPING", "1");
	if (w->inbox.reports.slot)
		queue_stop(&w->inbox.reports); /* so that no thread waits to put something */
	for (i = 0; i < w->hosts; i++)
		watch_host_close(&w->host[i]);
	for (i = 0; i < w->disks; i++) {
		watch_exec_free(w->disk[i].exec);
		location_fini(&w->disk[i].at);
		free(w->disk[i].use);
	}
	watch_inbox_fini(&w->inbox);
	free(w->disk);
	free(w->host);
	err_put(&e);
}

int watch_run(struct cli *c, const struct watch_run_want *want, int *status)
{
	struct watch_run w = { .cli = c, .want = want, .inbox = { .wake = -1 } };

	int r = -1;

	if (parse_disks(&w) == 0 && watch_inbox_init(&w.inbox) == 0 && ask_hosts(&w) == 0)
		r = watch_loop(&w);
	watch_run_fini(&w);
	*status = w.status;
	return r;
}
