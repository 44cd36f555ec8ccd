/*
 * parts: see parts.h.
 */
#include "lib/job/parts.h"

#include "lib/base/log.h"

/* Of many files, as a VMDK image has, only the first is named. */
static void warn_data_files(const char *location, const struct kv *record, const char *done)
{
	const char *first, *name;
	size_t at = 0, more = 0;

	first = kv_each(record, "data_file", &at);
	if (!first)
		return;
	while ((name = kv_each(record, "data_file", &at)))
		more++;
	if (!*first)
		log_warn("warning: %s: only this file is %s, not the external data file that it "
			 "needs and does not name",
			location, done);
	else if (more)
		log_warn("warning: %s: only this file is %s, not '%s' and %zu more file%s, "
			 "which hold its data",
			location, done, first, more, more == 1 ? "" : "s");
	else
		log_warn("warning: %s: only this file is %s, not '%s', which holds its data",
			location, done, first);
}

void parts_warn(const char *location, const struct kv *record, const char *done)
{
	const char *backing = kv_get(record, "backing");

	if (backing)
		log_warn("warning: %s: only this layer is %s, not its backing file '%s'", location,
			done, backing);
	warn_data_files(location, record, done);
}
