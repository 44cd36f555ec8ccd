/*
 * qcow2_check: a window of clusters is counted at a time.  First the image's own counts are read,
 * to know which of them are 1; then all references are walked, and those into the window are
 * counted; then the image's counts are read again and compared.  The next window begins at the next
 * cluster that is used or counted, so a hole in a long file costs nothing.
 */
#include "lib/format/qcow2_check.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/format/qcow2_cluster.h"
#include "lib/format/qcow2_entry.h"
#include "lib/format/qcow2_references.h"
#include "lib/format/qcow2_tables.h"

#define ENTRY 8
#define PIECE 65536u
#define TABLE "table of reference counts"

/* What is known of a cluster. */
#define IS_ONE 0x8000u	 /* the image's count is 1 */
#define IS_ALONE 0x4000u /* a table that must have the cluster alone */
#define USES 0x3fffu	 /* how often it is referred to, or more often */

struct checking {
	struct qcow2_references refs;
	const struct qcow2 *q;
	uint64_t *block; /* offsets of the blocks of counts, 0 if there is none */
	uint64_t blocks, per_block, clusters;
	uint16_t *seen;	     /* of the window: */
	uint64_t begin, end; /* its clusters */
	uint64_t next;	     /* the first one behind it that is used; UINT64_MAX: none */
	uint64_t leaks;
};

static uint64_t count_at(const uint8_t *p, uint64_t i, unsigned order)
{
	unsigned bits = 1u << order, in_byte = 8 >> order;

	switch (order) {
	case 3:
		return p[i];
	case 4:
		return get_be16(p + 2 * i);
	case 5:
		return get_be32(p + 4 * i);
	case 6:
		return get_be64(p + 8 * i);
	default:
		return p[i / in_byte] >> (i % in_byte * bits) & ((1u << bits) - 1);
	}
}

static int refuse_cluster(const struct checking *c, uint64_t i, const char *why)
{
	return err_set(ST_CORRUPT, "the qcow2 image is corrupt: the cluster at %llu %s",
		(unsigned long long)(i * c->q->cluster_size), why);
}

/* Compares the image's count of cluster i with its uses. */
static int compare_count(struct checking *c, uint64_t i, uint64_t count)
{
	unsigned seen = c->seen[i - c->begin], uses = seen & USES;

	if (seen & IS_ALONE && uses != 1)
		return refuse_cluster(c, i, "is used by a table and by something else");
	if (uses > count)
		return refuse_cluster(c, i, "is used more often than its reference count says");
	if (uses < count && uses != USES)
		c->leaks++;
	return 0;
}

/* Clusters that no block counts. */
static int compare_uncounted(struct checking *c, uint64_t first, uint64_t end)
{
	for (; first < end; first++)
		if (c->seen[first - c->begin] && compare_count(c, first, 0) < 0)
			return -1;
	return 0;
}

/* The counts of the clusters from first to end, which are all in block b. */
static int walk_block(
	struct checking *c, uint64_t b, uint64_t first, uint64_t end, bool is_compared)
{
	unsigned order = c->q->refcount_order;
	uint64_t in = first - b * c->per_block, most = (uint64_t)PIECE * 8 >> order, i, n, from;
	uint8_t *p = c->refs.piece;
	size_t bytes;

	for (; first < end; first += n, in += n) {
		/* Pieces begin with a byte, as a piece has a multiple of 8 counts. */
		from = in % 8;
		n = end - first < most - from ? end - first : most - from;
		bytes = (size_t)((((from + n) << order) + 7) / 8);
		if (qcow2_references_read(
			    &c->refs, p, bytes, c->block[b] + ((in - from) << order) / 8) < 0)
			return -1;
		for (i = 0; i < n; i++) {
			uint64_t count = count_at(p, from + i, order);

			if (!is_compared && count == 1)
				c->seen[first + i - c->begin] |= IS_ONE;
			if (is_compared && compare_count(c, first + i, count) < 0)
				return -1;
		}
	}
	return 0;
}

/* Reads the image's counts of the window: to know which are 1, or to compare them. */
static int walk_counts(struct checking *c, bool is_compared)
{
	uint64_t first, end, b;

	for (first = c->begin; first < c->end; first = end) {
		b = first / c->per_block;
		end = (b + 1) * c->per_block;
		if (end > c->end)
			end = c->end;
		if (b < c->blocks && c->block[b]) {
			if (walk_block(c, b, first, end, is_compared) < 0)
				return -1;
		} else if (is_compared && compare_uncounted(c, first, end) < 0) {
			return -1;
		}
	}
	return 0;
}

static void use_cluster(struct checking *c, uint64_t i, bool is_alone)
{
	uint16_t *seen = &c->seen[i - c->begin];

	if ((*seen & USES) < USES)
		(*seen)++;
	if (is_alone)
		*seen |= IS_ALONE;
}

static int check_copied(const struct checking *c, const struct qcow2_reference *ref, uint64_t i)
{
	bool is_one = c->seen[i - c->begin] & IS_ONE;

	if (ref->copied == QCOW2_COPIED_NONE || is_one == (ref->copied == QCOW2_COPIED_YES))
		return 0;
	return err_set(ST_CORRUPT,
		"the qcow2 image is corrupt: the flag 'copied' of the %s at %llu disagrees with "
		"its reference count",
		ref->what, (unsigned long long)ref->off);
}

