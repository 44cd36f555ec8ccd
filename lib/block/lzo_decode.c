/*
 * lzo_decode: nearly all instructions take the same way, which is what makes it fast.  A
 * table has what their first byte says, so that the kinds of matches need no branches.  And
 * while both buffers have room for it, an instruction copies WIDE bytes at once: what is too
 * much is overwritten by the next one.
 *
 * Only the functions between the table and instruction() read and write more than the first
 * byte.  Each compares with the end of the buffer, unless `room` says that the largest
 * instruction fits.
 */
#include "lib/block/lzo_decode.h"

#include <stdbool.h>
#include <string.h>

#define ALWAYS_INLINE inline __attribute__((always_inline))

#define WIDE 32 /* most runs and matches have fewer bytes */
#define FEW 4	/* the literals behind a match are fewer */

/*
 * What an instruction reads and writes at most, with all that it copies too much, if its length
 * is not extended: then a match has up to 33 bytes.
 */
#define ROOM_IN (1 + WIDE)
#define ROOM_OUT (33 + FEW)

/*
 * What the first byte of a match says.  If v is the number in the `size` bytes that follow, then
 * the distance is `distance` + (v << shift & mask) / 4, and literals | (v & literals_mask) is how
 * many literals there are.
 */
struct match {
	uint16_t distance; /* never 0 */
	uint16_t mask;
	uint8_t shift;
	uint8_t size;
	uint8_t length; /* 0: it is extended */
	uint8_t literals, literals_mask;
};

/* Each is named by its length or distance, and has the members of struct match in their order. */
/* clang-format off */
#define TWO(t) { ((t) >> 2) + 1, 0xff << 4, 4, 1, 2, (t) & 3, 0 }
#define THREE(t) { ((t) >> 2) + 2049, 0xff << 4, 4, 1, 3, (t) & 3, 0 }
#define FAR(t) { ((t) & 8 ? 32768 : 16384), 0xfffc, 0, 2, ((t) & 7 ? ((t) & 7) + 2 : 0), 0, 3 }
#define MIDDLE(t) { 1, 0xfffc, 0, 2, ((t) & 31 ? ((t) & 31) + 2 : 0), 0, 3 }
#define NEAR(t) { ((t) >> 2 & 7) + 1, 0xff << 5, 5, 1, ((t) >> 5) + 1, (t) & 3, 0 }
/* clang-format on */
#define FOUR(kind, t) kind(t), kind((t) + 1), kind((t) + 2), kind((t) + 3)
#define ROW(kind, t) FOUR(kind, t), FOUR(kind, (t) + 4), FOUR(kind, (t) + 8), FOUR(kind, (t) + 12)
#define ROWS(kind, t) ROW(kind, t), ROW(kind, (t) + 16), ROW(kind, (t) + 32), ROW(kind, (t) + 48)
#define AFTER_RUN 256 /* the place of what the first row means behind a run */

static const struct match matches[] = {
	ROW(TWO, 0),
	ROW(FAR, 16),
	ROW(MIDDLE, 32),
	ROW(MIDDLE, 48),
	ROWS(NEAR, 64),
	ROWS(NEAR, 128),
	ROWS(NEAR, 192),
	ROW(THREE, 0),
};

struct decoder {
	const uint8_t *in, *in_end;
	uint8_t *out, *out_end;
	const uint8_t *out_start;
	enum before { BEFORE_NONE, BEFORE_LITERALS, BEFORE_RUN } before; /* the next instruction */
};

/* Copies n bytes from the input; `wide` of them at once if there is room. */
static ALWAYS_INLINE bool copy_literals(struct decoder *d, size_t n, size_t wide, bool room)
{
	if (room && n <= wide) {
		memcpy(d->out, d->in, wide);
	} else {
		if (n > (size_t)(d->in_end - d->in) || n > (size_t)(d->out_end - d->out))
			return false;
		memcpy(d->out, d->in, n);
	}
	d->in += n;
	d->out += n;
	return true;
}

