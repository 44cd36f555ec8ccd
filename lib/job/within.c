/*
 * within: a copy whose two ends are on one host, whose helper does it all.
 */
#include "lib/job/ways.h"

#include "lib/base/err.h"
#include "lib/job/talk.h"

/*
 * The records of a copy within a host.  *whose is the side that an error now
 * would be of.
 */
static int take_within(const struct transfer *t, struct peer *p, const struct location **whose,
	struct kv *reply, struct transfer_result *res)
{
	struct kv record;
	int r;

	*whose = &t->from;
	if (talk_expect_record(p, &record) < 0)
		return -1;
	r = talk_look_at_source(t, &record, res);
	kv_fini(&record);
	if (r < 0)
		return -1;
	*whose = &t->to;
	if (talk_expect_record(p, &record) < 0)
		return -1;
	r = talk_take_target(&record, res);
	kv_fini(&record);
	if (r < 0)
		return -1;
	while ((r = peer_answer(p, &record)) == 1) {
		if (kv_get(&record, "failed"))
			*whose = &t->from;
		kv_fini(&record);
	}
	if (r == 0)
		*reply = record;
	return r;
}

/* Both on one host: its helper does it all. */
int within_copy(const struct transfer *t, struct peer *p, struct transfer_result *res)
{
	const struct location *whose = &t->from;
	struct buf args = BUF_INIT;
	struct kv reply = KV_INIT;
	bool has_digest = true;
	int r = -1;

	talk_add_source_args(&args, t);
	if (!t->from.is_stdio)
		kv_add(&args, "source", talk_asked_path(&t->from));
	kv_add_bool(&args, "progress", t->progress != NULL);
	kv_add_bool(&args, "want_digest", t->want_digest);
	if (talk_add_target_args(&args, t) < 0 || peer_request(p, "copy", &args) < 0 ||
		take_within(t, p, &whose, &reply, res) < 0)
		goto out;
	if (!t->dry_run &&
		(talk_take_counts(&reply, res) < 0 || talk_take_blocks(&reply, res) < 0 ||
			kv_get_bool(&reply, "cloned", &res->cloned) < 0 ||
			kv_get_bool(&reply, "has_digest", &has_digest) < 0))
		goto out;
	if (!has_digest)
		res->digest[0] = '\0';
	r = 0;
out:
	buf_fini(&args);
	kv_fini(&reply);
	return r < 0 ? talk_blame(whose) : 0;
}
