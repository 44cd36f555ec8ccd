/* What operations read of the configuration. */
#include "lib/op/op.h"

#include <string.h>

#include "tap.h"

static void is_allowed(const char *system, const char *user, bool want, const char *name)
{
	struct config c[2] = { CONFIG_INIT, CONFIG_INIT };
	struct session s = { .system = &c[0], .user = &c[1] };

	config_parse(&c[0], "F", system, strlen(system));
	config_parse(&c[1], "F", user, strlen(user));
	is_int(op_may_mount(&s), want, name);
	config_fini(&c[0]);
	config_fini(&c[1]);
}

int main(void)
{
	static const char yes[] = "[resize]\nmount = yes\n", no[] = "[resize]\nmount = no\n";

	is_allowed("", "", true, "mounting is allowed by default");
	is_allowed(yes, yes, true, "and if both files allow it");
	is_allowed(no, "", false, "the host refuses it");
	is_allowed("", no, false, "the user refuses it");
	is_allowed(no, yes, false, "a user cannot allow what the host refuses");
	is_allowed(yes, no, false, "but refuse what the host allows");
	return tap_done();
}
