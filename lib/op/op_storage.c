/*
 * storage: reports free space, and what this host supports.
 *	RECORD  kind=directory (lib/host/storage.h)
 *	RECORD  kind=group or kind=pool (lib/store/volume/volume_list.h)
 *	OK      host, version; for each type of filesystem: grow, shrink, snapshot, detect
 */
#include <sys/utsname.h>

#include "lib/base/err.h"
#include "lib/fs/capabilities.h"
#include "lib/op/op.h"
#include "lib/store/backend.h"

static int send_storage(void *arg, const struct buf *record)
{
	return op_record(arg, record);
}

int op_storage(struct session *s, const struct kv *request, struct buf *reply)
{
	const struct backend *b;
	struct utsname u;
	size_t i;

	(void)request;
	if (uname(&u) < 0)
		return err_sys("cannot get the name of this host");
	for (i = backend_count(); i-- > 0;) { /* files first: LVM can take some time */
		b = backend_at(i);
		if (b->storage && b->storage(&s->policy, send_storage, s) < 0)
			return -1;
	}
	kv_add(reply, "host", u.nodename);
	kv_add(reply, "version", VERSION);
	capabilities_write(reply);
	return 0;
}
