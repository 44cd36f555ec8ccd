/*
 * create_qcow2: only metadata is written.  A volume keeps what it held behind that, but for its
 * beginning and its end, where signatures of filesystems, RAID members and partition tables would
 * be found.  QEMU writes every cluster that it takes into use completely, so no guest can see
 * what was there before.
 */
#include "lib/op/create_qcow2.h"

#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/size.h"
#include "lib/format/qcow2_make.h"
#include "lib/op/create_backing.h"
#include "lib/op/op.h"
#include "lib/store/backend.h"

#define EDGE (UINT64_C(1) << 20) /* bytes of either end of a volume that are zeroed */

/* The size of the guest's disk that was asked for, rounded up as qemu-img does it. */
static int find_guest_size(const struct kv *request, uint64_t *size)
{
	uint64_t asked = op_u64(request, "size", 0);
	char text[SIZE_HUMAN];

	if (asked == 0)
		return err_set(ST_REFUSED, "a guest's disk cannot be empty");
	if (asked > QCOW2_MAKE_MAX)
		return err_set(ST_REFUSED,
			"the disk of a qcow2 image can have %s at most (%llu bytes)",
			size_human(QCOW2_MAKE_MAX, text), (unsigned long long)QCOW2_MAKE_MAX);
	*size = (asked + QCOW2_MAKE_UNIT - 1) / QCOW2_MAKE_UNIT * QCOW2_MAKE_UNIT;
	return 0;
}

/* The size of the volume; by default 10 % more than the image can need, for discarded clusters. */
static int find_volume_size(const struct kv *request, struct target_want *want, uint64_t size)
{
	uint64_t asked = op_u64(request, "volume_size", 0), full = qcow2_make_full(size);
	char has[SIZE_HUMAN], needs[SIZE_HUMAN];

	if (asked && asked < want->len)
		return err_set(ST_NOROOM,
			"the volume would have %s, and an empty qcow2 image of that size needs %s",
			size_human(asked, has), size_human(want->len, needs));
	want->volume_len = asked ? asked : full + (full + 9) / 10;
	return 0;
}

static int write_image(struct target *t, const struct qcow2_make *m, bool on_volume)
{
	uint64_t end = qcow2_make_end(m->size), space = target_space(t);
	uint8_t *head;
	int r;

	if (on_volume && end < EDGE)
		end = EDGE < space ? EDGE : space;
	if (target_zero(t, end, 0) < 0)
		return -1;
	if (on_volume && space - end < EDGE && target_zero(t, space - end, end) < 0)
		return -1;
	if (on_volume && space - end >= EDGE && target_zero(t, EDGE, space - EDGE) < 0)
		return -1;
	head = malloc(QCOW2_MAKE_HEAD);
	if (!head)
		return err_set(ST_FAILED, "out of memory");
	qcow2_make(m, head);
	r = target_write(t, head, QCOW2_MAKE_HEAD, 0);
	free(head);
	return r;
}

static void add_reply(struct buf *reply, const struct target *t, const struct qcow2_make *m,
	uint64_t physical, const struct create_backing *b)
{
	kv_add(reply, "path", target_path(t));
	kv_add_u64(reply, "size", m->size);
	kv_add_u64(reply, "physical", physical);
	if (!m->backing)
		return;
	kv_add(reply, "backing.path", b->path);
	kv_add(reply, "backing.recorded", m->backing);
	kv_add(reply, "backing.format", b->format);
}

/* Takes over place. */
static int make_image(struct place *place, const struct target_want *want,
	const struct qcow2_make *m, const struct create_backing *b, struct buf *reply)
{
	bool on_volume = place->backend->rounds_size;
	struct target *t = target_make(place, want);

	if (!t)
		return -1;
	add_reply(reply, t, m, on_volume ? target_space(t) : want->len, b);
	if (want->dry_run) {
		target_abort(t);
		return 0;
	}
	if (write_image(t, m, on_volume) < 0) {
		target_abort(t);
		return -1;
	}
	return target_commit(t);
}

int create_qcow2(struct place *place, const struct target_want *want, const struct kv *request,
	struct buf *reply)
{
	struct qcow2_make m = { .backing = kv_get(request, "backing") };
	struct create_backing b = { NULL, NULL };
	struct target_want own = *want;
	int r = find_guest_size(request, &m.size);

	if (r == 0 && m.backing)
		r = create_backing_look(&b, place, m.backing);
	if (r == 0) {
		own.len = qcow2_make_end(m.size);
		m.backing_format = b.format;
		if (place->backend->rounds_size)
			r = find_volume_size(request, &own, m.size);
	}
	if (r == 0)
		r = make_image(place, &own, &m, &b, reply);
	else
		place_close(place);
	create_backing_fini(&b);
	return r;
}
