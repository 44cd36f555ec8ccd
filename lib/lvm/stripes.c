/*
 * stripes: see stripes.h.
 */
#include "lib/lvm/stripes.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/lvm/lvm.h"
#include "lib/lvm/lvm_report.h"

#define STRIPES_MAX 4096

/* Of a mirror and of RAID 1, LVM counts the copies as stripes. */
static bool is_striped(const char *layout)
{
	if (strstr(layout, "striped") || strstr(layout, "raid10"))
		return true;
	return strstr(layout, "raid") && !strstr(layout, "raid1");
}

/* The least common multiple; 0 if there is none, or it is too large. */
static uint64_t common_multiple(uint64_t a, uint64_t b)
{
	uint64_t i;

	for (i = a; i && b && i <= STRIPES_MAX; i += a)
		if (i % b == 0)
			return i;
	return 0;
}

int stripes_unit(const struct lvm_volume *v, uint64_t *unit)
{
	char what[2 * LVM_NAME_MAX];
	const char *argv[] = { "lvs", "--reportformat", "json", "-a", "-o", "data_stripes", what,
		NULL };
	uint64_t stripes = 1;
	json_t *segments, *segment;
	size_t i;

	*unit = v->extent_size;
	if (!is_striped(v->layout))
		return 0;
	snprintf(what, sizeof(what), "%s/%s", v->group, v->name);
	segments = lvm_report_rows(argv, "lv");
	if (!segments)
		return -1;
	for (i = 0; i < json_array_size(segments); i++) {
		segment = json_array_get(segments, i);
		stripes = common_multiple(stripes, lvm_report_bytes(segment, "data_stripes"));
	}
	json_decref(segments);
	if (!stripes)
		return err_set(ST_FAILED, "cannot find out how many stripes '%s' has", what);
	*unit *= stripes;
	return 0;
}
