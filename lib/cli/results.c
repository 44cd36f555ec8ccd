/*
 * results: see results.h.
 */
#include "lib/cli/results.h"

#include "lib/base/err.h"
#include "lib/cli/json.h"

void results_begin(struct results *r, const struct cli *c, int count)
{
	r->is_dry = c->dry_run;
	r->is_single = count == 1;
	r->all = c->json ? json_array() : NULL;
}

int results_add(struct results *r, json_t *object)
{
	if (!object)
		return err_set(ST_FAILED, "out of memory");
	if (r->is_dry)
		json_object_set_new(object, "dry_run", json_true());
	if (r->all)
		json_array_append(r->all, object);
	json_decref(object);
	return 0;
}

json_t *results_object(const char *location)
{
	json_t *o = json_object();

	json_set_text(o, "location", location);
	return o;
}

int results_end(struct results *r)
{
	json_t *all = r->all;
	int ret = 0;

	if (all && json_array_size(all))
		ret = json_print(json_incref(r->is_single ? json_array_get(all, 0) : all));
	json_decref(all);
	r->all = NULL;
	return ret;
}
