/*
 * commit_live: see commit_live.h.  The layers are read while QEMU may change them, so a reading
 * that finds damage is repeated before it counts.
 */
#include "lib/op/commit_live.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/format/crc32c.h"
#include "lib/op/commit_check.h"
#include "lib/op/commit_delete.h"
#include "lib/op/commit_follow.h"
#include "lib/op/commit_plan.h"
#include "lib/op/commit_qmp.h"
#include "lib/op/commit_space.h"
#include "lib/op/commit_steps.h"
#include "lib/op/commit_virsh.h"
#include "lib/op/op.h"

#define READINGS 5
#define READING_MS 100 /* between two */

bool commit_live_is_wanted(const struct commit *c)
{
	return kv_get(c->request, "qmp") || kv_get(c->request, "libvirt");
}

static void pause_reading(void)
{
	struct pollfd p = { .fd = cancel_fd(), .events = POLLIN };

	poll(&p, 1, READING_MS);
}

static void close_layers(struct commit *c)
{
	commit_plan_close_layers(c);
	commit_mark_fini(&c->record);
}

/* Opens the layers, also again after the job has changed the chain. */
static int open_layers(struct commit *c)
{
	int tries;

	for (tries = 1;; tries++) {
		close_layers(c);
		c->was_begun = c->is_rebased = c->has_child = false;
		c->top = c->base = 0;
		if (commit_plan_open(c) == 0)
			return 0;
		if (err_status() != ST_CORRUPT || tries == READINGS || cancel_is_set())
			return -1;
		pause_reading();
	}
}

static int read_numbers(const struct commit *c, int fd, struct commit_numbers *n)
{
	int tries;

	for (tries = 1; commit_space_numbers(fd, commit_layer(c, c->base).qcow2, n) < 0; tries++) {
		if (err_status() != ST_CORRUPT || tries == READINGS || cancel_is_set())
			return -1;
		pause_reading();
	}
	return 0;
}

/* The name tells what the job is about, so that it is found by it. */
static void name_job(struct commit *c)
{
	const char *top = c->record.layer[0], *base = commit_path(c, c->base);
	uint32_t sum = crc32c_add(CRC32C_INIT, top, strlen(top) + 1);

	sum = crc32c_add(sum, base, strlen(base));
	snprintf(c->job, sizeof(c->job), "img-tools-commit-%08x", sum);
}

static int open_guest(struct commit *c)
{
	const char *qmp = kv_get(c->request, "qmp"), *domain = kv_get(c->request, "libvirt");

	if (qmp && domain)
		return err_set(ST_USAGE, "qmp and libvirt exclude each other");
	if (domain) {
		c->guest = commit_virsh_open(c, domain);
		return c->guest ? 0 : err_wrap("guest '%s'", domain);
	}
	c->guest = commit_qmp_open(c, qmp);
	return c->guest ? 0 : err_wrap("QMP socket '%s'", qmp);
}

/*
 * Whether a job that has ended well has done what is wanted: the guest uses BASE, or CHILD stands
 * on it, which is looked at once more, as it may have ended meanwhile.  1, 0, or -1 recorded.
 */
static int has_job_done_it(struct commit *c)
{
	int uses;

	if (c->is_active) {
		uses = c->guest->ops->uses_image ? c->guest->ops->uses_image(c->guest, c) : 0;
		return uses < 0 ? -1 : !uses;
	}
	if (!c->is_rebased && open_layers(c) < 0)
		return -1;
	return c->is_rebased;
}

static int find_job_begun(struct commit *c)
{
	struct qmp_job job;
	int r = c->guest->ops->find(c->guest, c, &job);

	if (r <= 0)
		return r;
	if (!job.has_ended)
		r = 1;
	else
		r = *job.error ? 0 : has_job_done_it(c);
	if (r < 0)
		return -1;
	c->takes_up = r;
	if (c->takes_up || op_flag(c->request, "dry_run"))
		return 0;
	return c->guest->ops->dismiss(c->guest, c);
}

