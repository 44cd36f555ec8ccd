/*
 * greeting: see greeting.h.
 */
#include "lib/peer/greeting.h"

#include "lib/base/err.h"
#include "lib/base/kv.h"
#include "lib/base/text.h"
#include "lib/peer/bootstrap.h"

#define GREETING_MS 30000 /* unless --timeout says something else */

int greeting_limit_ms(int timeout_s)
{
	return timeout_s ? timeout_s * 1000 : GREETING_MS;
}

int greeting_receive(struct conn *c, int limit_ms, struct greeting *out)
{
	struct frame *f;
	struct kv kv = KV_INIT;
	const char *version;
	uint64_t protocol = 0;
	int r;

	conn_limit(c, limit_ms, "cannot start the helper: no greeting");
	if (conn_expect(c, WIRE_GREETING, &f) < 0)
		return -1;
	conn_limit(c, 0, NULL);
	r = kv_parse(&kv, f->payload, f->len);
	conn_release(c, f);
	if (r == 0)
		r = kv_get_u64(&kv, "protocol", &protocol) < 0 ? -1 : 0;
	if (r == 0 && protocol != WIRE_PROTOCOL)
		r = bootstrap_wrong_protocol(protocol);
	out->lanes = 1;
	if (r == 0)
		r = kv_get_u64(&kv, "lanes", &out->lanes) < 0 ? -1 : 0;
	version = kv_get(&kv, "version");
	text_safe(version ? version : "unknown", out->version, sizeof(out->version));
	kv_fini(&kv);
	return r;
}
