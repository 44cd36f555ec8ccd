/*
 * watch_host: see watch_host.h.
 */
#include "lib/cli/watch_host.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* The main thread takes reports at once, unless standard output is blocked. */
#define REPORTS_WAITING 4096

int watch_inbox_init(struct watch_inbox *inbox)
{
	inbox->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (inbox->wake < 0)
		return err_sys("cannot create an eventfd");
	return queue_init(&inbox->reports, REPORTS_WAITING);
}

void watch_inbox_fini(struct watch_inbox *inbox)
{
	struct watch_report *r;

	while (inbox->reports.slot && (r = queue_try_get(&inbox->reports)))
		watch_report_free(r);
	queue_fini(&inbox->reports);
	if (inbox->wake >= 0)
		close(inbox->wake);
}

static void inbox_wake(struct watch_inbox *inbox)
{
	const uint64_t one = 1;

	if (write(inbox->wake, &one, sizeof(one)) < 0)
		return; /* its counter is full, so it is readable */
}

struct watch_report *watch_inbox_next(struct watch_inbox *inbox)
{
	return queue_try_get(&inbox->reports);
}

void watch_report_free(struct watch_report *r)
{
	if (r)
		kv_fini(&r->kv);
	free(r);
}

int watch_host_open(struct watch_host *h, const struct peer_options *opt, const struct buf *request)
{
	h->peer = peer_open(h->at, opt);
	if (!h->peer)
		return -1;
	return peer_request_endless(h->peer, "watch", request);
}

/* What happened is passed on; that all is well is only remembered.  False: there is no more. */
static bool pass_answer_on(struct watch_host *h)
{
	struct watch_report *r = calloc(1, sizeof(*r));
	const char *event;

	if (!r)
		return false;
	r->host = h;
	r->result = peer_answer(h->peer, &r->kv);
	if (r->result < 0)
		err_take(&r->error);
	event = r->result > 0 ? kv_get(&r->kv, "event") : NULL;
	/* A round in which many disks are extended takes long. */
	if (event && (strcmp(event, "round") == 0 || strcmp(event, "extended") == 0 ||
			     strcmp(event, "alarm") == 0))
		atomic_store(&h->was_measured, true);
	if (event && strcmp(event, "round") == 0) {
		watch_report_free(r);
		inbox_wake(h->inbox);
		return true;
	}
	if (queue_put(&h->inbox->reports, r, -1) != 1) {
		watch_report_free(r);
		return false;
	}
	inbox_wake(h->inbox);
	return event != NULL;
}

static void *pass_answers_on(void *arg)
{
	while (pass_answer_on(arg))
		;
	return NULL;
}

int watch_host_start(struct watch_host *h, struct watch_inbox *inbox)
{
	int sys;

	h->inbox = inbox;
	sys = pthread_create(&h->thread, NULL, pass_answers_on, h);
	if (sys)
		return err_set(ST_FAILED, "cannot start a thread: %s", strerror(sys));
	h->is_running = true;
	return 0;
}

void watch_host_close(struct watch_host *h)
{
	if (h->is_running) {
		conn_stop(peer_conn(h->peer));
		pthread_join(h->thread, NULL);
	}
	h->is_running = false;
	peer_close(h->peer);
	h->peer = NULL;
	free(h->disk);
	h->disk = NULL;
}
