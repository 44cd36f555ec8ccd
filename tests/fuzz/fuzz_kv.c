/*
 * A list from a peer: parsing it never fails in another way than ST_PEER, and
 * what was parsed writes back to the same bytes.  As a request of each
 * operation it is refused with ST_PEER, or it has a value of the right type
 * for each key.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/kv.h"
#include "lib/op/op.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void as_request(const struct op *op, const struct kv *kv)
{
	const struct op_key *key;
	uint64_t n;
	bool flag;
	size_t i;

	if (schema_check(&op->schema, op->name, kv) < 0) {
		if (err_status() != ST_PEER)
			abort();
		return;
	}
	for (i = 0; (key = schema_key(&op->schema, i)); i++)
		if ((key->type == KEY_U64 && kv_get_u64(kv, key->name, &n) < 0) ||
			(key->type == KEY_FLAG && kv_get_bool(kv, key->name, &flag) < 0) ||
			(key->required && !kv_get(kv, key->name)))
			abort();
	if (schema_needs(&op->schema, kv) & ~(unsigned)RIGHT_ALL)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct op *op;
	struct buf b = BUF_INIT;
	struct kv kv;
	uint64_t n;
	bool flag;
	size_t i;

	err_clear();
	if (kv_parse(&kv, data, size) < 0) {
		if (err_status() != ST_PEER || kv.count || kv.bytes || kv.pair)
			abort();
		return 0;
	}
	for (i = 0; i < kv.count; i++) {
		size_t at = i;

		if (kv_each(&kv, kv.pair[i].key, &at) != kv.pair[i].value || at != i + 1)
			abort();
		kv_get_u64(&kv, kv.pair[i].key, &n);
		kv_get_bool(&kv, kv.pair[i].key, &flag);
		kv_add(&b, kv.pair[i].key, kv.pair[i].value);
	}
	for (op = op_table; op->name; op++)
		as_request(op, &kv);
	if (b.len != size || (size && memcmp(b.data, data, size) != 0))
		abort();
	buf_fini(&b);
	kv_fini(&kv);
	return 0;
}