static int hold_base(struct commit *c)
{
	const struct held_want want = { .allow_links = op_flag(c->request, "allow_links"),
		.in_use = true };

	held_close(c->held[c->base]);
	c->held[c->base] = held_open(commit_layer(c, c->base).img, &want);
	return c->held[c->base] ? 0 : err_wrap("layer '%s'", commit_path(c, c->base));
}

static int mark_live_base(struct commit *c)
{
	char record[HELD_RECORD_MAX];

	if (commit_mark_write(&c->record, commit_path(c, c->base), record) < 0 ||
		held_mark(c->held[c->base], record) < 0)
		return err_wrap("layer '%s'", commit_path(c, c->base));
	return 0;
}

/* Volumes do not need to be closed for that, as they are not locked. */
static int enlarge_live_base(struct commit *c)
{
	if (c->to && commit_space_grow(c) < 0)
		return err_wrap("layer '%s'", commit_path(c, c->base));
	return 0;
}

/* After a failure to start it, which may be that the answer was not awaited.  Keeps the error. */
static bool may_have_begun(struct commit *c)
{
	struct qmp_job job;
	struct err e;
	bool may;

	err_take(&e);
	may = cancel_is_set() || c->guest->ops->find(c->guest, c, &job) != 0;
	err_put(&e);
	return may;
}

static int begin_job(struct commit *c)
{
	if (mark_live_base(c) < 0 || enlarge_live_base(c) < 0)
		return -1;
	if (cancel_check() < 0)
		return -1;
	if (c->guest->ops->start(c->guest, c) < 0) {
		c->is_changed = may_have_begun(c);
		return -1;
	}
	c->is_changed = true;
	return 0;
}

/* After a failure: nothing has changed if the job was not started. */
static int give_up_live(struct commit *c)
{
	const char *base = commit_path(c, c->base);
	struct err e;

	err_take(&e);
	if (!c->is_changed && !c->was_begun && !c->takes_up && held_unmark(c->held[c->base]) == 0) {
		err_put(&e);
		return -1;
	}
	if (c->is_handed_over)
		return err_set(e.status,
			"%.500s (QEMU was told to let the guest use '%.300s': see whether it does)",
			e.text, base);
	if (cancel_is_set())
		return err_set(e.status,
			"interrupted, but QEMU goes on with its job '%s' ('%.300s' is unfinished "
			"now; run the same command again)",
			c->job, base);
	return err_set(e.status, "%.500s ('%.300s' is unfinished now; run the same command again)",
		e.text, base);
}

/*
 * The job has failed, and was told of, so that a new one can have its name.  The guest goes on with
 * IMAGE.
 */
static void forget_failed_job(struct commit *c)
{
	if (c->is_handed_over && mark_live_base(c) == 0)
		c->is_handed_over = false;
	c->guest->ops->dismiss(c->guest, c);
}

static int follow_to_end(struct commit *c)
{
	struct qmp_job job;
	struct err e;

	if (commit_follow_job(c) == 0)
		return 0;
	err_take(&e);
	if (!cancel_is_set() && c->guest->ops->find(c->guest, c, &job) > 0 && job.has_ended &&
		*job.error)
		forget_failed_job(c);
	err_put(&e);
	return -1;
}

/*
 * Another client may have let the job end where it was: then the guest goes on with IMAGE, and BASE
 * gets its mark back.  0, or -1 recorded.
 */
static int check_pivot(struct commit *c)
{
	int has = c->is_active ? has_job_done_it(c) : 1;

	if (has != 0)
		return has < 0 ? -1 : 0;
	if (c->is_handed_over && mark_live_base(c) < 0)
		return -1;
	c->is_handed_over = false;
	return err_set(ST_FAILED, "the job '%s' has ended, and the guest still uses '%s'", c->job,
		c->image->place->path);
}

