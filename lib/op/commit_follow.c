/*
 * commit_follow: by the events of QEMU, and by looking at the job every TICK_MS.
 */
#include "lib/op/commit_follow.h"

#include <string.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/op/commit_run.h"
#include "lib/op/commit_space.h"

#define TICK_MS 250
#define AGAIN_MS 1000 /* between two attempts to let a job go on that has no space */

struct following {
	struct commit *c;
	bool was_completed;
	bool was_told_of_space;
	int64_t resumed_ms; /* when it was last let go on */
};

static void tell_job(struct following *f, const struct qmp_job *job)
{
	struct commit *c = f->c;
	uint64_t end;

	if (c->guest->ops->end(c->guest, c, &end) == 0 && end != UINT64_MAX)
		c->live_end = end;
	else
		err_clear();
	c->all_bytes = job->total;
	commit_run_tell(c, job->done);
}

/*
 * It may have been given space by anybody: what was deleted beside a file, or an extension of a
 * volume.  A job that still has none pauses again.
 */
static int resume_without_space(struct following *f)
{
	struct commit *c = f->c;

	if (!f->was_told_of_space)
		log_warn("warning: %s: there is no space left, so the job has paused; it goes on "
			 "when there is space",
			commit_path(c, c->base));
	f->was_told_of_space = true;
	if (io_now_ms() - f->resumed_ms < AGAIN_MS)
		return 0;
	f->resumed_ms = io_now_ms();
	return c->guest->ops->resume(c->guest, c);
}

static int job_failed(const struct commit *c, const struct qmp_job *job)
{
	bool is_full = strstr(job->error, "No space left on device") != NULL;

	return err_set(
		is_full ? ST_NOROOM : ST_FAILED, "the job '%s' failed: %s", c->job, job->error);
}

/*
 * The guest may write to BASE from then on.  So BASE has no mark any more, by which the same
 * command, run when the guest is gone, would write the old layers over that.
 */
static int hand_over(struct commit *c)
{
	if (held_unmark(c->held[c->base]) < 0)
		return err_wrap("layer '%s'", commit_path(c, c->base));
	c->is_handed_over = true;
	return c->guest->ops->complete(c->guest, c);
}

/* One look at the job: 1: it has succeeded; 0: it goes on; -1 recorded. */
static int follow_step(struct following *f)
{
	struct commit *c = f->c;
	struct qmp_job job;
	int r = c->guest->ops->find(c->guest, c, &job);

	if (r == 0)
		return err_set(ST_FAILED, "the job '%s' has vanished from QEMU", c->job);
	if (r < 0)
		return -1;
	tell_job(f, &job);
	if (job.has_ended)
		return *job.error ? job_failed(c, &job) : 1;
	r = 0;
	if (job.is_without_space) {
		r = resume_without_space(f);
	} else if (job.is_ready && !f->was_completed) {
		f->was_completed = true;
		r = hand_over(c);
	}
	return r < 0 ? -1 : 0;
}

int commit_follow_job(struct commit *c)
{
	struct following f = { .c = c };
	int r;

	do {
		r = cancel_check() < 0 ? -1 : follow_step(&f);
		if (r == 0 && c->guest->ops->wait(c->guest, TICK_MS) < 0)
			r = -1;
	} while (r == 0);
	return r < 0 ? -1 : 0;
}
