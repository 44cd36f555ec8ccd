/* resize_size: the size that a request means. */
#include "lib/op/resize_size.h"

#include "lib/base/err.h"
#include "lib/base/size.h"
#include "tests/unit/tap.h"

/* The size, or 0 and the status of the error in *status. */
static long long size_of(uint64_t now, const char *how, uint64_t size, int *status)
{
	uint64_t out = 0;

	err_clear();
	if (resize_size(now, how, size, &out) < 0)
		out = 0;
	*status = (int)err_status();
	return (long long)out;
}

int main(void)
{
	const uint64_t most = SIZE_LIMIT;
	int status;

	is_int(size_of(10, NULL, 7, &status), 7, "absolute");
	is_int(size_of(10, NULL, most, &status), (long long)most, "the largest");
	is_int(size_of(10, NULL, most + 1, &status), 0, "larger than any");
	is_int(status, ST_USAGE, "is an error");
	is_int(size_of(10, "more", 7, &status), 17, "more");
	is_int(size_of(10, "more", most - 10, &status), (long long)most, "more, up to the largest");
	is_int(size_of(10, "more", most - 9, &status), 0, "more than any can have");
	is_int(status, ST_USAGE, "is an error, too");
	is_int(size_of(most, "more", 1, &status), 0, "more than the largest");
	is_int(size_of(UINT64_MAX, "more", 1, &status), 0, "more than a size that cannot be");
	is_int(status, ST_USAGE, "is one, too");
	is_int(size_of(10, "less", 9, &status), 1, "less");
	is_int(size_of(10, "less", 10, &status), 0, "all of it");
	is_int(status, ST_USAGE, "is an error as well");
	is_int(size_of(10, "less", UINT64_MAX, &status), 0, "more than all of it");
	is_int(status, ST_USAGE, "likewise");
	return tap_done();
}
