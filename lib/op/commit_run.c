/*
 * commit_run: qemu-img prints how far it is as "    (12.34/100%)", each time after a '\r'.
 */
#include "lib/op/commit_run.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/child.h"
#include "lib/base/err.h"
#include "lib/op/commit_node.h"
#include "lib/op/commit_space.h"
#include "lib/op/op.h"
#include "lib/store/watch_rule.h"

#define TICK_MS 250
#define PERCENT_MAX 32 /* bytes of that text */

struct committing {
	const struct commit *c;
	unsigned depth;
	struct buf out;
};

/* Where img-watch would act by its defaults; only a qcow2 layer on a device can need more. */
static uint64_t find_threshold(const struct commit *c, const struct commit_numbers *n)
{
	const struct disk_layer base = commit_layer(c, c->base);
	const struct watch_state s = {
		.capacity = n->capacity, .used = n->allocation, .size = n->physical
	};
	const struct watch_rule rule = { .chunk = WATCH_RULE_CHUNK,
		.reserve = watch_rule_reserve(WATCH_RULE_CHUNK) };

	return base.qcow2 && S_ISBLK(base.img->st.st_mode) ? watch_rule_threshold(&s, &rule)
							   : UINT64_MAX;
}

void commit_run_tell(const struct commit *c, uint64_t done)
{
	struct wire_progress p = { .done = done, .total = c->all_bytes, .data = done };
	bool is_qcow2 = commit_layer(c, c->base).qcow2;
	struct commit_numbers n;
	struct flow_options opt;

	op_flow_options(c->session, c->request, &opt);
	if (!opt.progress)
		return;
	p.left = p.total > done ? p.total - done : 0;
	/* While qemu-img writes to it, its tables may be incomplete. */
	if (commit_space_numbers_soon(c->held[c->base]->fd, is_qcow2, &n) == 0) {
		p.capacity = n.capacity;
		p.allocation = n.allocation > c->live_end ? n.allocation : c->live_end;
		p.physical = n.physical;
		p.threshold = find_threshold(c, &n);
	} else {
		err_clear();
	}
	opt.progress(opt.arg, &p);
}

/* The last percentage in what qemu-img has printed. */
static double find_percent(const struct buf *out)
{
	char text[PERCENT_MAX + 1];
	size_t n = out->len < PERCENT_MAX ? out->len : PERCENT_MAX;
	const char *at;
	double percent;

	memcpy(text, out->data + out->len - n, n);
	text[n] = '\0';
	at = strrchr(text, '(');
	if (!at || sscanf(at, "(%lf/100%%)", &percent) != 1 || !(percent >= 0 && percent <= 100))
		return 0;
	return percent;
}

static void tell_committing(void *arg)
{
	struct committing *r = arg;
	double part = r->out.len ? find_percent(&r->out) / 100 : 0;

	commit_run_tell(r->c, r->c->done_bytes + (uint64_t)((double)r->c->bytes[r->depth] * part));
}

static int run_commit(struct committing *r, const char *node, const int *fds, size_t count)
{
	const char *const argv[] = { "qemu-img", "commit", "-p", "-d", node, NULL };
	struct buf errors = BUF_INIT;
	const struct child child = { .argv = argv,
		.keep_fd = -1,
		.keep_more = fds,
		.keep_more_count = count,
		.own_session = true,
		.tick = tell_committing,
		.tick_arg = r,
		.tick_ms = TICK_MS,
		.out = &r->out,
		.errors = &errors };
	int status = child_run(&child);

	if (status > 0)
		commit_node_failed("commit", status, &errors, node);
	buf_fini(&errors);
	return status == 0 ? 0 : -1;
}

int commit_run_layer(struct commit *c, unsigned depth)
{
	struct committing run = { .c = c, .depth = depth, .out = BUF_INIT };
	int fds[CHAIN_LAYERS_MAX], r;
	struct buf node = BUF_INIT;
	size_t count;

	commit_node_begin(&node);
	count = commit_node_add_chain(&node, c, depth, c->base, c->count - 1, fds);
	r = buf_failed(&node);
	if (r == 0)
		r = run_commit(&run, buf_str(&node), fds, count);
	buf_fini(&node);
	buf_fini(&run.out);
	if (r == 0)
		c->done_bytes += c->bytes[depth];
	return r;
}
