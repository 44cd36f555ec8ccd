/*
 * copy_local: the helper sends a record for the source, one for the target, one
 * with `failed` if the source failed later, and one with the counts.
 */
#include "lib/job/copy_local.h"

#include "lib/job/copy_request.h"

/* Receives them.  *whose is the end that has failed, should this return -1. */
static int receive_answers(const struct transfer *t, struct peer *p, const struct location **whose,
	struct kv *counts, struct transfer_result *res)
{
	struct kv record;
	int r;

	*whose = &t->from;
	if (copy_answer_record(p, &record) < 0)
		return -1;
	r = copy_answer_source(t, &record, res);
	kv_fini(&record);
	if (r < 0)
		return -1;
	*whose = &t->to;
	if (copy_answer_record(p, &record) < 0)
		return -1;
	r = copy_answer_target(&record, res);
	kv_fini(&record);
	if (r < 0)
		return -1;
	if (t->dry_run)
		return copy_answer_ok(p, counts);
	while ((r = copy_answer_record(p, counts)) == 0 && kv_get(counts, "failed")) {
		*whose = &t->from;
		kv_fini(counts);
	}
	return r;
}

int copy_local(const struct transfer *t, struct peer *p, struct transfer_result *res)
{
	const struct location *whose = &t->from;
	struct buf args = BUF_INIT;
	struct kv counts = KV_INIT;
	bool has_digest = true;
	int r = -1;

	copy_request_source(&args, t);
	if (!t->from.is_stdio)
		kv_add(&args, "source", copy_request_path(&t->from));
	kv_add_bool(&args, "progress", t->progress != NULL);
	kv_add_bool(&args, "want_digest", t->want_digest);
	if (copy_request_target(&args, t) < 0 || peer_request(p, "copy", &args) < 0 ||
		receive_answers(t, p, &whose, &counts, res) < 0)
		goto out;
	if (!t->dry_run &&
		(copy_answer_counts(&counts, res) < 0 || copy_answer_blocks(t, &counts, res) < 0 ||
			kv_get_bool(&counts, "cloned", &res->cloned) < 0 ||
			kv_get_bool(&counts, "has_digest", &has_digest) < 0 || copy_publish(p) < 0))
		goto out;
	if (!has_digest)
		res->digest[0] = '\0';
	r = 0;
out:
	buf_fini(&args);
	kv_fini(&counts);
	return r < 0 ? copy_blame(whose) : 0;
}
