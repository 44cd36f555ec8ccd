/* Lists of pairs: round trips, and what a peer may not send. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/kv.h"
#include "tests/unit/tap.h"

static void test_round_trip(void)
{
	struct buf b = BUF_INIT;
	struct kv kv = KV_INIT;
	uint64_t n = 7;
	bool flag = false;
	size_t at = 0;

	kv_add(&b, "path", "/a=b\n\xff");
	kv_add(&b, "none", NULL);
	kv_addf(&b, "range", "%d-%d", 1, 2);
	kv_add_u64(&b, "size", UINT64_MAX);
	kv_add_bool(&b, "sparse", true);
	kv_add(&b, "empty", "");
	kv_add(&b, "path", "second");
	is_int(buf_failed(&b), 0, "a list is written");
	is_int(kv_parse(&kv, b.data, b.len), 0, "and parsed");
	buf_fini(&b);
	is_int(kv.count, 6, "NULL is left out");
	is_str(kv_get(&kv, "path"), "/a=b\n\xff", "the first of two");
	is_str(kv_get(&kv, "range"), "1-2", "a format");
	is_str(kv_get(&kv, "empty"), "", "an empty value");
	ok(kv_get(&kv, "none") == NULL, "an absent key");
	is_str(kv_each(&kv, "path", &at), "/a=b\n\xff", "each: the first");
	is_str(kv_each(&kv, "path", &at), "second", "each: the second");
	ok(kv_each(&kv, "path", &at) == NULL, "each: the end");
	is_int(kv_get_u64(&kv, "size", &n), 1, "a number");
	ok(n == UINT64_MAX, "the largest");
	is_int(kv_get_bool(&kv, "sparse", &flag), 1, "a bool");
	ok(flag, "is true");
	is_int(kv_get_u64(&kv, "none", &n), 0, "an absent number");
	ok(n == UINT64_MAX, "leaves what there was");
	is_int(kv_get_bool(&kv, "none", &flag), 0, "an absent bool");
	kv_fini(&kv);
	kv_fini(&kv);
	ok(kv.count == 0 && kv_get(&kv, "path") == NULL, "empty after kv_fini");
}

static void refuses(const char *bytes, size_t len, const char *name)
{
	struct kv kv = { NULL, NULL, 99 };

	err_clear();
	is_int(kv_parse(&kv, bytes, len), -1, name);
	ok(err_status() == ST_PEER && kv.count == 0 && !kv.bytes && !kv.pair,
		"the peer's fault, and empty");
}

static void test_malformed(void)
{
	static char big[KV_BYTES_MAX + 2];
	struct kv kv;
	size_t i;

	is_int(kv_parse(&kv, NULL, 0), 0, "no pairs are a list");
	is_int(kv.count, 0, "of none");
	refuses("a=b", 3, "no NUL at the end");
	refuses("a", 2, "no '='");
	refuses("=b", 3, "no key");
	refuses("A=b", 4, "a key in capitals");
	refuses("a b=c", 6, "a blank in a key");
	refuses("a=b\0\0", 6, "an empty pair");
	refuses("a=b\0c=d", 7, "the second is truncated");
	memset(big, 'k', sizeof(big) - 1);
	big[KV_KEY_MAX] = '=';
	big[KV_KEY_MAX + 1] = '\0';
	is_int(kv_parse(&kv, big, KV_KEY_MAX + 2), 0, "the longest key");
	kv_fini(&kv);
	big[KV_KEY_MAX] = 'k';
	big[KV_KEY_MAX + 1] = '=';
	big[KV_KEY_MAX + 2] = '\0';
	refuses(big, KV_KEY_MAX + 3, "a longer key");
	memset(big, 'v', sizeof(big) - 1);
	memcpy(big, "k=", 2);
	big[KV_BYTES_MAX - 1] = '\0';
	is_int(kv_parse(&kv, big, KV_BYTES_MAX), 0, "the longest list");
	kv_fini(&kv);
	big[KV_BYTES_MAX - 1] = 'v';
	big[KV_BYTES_MAX] = '\0';
	refuses(big, KV_BYTES_MAX + 1, "a longer list");
	for (i = 0; i <= KV_PAIRS_MAX; i++)
		memcpy(big + 3 * i, "a=", 3);
	is_int(kv_parse(&kv, big, 3 * KV_PAIRS_MAX), 0, "the most pairs");
	is_int(kv.count, KV_PAIRS_MAX, "are all there");
	kv_fini(&kv);
	refuses(big, 3 * (KV_PAIRS_MAX + 1), "one more");
}

static void test_typed(void)
{
	static const char list[] = "a=\0b=-1\0c=1x\0d=18446744073709551616\0e=0\0f= 1\0g=2";
	struct kv kv;
	uint64_t n = 5;
	bool flag = true;

	if (!is_int(kv_parse(&kv, list, sizeof(list)), 0, "values of all kinds"))
		return;
	err_clear();
	is_int(kv_get_u64(&kv, "a", &n), -1, "an empty value is not a number");
	is_int(err_status(), ST_PEER, "is ST_PEER");
	is_int(kv_get_u64(&kv, "b", &n), -1, "no sign");
	is_int(kv_get_u64(&kv, "c", &n), -1, "a number followed by text");
	is_int(kv_get_u64(&kv, "d", &n), -1, "a number that is too large");
	is_int(kv_get_u64(&kv, "f", &n), -1, "no blank");
	is_int(n, 5, "all left it unchanged");
	is_int(kv_get_u64(&kv, "e", &n), 1, "zero is a number");
	is_int(n, 0, "namely 0");
	is_int(kv_get_bool(&kv, "e", &flag), 1, "and a bool");
	ok(!flag, "namely false");
	err_clear();
	is_int(kv_get_bool(&kv, "g", &flag), -1, "2 is no bool");
	is_int(err_status(), ST_PEER, "is ST_PEER");
	kv_fini(&kv);
}

static void test_out_of_memory(void)
{
	struct buf b = BUF_INIT;

	kv_add(&b, "a", "1");
	buf_reserve(&b, SIZE_MAX / 2);
	kv_add(&b, "b", "2");
	is_int(b.len, 4, "no part of a pair is kept");
	is_int(buf_failed(&b), -1, "and it is remembered");
	buf_fini(&b);
}

int main(void)
{
	test_round_trip();
	test_malformed();
	test_typed();
	test_out_of_memory();
	return tap_done();
}