/* Copies n bytes that may overlap the place to which they go, in pieces that do not. */
static void copy_overlapping(uint8_t *out, size_t distance, size_t n)
{
	const uint8_t *from = out - distance;
	size_t piece;

	for (; n > 0; n -= piece, out += piece) {
		piece = (size_t)(out - from) < n ? (size_t)(out - from) : n;
		memcpy(out, from, piece);
	}
}

/* Repeats n bytes of the output, which begin `distance` before its end. */
static ALWAYS_INLINE bool copy_match(struct decoder *d, size_t distance, size_t n, bool room)
{
	uint8_t part[8];
	size_t i;

	if (distance > (size_t)(d->out - d->out_start))
		return false;
	if (room && n <= WIDE && distance >= sizeof(part)) {
		for (i = 0; i < WIDE; i += sizeof(part)) {
			memcpy(part, d->out - distance + i, sizeof(part));
			memcpy(d->out + i, part, sizeof(part));
		}
	} else {
		if (n > (size_t)(d->out_end - d->out))
			return false;
		copy_overlapping(d->out, distance, n);
	}
	d->out += n;
	return true;
}

/* Reads the rest of a length that is extended beyond `most`; SIZE_MAX if the input ends there. */
static size_t read_length(struct decoder *d, size_t most)
{
	for (; d->in != d->in_end; most += 255)
		if (*d->in++ != 0)
			return most + d->in[-1];
	return SIZE_MAX;
}

static ALWAYS_INLINE bool read_distance(struct decoder *d, size_t size, unsigned *v, bool room)
{
	if (!room && size > (size_t)(d->in_end - d->in))
		return false;
	*v = d->in[0];
	if (room || size == 2)
		*v |= (unsigned)d->in[1] << 8;
	d->in += size;
	return true;
}

enum step { STEP_NEXT, STEP_END, STEP_BAD };

/* room: ROOM_IN and ROOM_OUT bytes are left. */
static ALWAYS_INLINE enum step instruction(struct decoder *d, bool room)
{
	const struct match *m;
	size_t n, distance;
	unsigned t, v;

	if (!room && d->in == d->in_end)
		return STEP_BAD;
	t = *d->in++;
	if (t < 16 && d->before == BEFORE_NONE) {
		d->before = BEFORE_RUN;
		n = t != 0 ? t + 3 : read_length(d, 18);
		return copy_literals(d, n, WIDE, room && t != 0) ? STEP_NEXT : STEP_BAD;
	}
	m = &matches[t < 16 && d->before == BEFORE_RUN ? t + AFTER_RUN : t];
	n = m->length;
	if (n == 0) {
		n = read_length(d, t < 32 ? 9 : 33);
		room = false;
	}
	if (!read_distance(d, m->size, &v, room))
		return STEP_BAD;
	distance = m->distance + ((v << m->shift & m->mask) >> 2);
	if (distance == 16384 && t < 24)
		return d->in == d->in_end ? STEP_END : STEP_BAD;
	if (!copy_match(d, distance, n, room))
		return STEP_BAD;
	n = m->literals | (v & m->literals_mask);
	d->before = n != 0 ? BEFORE_LITERALS : BEFORE_NONE;
	return copy_literals(d, n, FEW, room) ? STEP_NEXT : STEP_BAD;
}

int lzo_decode(const uint8_t *in, size_t n, uint8_t *out, size_t *out_n)
{
	struct decoder d = { in, in + n, out, out + *out_n, out, BEFORE_NONE };
	enum step step = STEP_NEXT;
	size_t literals;

	if (n > 0 && *in > 17) {
		literals = *d.in++ - 17;
		d.before = literals < 4 ? BEFORE_LITERALS : BEFORE_RUN;
		if (!copy_literals(&d, literals, 0, false))
			return -1;
	}
	while (step == STEP_NEXT)
		if (d.in_end - d.in >= ROOM_IN && d.out_end - d.out >= ROOM_OUT)
			step = instruction(&d, true);
		else
			step = instruction(&d, false);
	*out_n = (size_t)(d.out - out);
	return step == STEP_END ? 0 : -1;
}
