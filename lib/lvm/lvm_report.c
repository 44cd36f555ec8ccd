/*
 * lvm_report: LVM's JSON reports are arrays of objects, whose values are all strings.
 */
#include "lib/lvm/lvm_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/child.h"
#include "lib/base/err.h"
#include "lib/base/hint.h"
#include "lib/lvm/lvm.h"

#define ARGS_MAX 16
#define ROWS_MAX 65536

/* Whether LVM's messages say that space is missing; its exit status is always the same. */
static bool says_no_space(const char *words)
{
	return strstr(words, "insufficient free") || strstr(words, "Insufficient free") ||
	       strstr(words, "Insufficient suitable") || /* of raid, and with allocation policies */
	       strstr(words, "free space in thin pool");
}

static int record_message(const char *command, const char *message)
{
	if (strstr(message, "is exported"))
		return err_set(ST_REFUSED, "%s: %s (see vgimport)", command, message);
	return err_set(says_no_space(message) ? ST_NOROOM : ST_FAILED, "%s: %s", command, message);
}

/* Whether group, which may be followed by "/" and a volume's name, was exported. */
static bool is_exported(const char *group)
{
	char name[LVM_NAME_MAX];
	const char *const argv[] = { "lvm", "vgs", "--noheadings", "-o", "vg_exported", name,
		NULL };
	struct buf out = BUF_INIT, errors = BUF_INIT;
	struct child c = {
		.argv = argv, .keep_fd = -1, .own_session = true, .out = &out, .errors = &errors
	};
	bool is;

	snprintf(name, sizeof(name), "%.*s", (int)strcspn(group, "/"), group);
	is = lvm_name_is_valid(name) && child_run(&c) == 0 && out.len &&
	     strstr(buf_str(&out), "exported");
	err_clear();
	buf_fini(&out);
	buf_fini(&errors);
	return is;
}

/*
 * Records LVM's last message, which names the failure; ignores the hint "Run `… --help'".  Of an
 * exported group, LVM 2.03.31 says nothing.
 */
static int record_failure(const char *const *argv, int status, struct buf *errors)
{
	const char *command = argv[0];
	char *text = errors->len ? strdup(buf_str(errors)) : NULL, *line, *save = NULL;
	const char *last = NULL;

	for (line = text ? strtok_r(text, "\n", &save) : NULL; line;
		line = strtok_r(NULL, "\n", &save)) {
		line += strspn(line, " \t");
		if (*line && strncmp(line, "Run `", 5) != 0)
			last = line;
	}
	while (argv[1])
		argv++;
	if (last)
		record_message(command, last);
	else if (is_exported(*argv))
		err_set(ST_REFUSED, "%s: Volume group %.*s is exported (see vgimport)", command,
			(int)strcspn(*argv, "/"), *argv);
	else
		err_set(ST_FAILED, "%s failed with status %d", command, status);
	free(text);
	return -1;
}

int lvm_report_run(const char *const *argv, struct buf *out)
{
	const char *full[ARGS_MAX + 2] = { "lvm" };
	struct buf errors = BUF_INIT;
	struct child c = {
		.argv = full, .keep_fd = -1, .own_session = true, .out = out, .errors = &errors
	};
	int i, status;

	/* LVM would fail to get its lock, and would not say what to do. */
	if (geteuid() != 0 && lvm_is_there())
		return err_set(ST_REFUSED, "LVM needs root (%s)", hint_sudo());
	for (i = 0; argv[i]; i++) {
		if (i == ARGS_MAX)
			return err_set(ST_FAILED, "too many arguments for LVM");
		full[i + 1] = argv[i];
	}
	status = child_run(&c);
	if (status > 0)
		record_failure(argv, status, &errors);
	buf_fini(&errors);
	return status == 0 ? 0 : -1;
}

json_t *lvm_report_rows(const char *const *argv, const char *kind)
{
	struct buf out = BUF_INIT;
	json_t *all = NULL, *rows = NULL;

	if (lvm_report_run(argv, &out) == 0) {
		all = json_loadb((const char *)out.data, out.len, 0, NULL);
		rows = json_object_get(json_array_get(json_object_get(all, "report"), 0), kind);
		if (!json_is_array(rows) || json_array_size(rows) > ROWS_MAX) {
			err_set(ST_FAILED, "cannot parse the report of %s", argv[0]);
			rows = NULL;
		}
	}
	buf_fini(&out);
	json_incref(rows);
	json_decref(all);
	return rows;
}

const char *lvm_report_text(json_t *row, const char *key)
{
	const char *value = json_string_value(json_object_get(row, key));

	return value ? value : "";
}

uint64_t lvm_report_bytes(json_t *row, const char *key)
{
	return strtoull(lvm_report_text(row, key), NULL, 10);
}