/* The chain as the job has left it. */
static int check_result(struct commit *c)
{
	char *child = c->record.child && !c->is_active ? strdup(c->record.child) : NULL;
	int r = open_layers(c);

	if (r == 0 && !c->is_active && !c->is_rebased)
		r = err_set(ST_FAILED,
			"the job has failed: '%.300s' does not stand on '%.300s', which is "
			"unfinished now (run the same command again)",
			child ? child : "?", commit_path(c, c->base));
	free(child);
	if (r < 0)
		return -1;
	if (fsync(commit_layer(c, c->base).img->fd) < 0)
		return err_sys("cannot sync it to disk");
	if (c->is_active)
		return 0; /* the guest writes to BASE now */
	if (fsync(commit_layer(c, c->child).img->fd) < 0)
		return err_sys("cannot sync it to disk");
	if (commit_check_layer(c, c->base) < 0)
		return -1;
	return c->child > 0 ? commit_check_layer(c, c->child) : 0;
}

/* QEMU keeps layers open that it was given one by one. */
static int release_layers(const struct commit *c, const struct commit_record *layers)
{
	unsigned i;

	for (i = 0; i < layers->count; i++)
		if (c->guest->ops->release(c->guest, layers->layer[i]) < 0)
			return -1;
	return 0;
}

static int forget_job(struct commit *c)
{
	if (c->takes_up || c->is_changed) {
		if (c->guest->ops->dismiss(c->guest, c) < 0)
			return -1;
	}
	return c->is_active || c->deletes ? release_layers(c, &c->record) : 0;
}

static int clear_up_live(struct commit *c, struct held *base, struct buf *reply)
{
	bool allow_links = op_flag(c->request, "allow_links");
	struct err e = { .status = ST_OK };

	if (forget_job(c) < 0)
		return -1;
	if (c->deletes &&
		commit_delete_layers(&c->record, base->place, NULL, allow_links, reply) < 0)
		err_take(&e);
	if (held_unmark(base) < 0)
		return err_wrap("layer '%s'", base->place->path);
	if (e.status == ST_OK)
		return 0;
	err_put(&e);
	return -1;
}

/* Closes all layers, because what is open cannot be deleted. */
static int finish_live(struct commit *c, struct buf *reply)
{
	struct held *base;
	int r;

	if (hold_base(c) < 0 || read_numbers(c, commit_layer(c, c->base).img->fd, &c->after) < 0)
		return -1;
	base = c->held[c->base];
	c->held[c->base] = NULL;
	commit_plan_close_layers(c);
	r = clear_up_live(c, base, reply);
	held_close(base);
	return r;
}

static int plan_space(struct commit *c)
{
	int tries;

	for (tries = 1; commit_space_plan(c) < 0; tries++) {
		if (err_status() != ST_CORRUPT || tries == READINGS || cancel_is_set())
			return -1;
		pause_reading();
	}
	return 0;
}

static int plan_live(struct commit *c)
{
	if (open_layers(c) < 0)
		return -1;
	c->is_active = c->top == 0 && !c->is_rebased;
	name_job(c);
	if (open_guest(c) < 0 || find_job_begun(c) < 0)
		return -1;
	if (!c->takes_up && !c->is_rebased && c->guest->ops->look(c->guest, c) < 0)
		return -1;
	return plan_space(c) < 0 ? -1 : commit_plan_check(c);
}

static int run_live(struct commit *c, struct buf *reply)
{
	if (plan_live(c) < 0)
		return -1;
	commit_steps_reply(c, reply);
	if (op_flag(c->request, "dry_run"))
		return 0;
	if (hold_base(c) < 0)
		return -1;
	if (!c->takes_up && !c->is_rebased && begin_job(c) < 0)
		return give_up_live(c);
	if ((c->takes_up || c->is_changed) && (follow_to_end(c) < 0 || check_pivot(c) < 0))
		return give_up_live(c);
	if (check_result(c) < 0 || finish_live(c, reply) < 0)
		return -1;
	commit_steps_reply_end(c, reply);
	return 0;
}

int commit_live_run(struct commit *c, struct buf *reply)
{
	int r;

	c->is_live = true;
	r = run_live(c, reply);
	if (c->guest)
		c->guest->ops->close(c->guest);
	c->guest = NULL;
	return r;
}
