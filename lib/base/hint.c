/*
 * hint: see hint.h.
 */
#include "lib/base/hint.h"

#include <stdbool.h>

static bool is_local;

void hint_is_local(void)
{
	is_local = true;
}

const char *hint_sudo(void)
{
	return is_local ? "try --sudo=here" : "try --sudo";
}
