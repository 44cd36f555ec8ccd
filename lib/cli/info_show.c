/*
 * info_show: the location, which a record does not have, comes first.
 */
#include "lib/cli/info_show.h"

#include "lib/cli/json.h"
#include "lib/cli/record_json.h"
#include "lib/cli/record_lines.h"

json_t *info_show_json(const struct location *loc, const struct kv *record)
{
	json_t *o = json_object();

	json_set_text(o, "location", loc->text);
	json_set_text(o, "host", loc->host);
	if (record_json(o, record, VIEW_INFO) == 0)
		return o;
	json_decref(o);
	return NULL;
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
