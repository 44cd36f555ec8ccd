/*
 * virsh_job: see virsh_job.h.
 */
#include "lib/host/virsh_job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/host/virsh.h"

/* What follows prefix in a line, or NULL. */
static const char *value_of(const char *line, const char *prefix)
{
	size_t len = strlen(prefix);

	line += strspn(line, " ");
	return strncmp(line, prefix, len) == 0 ? line + len : NULL;
}

static int parse_bytes(const char *text, uint64_t *out)
{
	char *end;

	errno = 0;
	*out = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && !errno ? 0 : -1;
}

/* One line.  0, or -1 with nothing recorded. */
static int parse_line(const char *line, struct virsh_job *out, bool *is_active)
{
	const char *value;

	if ((value = value_of(line, "type="))) {
		*is_active = strcmp(value, "Active Block Commit") == 0;
		out->is_commit = *is_active || strcmp(value, "Block Commit") == 0;
		return 0;
	}
	if ((value = value_of(line, "cur=")))
		return parse_bytes(value, &out->done);
	if ((value = value_of(line, "end=")))
		return parse_bytes(value, &out->total);
	return 0;
}

int virsh_job_parse(const char *text, size_t len, struct virsh_job *out)
{
	char *copy = strndup(text, len), *line, *save = NULL;
	bool is_active = false;
	int r = copy ? 0 : err_set(ST_FAILED, "out of memory");

	memset(out, 0, sizeof(*out));
	for (line = copy ? strtok_r(copy, "\n", &save) : NULL; line && r >= 0;
		line = strtok_r(NULL, "\n", &save)) {
		r = parse_line(line, out, &is_active) < 0 ? -1 : 1;
		if (r < 0)
			err_set(ST_FAILED, "cannot parse the output of virsh");
	}
	free(copy);
	if (out->done > out->total)
		out->done = out->total;
	out->is_ready = is_active && out->total > 0 && out->done == out->total;
	return r;
}

int virsh_job_find(const char *domain, const char *disk, struct virsh_job *out)
{
	const char *const argv[] = { "virsh", "--quiet", "--readonly", "blockjob", "--raw",
		"--domain", domain, "--path", disk, NULL };
	struct buf text = BUF_INIT;
	int r = virsh_run(argv, domain, &text);

	if (r == 0)
		r = virsh_job_parse(buf_str(&text), text.len, out);
	buf_fini(&text);
	return r;
}

int virsh_job_commit(
	const char *domain, const char *disk, const char *top, const char *base, bool keep_relative)
{
	const char *argv[16] = { "virsh", "--quiet", "blockcommit", "--domain", domain, "--path",
		disk, "--base", base };
	size_t n = 9;

	if (top) {
		argv[n++] = "--top";
		argv[n++] = top;
	} else {
		argv[n++] = "--active";
	}
	if (keep_relative)
		argv[n++] = "--keep-relative";
	return virsh_run(argv, domain, NULL);
}

int virsh_job_pivot(const char *domain, const char *disk)
{
	const char *const argv[] = { "virsh", "--quiet", "blockjob", "--domain", domain, "--path",
		disk, "--pivot", NULL };

	return virsh_run(argv, domain, NULL);
}
