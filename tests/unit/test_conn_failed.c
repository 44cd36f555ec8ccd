/* conn: a reply that reports a failure. */
#include <errno.h>
#include <string.h>

#include "lib/wire/conn.h"
#include "tests/unit/conns.h"
#include "tests/unit/tap.h"

/* FAILED is received in order, and does not end the connection. */
static void test_failed(void)
{
	static const struct err none = { ST_ABSENT, ENOENT, "no such image" };
	struct conn *c[2];
	struct frame *f;
	struct err e;

	conns_pair(c, NULL, NULL, 0);
	conn_send(c[1], WIRE_RECORD, "r=1", 4);
	is_int(conn_send_failed(c[1], &none), 0, "a FAILED");
	conn_send(c[1], WIRE_OK, "", 0);
	is_int(conn_expect(c[0], WIRE_RECORD, &f), 0, "comes after the RECORD before it");
	conn_release(c[0], f);
	is_int(conn_expect(c[0], WIRE_FAILED, &f), 0, "in order");
	wire_error_parse(&e, f->payload, f->len);
	conn_release(c[0], f);
	ok(e.status == ST_ABSENT && e.sys == ENOENT, "with what failed");
	is_str(e.text, "no such image", "and its text");
	ok(!conn_failed(c[0], NULL), "the connection has not failed");
	is_int(conn_expect(c[0], WIRE_OK, &f), 0, "and brings the next answer");
	conn_release(c[0], f);
	conn_close(c[1]);
	conn_close(c[0]);
}

int main(void)
{
	test_failed();
	return tap_done();
}
