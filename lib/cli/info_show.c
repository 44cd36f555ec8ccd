/*
 * info_show: the location, which a record does not have, comes first.
 */
#include "lib/cli/info_show.h"

#include "lib/cli/json.h"
#include "lib/cli/record_json.h"
#include "lib/cli/record_lines.h"

int info_show_json(json_t *object, const struct location *loc, const struct kv *record)
{
	json_set_text(object, "host", loc->host);
	return record_json(object, record, VIEW_INFO);
}

int info_show_table(const struct location *loc, const struct kv *record)
{
	struct table t;
	int r;

	table_init(&t);
	table_rowf(&t, "location", "%s", loc->text);
	r = record_lines(&t, record, VIEW_INFO);
	if (r == 0)
		r = table_print(&t);
	table_fini(&t);
	return r;
}
