/*
 * Parses arbitrary bytes as a key=value list of a peer.  The only error is ST_PEER, and
 * a list that was parsed is written as the same bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/kv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
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
	if (b.len != size || (size && memcmp(b.data, data, size) != 0))
		abort();
	buf_fini(&b);
	kv_fini(&kv);
	return 0;
}
