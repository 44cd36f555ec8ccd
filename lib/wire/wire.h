/*
 * wire: the protocol between a command (the client) and a helper, drawn once.
 *
 * The helper's side of the channel may begin with text that is not ours (login
 * scripts).  Then come lines of the bootstrap (lib/peer/bootstrap.h), the last
 * of them WIRE_READY, and after it only frames, both ways.  Integers are
 * big-endian.
 *
 *	 0      1      2             4                          8
 *	+------+------+-------------+---------------------------+---------
 *	| type |  0   |      0      | length of payload, bytes  | payload
 *	+------+------+-------------+---------------------------+---------
 *
 *	type	from	payload
 *	GREETING helper	kv: protocol, version, arch, host, pid, lanes, op (each)
 *	REQUEST	client	kv: op, and the keys of its schema (lib/op/op.c)
 *	RECORD	helper	kv: a part of the result, as the operation defines it
 *	GO	client	nothing, or u8: the answer to a record that asks to go on; the blocks
 *			go over so many data lanes
 *	DATA	both	u64 offset, then an lzop block: u32 raw length, u32 coded
 *			length, u32 adler32 of the raw bytes, the coded bytes
 *	HOLE	both	u64 offset, u64 length
 *	END	both	u64 length of the image, u64 data bytes, u64 hole bytes,
 *			u64 data blocks, 16 bytes digest
 *	OK	helper	kv: the operation is done; the next may be requested
 *	ERROR	helper	u16 status, u32 errno (Linux's numbers), text: the operation
 *			failed, and the connection ends
 *	MESSAGE	helper	u8 level (log.h), text of one line
 *	PROGRESS helper	u64 done, u64 total, bytes of the image; total 0: unknown;
 *			u64 data bytes done, u64 about how many are left
 *	BEAT	both	nothing: a sign of life
 *	FAILED	both	as ERROR: the operation failed; the next may be requested.  From the
 *			client, instead of the GO of a source: the target failed, and the
 *			helper answers FAILED
 *	SAME	both	u64 offset, u64 length, 16 bytes XXH3-128 of the raw bytes: the
 *			target has these bytes already
 *	LANE	client	16 bytes token, u8: this channel is that data lane of that job,
 *			counted from 0; the helper answers OK
 *	PAUSE	both	u32 seconds: the client is being stopped (see below)
 *
 * A record for each layer of a chain of images is sent for the top layer first.
 *
 * Blocks
 * DATA, HOLE and SAME are the three kinds of blocks.  They come in order of
 * their offsets, without gap or overlap; each begins at a multiple of BLOCK_SIZE,
 * and only the last data block is shorter than that.  A stream that lacks its
 * END, or whose END disagrees, is an error.
 *
 * SAME may be sent only if the request to the receiving side had the flag
 * `same`, which says that the receiver compares the hash with what its target
 * holds; that request also has the hash's secret, so that no guest can prepare a
 * collision.  No operation of this version has that key, so every receiver
 * refuses SAME.
 *
 * Signs of life
 * Each side sends a BEAT when it has sent nothing for WIRE_BEAT_MS, whatever
 * else it is doing, and gives the other side up after WIRE_SILENCE_MS without a
 * byte.  End of file from the client is its abort: the helper rolls back what it
 * is doing, and ends.  An operation that streams fails with ERROR after its first
 * record; that takes effect before the blocks that are still on their way.  Before
 * that record it fails with FAILED, as any other operation always does.
 *
 * A client that is about to be stopped (Ctrl-Z) sends PAUSE.  The helper answers with
 * the same frame, and then does not count silence for that many seconds, at most
 * WIRE_PAUSE_MAX_S, or until it hears from the client again.  A process that finds
 * that it was itself stopped counts silence from then on.  Between a command and the
 * helper that it has started on its own host silence is not counted at all: there,
 * end of file tells reliably that the other side is gone.
 *
 * Lanes
 * All this goes over one channel, the control lane.  A job that streams may have
 * data lanes beside it, which carry the blocks and the END, BEATs and nothing else, and
 * end with the job; results, errors, messages and progress stay on the control lane.
 * The greeting's `lanes` says how many lanes a helper takes, the control lane included.
 *
 *	- A request with `lanes` is answered by a record with a `token`, which is random
 *	  and used for this job only.
 *	- A lane is started as the control lane is.  After READY and the greeting
 *	  the client sends LANE instead of a request.  The helper that is asked so gives its
 *	  channel to the job's helper (lane_hub.h) and answers OK.  A client on the same host
 *	  gives the job's helper a channel itself.  Nothing is sent over it before GO.
 *	- The blocks, in their order, are dealt to the lanes in turn: block n goes over lane
 *	  n modulo their number, and so does the END, as if it were the block after the last.
 *	- With GO the client tells both helpers how many lanes there are.  The helper of a
 *	  target that gave a token gets it before the first block.  Without a number, the blocks
 *	  come over the control lane.
 */
#ifndef IMG_WIRE_H
#define IMG_WIRE_H

#include "lib/base/err.h"
#include "lib/base/kv.h"
#include "lib/block/lzop.h"

#define WIRE_PROTOCOL 3
#define WIRE_LINE "img-tools/" /* begins each line of the bootstrap and of the helper */
#define WIRE_READY WIRE_LINE "3 ready"

