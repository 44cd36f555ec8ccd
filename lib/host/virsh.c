/*
 * virsh: see virsh.h.
 */
#include "lib/host/virsh.h"

#include <string.h>

#include "lib/base/child.h"
#include "lib/base/err.h"
#include "lib/base/hint.h"
#include "lib/base/text.h"

#define MESSAGE_MAX 500

/* Records the last line that virsh says, which has the cause.  Returns -1. */
static int virsh_failed(struct buf *errors)
{
	static const char prefix[] = "error: ";
	char safe[MESSAGE_MAX];
	const char *words, *last;

	while (errors->len && errors->data[errors->len - 1] == '\n')
		errors->len--;
	words = buf_str(errors);
	last = strrchr(words, '\n') ? strrchr(words, '\n') + 1 : words;
	if (strncmp(last, prefix, strlen(prefix)) == 0)
		last += strlen(prefix);
	text_safe(*last ? last : "failed", safe, sizeof(safe));
	if (strstr(words, "failed to get domain"))
		return err_set(ST_ABSENT, "virsh: %s", safe);
	if (strstr(words, "ermission denied") || strstr(words, "uthentication"))
		return err_set(ST_REFUSED, "virsh: %s (%s)", safe, hint_sudo());
	return err_set(ST_FAILED, "virsh: %s", safe);
}

int virsh_run(const char *const *argv, const char *domain, struct buf *out)
{
	struct buf errors = BUF_INIT;
	const struct child c = { .argv = argv,
		.keep_fd = -1,
		.ends_with_job = true,
		.limit_ms = VIRSH_LIMIT_S * 1000,
		.out = out,
		.errors = &errors };
	int r;

	if (!*domain || *domain == '-')
		return err_set(ST_USAGE, "cannot be the name of a guest");
	r = child_run(&c);
	if (r > 0)
		r = virsh_failed(&errors);
	buf_fini(&errors);
	return r;
}
