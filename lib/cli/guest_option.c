/*
 * guest_option: see guest_option.h.
 */
#include "lib/cli/guest_option.h"

#include "lib/cli/usage.h"

int guest_option_check(const char *qmp, const char *domain)
{
	if (qmp && domain)
		return usage_error("--qmp and --libvirt exclude each other");
	if (qmp && !*qmp)
		return usage_error("--qmp needs the path of a socket");
	if (domain && (!*domain || *domain == '-'))
		return usage_error("'%s' cannot be the name of a guest", domain);
	return 0;
}