#define WIRE_LANES_MAX 8 /* data lanes of a job */
#define WIRE_TOKEN_SIZE 16
#define WIRE_LANE_SIZE (WIRE_TOKEN_SIZE + 1)
#define WIRE_GO_MAX 1

#define WIRE_HEADER 8
#define WIRE_TEXT_MAX 2048 /* texts of MESSAGE, FAILED and ERROR */
#define WIRE_KV_MAX KV_BYTES_MAX
#define WIRE_DATA_HEADER (8 + LZOP_OWN_BLOCK_HEADER)
#define WIRE_DATA_MAX (WIRE_DATA_HEADER + BLOCK_SIZE)
#define WIRE_HOLE_SIZE 16
#define WIRE_SAME_SIZE (8 + 8 + HASH_SIZE)
#define WIRE_SAME_MAX (1u << 30) /* bytes that one SAME covers */
#define WIRE_END_SIZE (4 * 8 + HASH_SIZE)
#define WIRE_PROGRESS_SIZE 32
#define WIRE_PROGRESS_MAX 64

#define WIRE_BEAT_MS 5000
#define WIRE_SILENCE_MS 20000
#define WIRE_PAUSE_SIZE 4
#define WIRE_PAUSE_MAX_S 3600

enum wire_type {
	WIRE_GREETING = 1,
	WIRE_REQUEST,
	WIRE_RECORD,
	WIRE_GO,
	WIRE_DATA,
	WIRE_HOLE,
	WIRE_END,
	WIRE_OK,
	WIRE_ERROR,
	WIRE_MESSAGE,
	WIRE_PROGRESS,
	WIRE_BEAT,
	WIRE_FAILED,
	WIRE_SAME,
	WIRE_LANE,
	WIRE_PAUSE,
	WIRE_TYPE_MAX = WIRE_PAUSE
};

enum wire_side { WIRE_CLIENT, WIRE_HELPER };

struct wire_header {
	enum wire_type type;
	uint32_t len; /* of the payload */
};

/* What a SAME says: bytes of the image that the target has already. */
struct wire_same {
	uint64_t off, len;
	struct hash hash; /* XXH3-128 of the raw bytes */
};

/* What a PROGRESS says, in bytes: how far the image is, and how much of that is data. */
struct wire_progress {
	uint64_t done, total; /* of the image, holes included; total 0: unknown */
	uint64_t data;	      /* of done */
	uint64_t left;	      /* about how much data is still to come */
	/* Of the layer that a commit changes, as img-info shows them; physical 0: not told. */
	uint64_t capacity, allocation, physical;
	/* The allocation from which on it is near its end; UINT64_MAX: there is none. */
	uint64_t threshold;
};

/* What an END says; also what a flow counts. */
struct wire_end {
	uint64_t len;	     /* of the image, in bytes */
	uint64_t data_bytes; /* raw bytes in data blocks */
	uint64_t hole_bytes;
	uint64_t data_blocks;
	struct hash digest;
};

/* "DATA" and so on, for messages; never NULL. */
const char *wire_name(unsigned type);

void wire_header_put(uint8_t out[WIRE_HEADER], enum wire_type type, uint32_t len);

/*
 * Parses the header of a frame that the given side has sent.  0, or -1 with
 * ST_PEER recorded: an unknown type, a type that this side may not send, a length
 * that the type does not allow, or a bit that must be 0.
 */
int wire_header_parse(struct wire_header *h, const uint8_t in[WIRE_HEADER], enum wire_side from);

/*
 * Parses the start of a DATA payload into an empty block: sets off, len, coded_len
 * and adler.  The caller then reads the coded bytes, which are the rest of the
 * payload, into b->raw if the block is stored, else into b->enc.  0, or -1 with
 * ST_PEER recorded.
 */
int wire_data_parse(struct block *b, const uint8_t in[WIRE_DATA_HEADER], uint32_t payload_len);
void wire_data_put(uint8_t out[WIRE_DATA_HEADER], const struct block *b);

/* 0, or -1 with ST_PEER recorded: a range that no block may have. */
int wire_hole_parse(struct block *b, const uint8_t in[WIRE_HOLE_SIZE]);
void wire_hole_put(uint8_t out[WIRE_HOLE_SIZE], const struct block *b);

/* 0, or -1 with ST_PEER recorded: a range that no block may have, or one above WIRE_SAME_MAX. */
int wire_same_parse(struct wire_same *s, const uint8_t in[WIRE_SAME_SIZE]);
void wire_same_put(uint8_t out[WIRE_SAME_SIZE], const struct wire_same *s);

/* len is from WIRE_PROGRESS_SIZE to WIRE_PROGRESS_MAX. */
void wire_progress_parse(struct wire_progress *p, const uint8_t *in, size_t len);
/* The length of the payload: WIRE_PROGRESS_MAX if p->physical is told, or WIRE_PROGRESS_SIZE. */
size_t wire_progress_put(uint8_t out[WIRE_PROGRESS_MAX], const struct wire_progress *p);

void wire_end_parse(struct wire_end *e, const uint8_t in[WIRE_END_SIZE]);
void wire_end_put(uint8_t out[WIRE_END_SIZE], const struct wire_end *e);

/*
 * The payload of FAILED or ERROR; the text is cut to WIRE_TEXT_MAX.  Parsing never
 * fails: an unknown status becomes ST_FAILED.
 */
void wire_error_put(struct buf *out, const struct err *e);
void wire_error_parse(struct err *e, const uint8_t *in, uint32_t len);

#endif
