/*
 * backend: the list of backends.  Volumes come first, because the directory of
 * a group below /dev exists only while one of its volumes is active.
 */
#include "lib/store/backend.h"

#include "lib/base/err.h"

static const struct backend *const builtin[] = { &backend_volume, &backend_device, &backend_file };
static const struct backend *added[BACKEND_MORE];
static size_t added_count;

const struct backend *backend_at(size_t i)
{
	if (i < added_count)
		return added[i];
	i -= added_count;
	return i < sizeof(builtin) / sizeof(builtin[0]) ? builtin[i] : NULL;
}

size_t backend_count(void)
{
	return added_count + sizeof(builtin) / sizeof(builtin[0]);
}

int backend_add(const struct backend *b)
{
	if (added_count == BACKEND_MORE)
		return err_set(ST_FAILED, "too many backends");
	added[added_count++] = b;
	return 0;
}