static int check_reference(void *arg, const struct qcow2_reference *ref)
{
	struct checking *c = arg;
	uint64_t first = ref->off / c->q->cluster_size;
	uint64_t last = (ref->off + ref->len - 1) / c->q->cluster_size, i;

	for (i = first < c->begin ? c->begin : first; i <= last && i < c->end; i++) {
		use_cluster(c, i, ref->is_alone);
		if (check_copied(c, ref, i) < 0)
			return -1;
	}
	if (i <= last && i < c->next)
		c->next = i;
	return 0;
}

/* The table of reference counts, and its blocks. */
static int use_counts(struct checking *c)
{
	struct qcow2_reference ref = {
		.what = TABLE, .off = c->q->refcount_off, .len = c->blocks * ENTRY, .is_alone = true
	};
	uint64_t b;

	if (qcow2_references_add(&c->refs, &ref) < 0)
		return -1;
	ref.what = "block of reference counts";
	ref.len = c->q->cluster_size;
	for (b = 0; b < c->blocks; b++) {
		ref.off = c->block[b];
		if (ref.off && qcow2_references_add(&c->refs, &ref) < 0)
			return -1;
	}
	return 0;
}

/* Moves c->next to the first cluster behind the window that a block counts, if that is earlier. */
static void find_next_counted(struct checking *c)
{
	uint64_t b = c->end / c->per_block, first;

	while (b < c->blocks && !c->block[b])
		b++;
	first = b * c->per_block;
	if (first < c->end)
		first = c->end;
	if (b < c->blocks && first < c->next)
		c->next = first;
}

static int check_window(struct checking *c, uint64_t window)
{
	uint64_t n = c->clusters - c->begin < window ? c->clusters - c->begin : window;
	size_t bytes = (size_t)n * sizeof(*c->seen);

	if (bytes > c->refs.left)
		return err_set(ST_FAILED, "it takes too long to check its structure");
	c->refs.left -= bytes;
	memset(c->seen, 0, bytes);
	c->end = c->begin + n;
	c->next = UINT64_MAX;
	if (walk_counts(c, false) < 0 || qcow2_references_walk(&c->refs, check_reference, c) < 0 ||
		use_counts(c) < 0 || walk_counts(c, true) < 0)
		return -1;
	find_next_counted(c);
	return 0;
}

static int read_table(struct checking *c)
{
	size_t n = (size_t)c->blocks * ENTRY;
	uint64_t i;

	c->block = malloc(n);
	if (!c->block)
		return err_set(ST_FAILED, "out of memory");
	if (qcow2_references_read(&c->refs, c->block, n, c->q->refcount_off) < 0)
		return -1;
	for (i = 0; i < c->blocks; i++) {
		c->block[i] = get_be64((const uint8_t *)&c->block[i]);
		if (c->block[i] % c->q->cluster_size)
			return qcow2_tables_refuse(
				TABLE, "has a block that is not aligned to a cluster");
		if (c->block[i] / c->q->cluster_size >= c->clusters)
			return qcow2_tables_refuse(TABLE, "has a block outside of the image");
	}
	return 0;
}

static int check_header(const struct qcow2 *q)
{
	uint64_t reach = qcow2_entry_reach(q);

	if (q->incompatible & QCOW2_EXTENDED_L2 && q->cluster_size < 16384)
		return qcow2_tables_refuse(
			"L2 table", "is extended, but its clusters are too small");
	if (q->size / reach + (q->size % reach != 0) > q->l1_size)
		return qcow2_tables_refuse("L1 table", "is too small");
	/* An unknown type is corrupt here, as it is for `qemu-img check`. */
	return qcow2_cluster_check(q) < 0 ? err_set(ST_CORRUPT, "%s", err_text()) : 0;
}

int qcow2_check_by(const struct qcow2 *q, int fd, uint64_t len, uint64_t window, uint64_t budget,
	struct qcow2_check *out)
{
	struct checking c = { .q = q };
	int r = -1;

	if (check_header(q) < 0 || qcow2_tables_check(q, fd, len) < 0 ||
		qcow2_references_init(&c.refs, q, fd, len, budget) < 0)
		return -1;
	c.blocks = (uint64_t)q->refcount_clusters * q->cluster_size / ENTRY;
	c.per_block = (uint64_t)q->cluster_size * 8 >> q->refcount_order;
	c.clusters = qcow2_references_clusters(&c.refs);
	if (window > c.clusters)
		window = c.clusters;
	c.seen = malloc((size_t)window * sizeof(*c.seen));
	if (!c.seen) {
		err_set(ST_FAILED, "out of memory");
		goto out;
	}
	if (read_table(&c) < 0)
		goto out;
	for (; c.begin < c.clusters; c.begin = c.next)
		if (check_window(&c, window) < 0)
			goto out;
	out->leaks = c.leaks;
	r = 0;
out:
	free(c.seen);
	free(c.block);
	qcow2_references_fini(&c.refs);
	return r;
}

int qcow2_check(const struct qcow2 *q, int fd, uint64_t len, struct qcow2_check *out)
{
	return qcow2_check_by(q, fd, len, QCOW2_CHECK_WINDOW, QCOW2_CHECK_BUDGET, out);
}
