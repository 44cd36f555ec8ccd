/*
 * wire: the protocol between a command and a helper, drawn once.
 *
 * The helper's side of the channel may begin with text that is not ours (login
 * scripts); then come lines of the bootstrap (lib/peer/bootstrap.h), the last
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
 *	REQUEST	client	kv: op, and what it takes
 *	RECORD	helper	kv: a part of the result; what and how many is the op's
 *	GO	client	nothing: the answer to a record that asks to go on
 *	DATA	both	u64 offset, then an lzop block: u32 raw length, u32 coded
 *			length, u32 adler32 of the raw bytes, the coded bytes
 *	HOLE	both	u64 offset, u64 length
 *	END	both	u64 length of the image, u64 data bytes, u64 hole bytes,
 *			u64 data blocks, 16 bytes digest
 *	OK	helper	kv: the operation is done; the next may be requested
 *	FAILED	helper	u16 status, u32 errno (Linux's numbers), text: it failed, and
 *			the next may be requested
 *	ERROR	helper	the same: it failed, and the connection ends
 *	MESSAGE	helper	u8 level (log.h), text of one line
 *	PROGRESS helper	u64 done, u64 total, bytes of the image; total 0: unknown
 *	BEAT	both	nothing: there is life
 *
 * Blocks come in order of their offsets, without gap or overlap, each data
 * block at a multiple of BLOCK_SIZE and only the last one shorter than that.
 * A stream that lacks its END, or whose END disagrees, is an error.
 *
 * Each side sends a BEAT when it has sent nothing for WIRE_BEAT_MS, whatever
 * else it is doing, and gives the other up after WIRE_SILENCE_MS without a
 * byte.  End of file from the client is its abort: the helper undoes what is
 * under way, and ends.  An operation that streams fails with ERROR, which is
 * heard ahead of the blocks that are still under way; another with FAILED.
 *
 * Data lanes beside this control lane are channels of their own that carry
 * DATA and HOLE frames only; the greeting's `lanes` says how many the helper
 * takes (1: this one).  That is why blocks carry offsets and END carries counts.
 */
#ifndef IMG_WIRE_H
#define IMG_WIRE_H

#include "lib/base/err.h"
#include "lib/base/kv.h"
#include "lib/block/lzop.h"

#define WIRE_PROTOCOL 1
#define WIRE_LINE "img-tools/" /* begins each line of bootstrap and helper */
#define WIRE_READY WIRE_LINE "1 ready"

#define WIRE_HEADER 8
#define WIRE_TEXT_MAX 2048 /* texts of MESSAGE, FAILED and ERROR */
#define WIRE_KV_MAX KV_BYTES_MAX
#define WIRE_DATA_HEADER (8 + LZOP_OWN_BLOCK_HEADER)
#define WIRE_DATA_MAX (WIRE_DATA_HEADER + BLOCK_SIZE)
#define WIRE_HOLE_SIZE 16
#define WIRE_END_SIZE (4 * 8 + HASH_SIZE)
#define WIRE_PROGRESS_SIZE 16

#define WIRE_BEAT_MS 5000
#define WIRE_SILENCE_MS 20000

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
	WIRE_TYPE_MAX = WIRE_FAILED
};

enum wire_side { WIRE_CLIENT, WIRE_HELPER };

struct wire_header {
	enum wire_type type;
	uint32_t len; /* of the payload */
};

/* What an END says; also what a flow counts. */
struct wire_end {
	uint64_t len;	     /* of the image */
	uint64_t data_bytes; /* raw bytes in data blocks */
	uint64_t hole_bytes;
	uint64_t data_blocks;
	struct hash digest;
};

/* "DATA" and so on, for messages; never NULL. */
const char *wire_name(unsigned type);

void wire_header_put(uint8_t out[WIRE_HEADER], enum wire_type type, uint32_t len);

/*
 * Parses a frame's header that came from the given side.  0, or -1 with
 * ST_PEER recorded: an unknown type, one that this side does not send, a length
 * that the type does not allow, bits set that must be 0.
 */
int wire_header_parse(struct wire_header *h, const uint8_t in[WIRE_HEADER], enum wire_side from);

/*
 * The start of a DATA payload, into an empty block: off, len, coded_len and
 * adler are set, and the coded bytes (all that is left of the payload) are to
 * be put into b->raw if stored, else b->enc.  0, or -1 with ST_PEER recorded.
 */
int wire_data_parse(struct block *b, const uint8_t in[WIRE_DATA_HEADER], uint32_t payload_len);
void wire_data_put(uint8_t out[WIRE_DATA_HEADER], const struct block *b);

int wire_hole_parse(struct block *b, const uint8_t in[WIRE_HOLE_SIZE]);
void wire_hole_put(uint8_t out[WIRE_HOLE_SIZE], const struct block *b);

void wire_end_parse(struct wire_end *e, const uint8_t in[WIRE_END_SIZE]);
void wire_end_put(uint8_t out[WIRE_END_SIZE], const struct wire_end *e);

/* The payload of FAILED or ERROR; the text is cut to WIRE_TEXT_MAX.  Parsing never fails:
 * a status that is none becomes ST_FAILED. */
void wire_error_put(struct buf *out, const struct err *e);
void wire_error_parse(struct err *e, const uint8_t *in, uint32_t len);

#endif
