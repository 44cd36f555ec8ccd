/*
 * host_snapshots: see host_snapshots.h.
 */
#include "lib/job/host_snapshots.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/job/copy_request.h"

void host_snapshots_tell_apart(const char *host, uint64_t us)
{
	char on[300] = "", time[32];

	if (host)
		snprintf(on, sizeof(on), " on '%s'", host);
	if (us < 10000000)
		snprintf(time, sizeof(time), "%.*f ms", us < 10000, (double)us / 1000);
	else
		snprintf(time, sizeof(time), "%.1f s", (double)us / 1000000);
	log_note("the snapshots%s are at most %s apart", on, time);
}

static struct source_host *find_host(struct host_snapshots *h, const struct location *loc)
{
	int i;

	for (i = 0; i < h->count; i++)
		if (location_same_host(&h->from[h->host[i].first], loc))
			return &h->host[i];
	return NULL;
}

/* Sorts the sources by their hosts.  0, or -1 recorded. */
static int sort_sources(struct host_snapshots *h, int count)
{
	static const struct peer_kept none = PEER_KEPT_INIT;
	struct source_host *host;
	int i;

	h->host_of = calloc((size_t)count, sizeof(*h->host_of));
	h->host = calloc((size_t)count, sizeof(*h->host));
	if (!h->host_of || !h->host)
		return err_set(ST_FAILED, "out of memory");
	for (i = 0; i < count; i++) {
		host = find_host(h, &h->from[i]);
		if (!host) {
			host = &h->host[h->count++];
			host->kept = none;
			host->first = i;
			host->blamed = -1;
		}
		host->count++;
		h->host_of[i] = (int)(host - h->host);
	}
	return 0;
}

/* The index of the Nth source of a host; -1: it has fewer. */
static int nth_source(const struct host_snapshots *h, int host, int count, uint64_t n)
{
	int i;

	for (i = 0; i < count; i++)
		if (h->host_of[i] == host && n-- == 0)
			return i;
	return -1;
}

/* Receives the records, which blame a source, and the OK.  0, or -1 recorded. */
static int receive_answer(struct host_snapshots *h, int number, int count, uint64_t *apart_us)
{
	struct source_host *host = &h->host[number];
	struct kv kv;
	uint64_t n;
	int r, has;

	while ((r = peer_answer(host->kept.peer, &kv)) == 1) {
		has = kv_get_u64(&kv, "failed", &n);
		kv_fini(&kv);
		if (has < 0)
			return -1;
		if (has)
			host->blamed = nth_source(h, number, count, n);
	}
	if (r == 0) {
		r = kv_get_u64(&kv, "apart_us", apart_us) < 0 ? -1 : 0;
		kv_fini(&kv);
	}
	return r;
}

static int ask_host(struct host_snapshots *h, int number, int count, const struct transfer *t,
	const struct peer_options *opt)
{
	struct source_host *host = &h->host[number];
	const struct location *first = &h->from[host->first];
	struct buf args = BUF_INIT;
	struct peer_options own;
	uint64_t apart_us = 0;
	int i, r = -1;

	for (i = 0; i < count; i++)
		if (h->host_of[i] == number)
			kv_add(&args, "path", copy_request_path(&h->from[i]));
	if (t->snapshot_size)
		kv_add_u64(&args, "size", t->snapshot_size);
	kv_add(&args, "pre", t->pre_snapshot);
	kv_add(&args, "post", t->post_snapshot);
	kv_add(&args, "qmp", t->qmp);
	kv_add(&args, "libvirt", t->libvirt);
	kv_add_bool(&args, "as_is", t->as_is);
	kv_add_bool(&args, "dry_run", t->dry_run);
	transfer_peer_options(&own, t, first, opt);
	if (peer_kept_open(&host->kept, first, &own) &&
		peer_request(host->kept.peer, "snapshots", &args) == 0)
		r = receive_answer(h, number, count, &apart_us);
	buf_fini(&args);
	/* If the guest stood still, it does not matter. */
	if (r == 0 && !t->dry_run && host->count > 1 && !t->qmp && !t->libvirt)
		host_snapshots_tell_apart(first->host, apart_us);
	return r;
}

int host_snapshots_take(struct host_snapshots *h, const struct transfer *t,
	const struct location *from, int count, const struct peer_options *opt)
{
	int i;

	h->from = from;
	if (sort_sources(h, count) < 0)
		return -1;
	for (i = 0; i < h->count && !cancel_is_set(); i++) {
		err_clear();
		if (ask_host(h, i, count, t, opt) == 0)
			h->host[i].is_taken = !t->dry_run;
		else
			err_take(&h->host[i].error);
		peer_kept_settle(&h->host[i].kept);
	}
	return 0;
}

int host_snapshots_lend(struct host_snapshots *h, int i, struct transfer_peers *peers, bool *taken)
{
	struct source_host *host = &h->host[h->host_of[i]];
	static const struct peer_kept none = PEER_KEPT_INIT;

	if (host->error.status != ST_OK && host->blamed >= 0 && host->blamed != i)
		err_set(host->error.status, "is not copied, as no snapshot of '%s' could be taken",
			h->from[host->blamed].text);
	else if (host->error.status != ST_OK)
		err_put(&host->error);
	else if (host->is_taken && !host->kept.peer)
		err_set(ST_FAILED, "its snapshot was lost, because an earlier copy from its host "
				   "was interrupted");
	if (err_status() != ST_OK)
		return copy_blame(&h->from[i]);
	*taken = host->is_taken;
	peers->from = host->kept;
	host->kept = none;
	return 0;
}

void host_snapshots_take_back(struct host_snapshots *h, int i, struct transfer_peers *peers)
{
	static const struct peer_kept none = PEER_KEPT_INIT;

	h->host[h->host_of[i]].kept = peers->from;
	peers->from = none;
}

void host_snapshots_close(struct host_snapshots *h)
{
	int i;

	for (i = 0; i < h->count; i++)
		peer_kept_close(&h->host[i].kept);
	free(h->host);
	free(h->host_of);
	memset(h, 0, sizeof(*h));
}
