/*
 * storage: what this host can do, and where there is room.
 *	REQUEST op=storage
 *	RECORD  kind=directory, path, filesystem, size, free, reflink, writable
 *	RECORD  kind=group or kind=pool (group.h)
 *	OK      host, version; grow, shrink, snapshot, detect (each): types
 */
#include <sys/utsname.h>

#include "lib/base/err.h"
#include "lib/op/op.h"
#include "lib/store/ability.h"
#include "lib/store/group.h"
#include "lib/store/roomlist.h"

static int send_record(void *arg, const struct buf *record)
{
	return op_record(arg, record);
}

int op_storage(struct session *s, const struct kv *request, struct buf *reply)
{
	struct utsname u;

	(void)request;
	if (uname(&u) < 0)
		return err_sys("uname");
	if (roomlist_each(&s->limits, send_record, s) < 0 ||
		group_rooms(&s->limits, send_record, s) < 0)
		return -1;
	kv_add(reply, "host", u.nodename);
	kv_add(reply, "version", VERSION);
	ability_write(reply);
	return 0;
}
