/*
 * command: a command that sends one request for each of its locations.
 *
 * Such a command is its table of options, the request's keys, and how an answer
 * is told; connecting, errors, JSON, dry runs and the exit status are here:
 *
 *	int main(int argc, char **argv)
 *	{
 *		struct command c = { .op = "delete", .changes = true, .tell = tell_deletion };
 *
 *		cli_begin(&c.cli, "img-delete", "LOCATION...", options, argc, argv);
 *		cli_need_args(&c.cli, -1);
 *		kv_add_bool(&c.keys, "force", force);
 *		return command_end(&c, 0);
 *	}
 */
#ifndef IMG_COMMAND_H
#define IMG_COMMAND_H

#include "lib/base/buf.h"
#include "lib/cli/cli.h"
#include "lib/cli/results.h"

enum command_path {
	COMMAND_PATH_HOME,    /* "HOST:" is the login's home */
	COMMAND_PATH_IMAGE,   /* "HOST:" is a usage error */
	COMMAND_PATH_OPTIONAL /* "HOST:" is the host itself: no path is sent */
};

struct command {
	const char *op; /* what the helper is asked to do */
	enum command_path path;
	bool is_short; /* with each(): an answer of bounded length, all of which is kept */
	bool changes;  /* it has -n, which is sent as `dry_run` */
	/*
	 * The keys that a record must have, separated by blanks; then there is at least one
	 * record.  Those of the OK.  NULL: none.
	 */
	const char *record, *reply;
	const char *phase; /* what its progress is called, or NULL: it shows none */
	/*
	 * Called for each record as it comes; or NULL: there is at most one, which
	 * tell() gets.  What is added to o is printed with --json.  0, or -1 recorded.
	 */
	int (*each)(
		struct command *c, const struct location *loc, const struct kv *record, json_t *o);
	bool keeps_records; /* print that also of a location that fails later */
	/* Called when the request has succeeded.  o as above, at first only `location`. */
	int (*tell)(struct command *c, const struct location *loc, const struct kv *record,
		const struct kv *reply, json_t *o);
	/* Called after the last location, to print what they have left.  NULL: nothing. */
	int (*end)(struct command *c);
	const void *arg; /* for these */

	struct cli cli;
	struct buf keys; /* the request's other pairs (kv.h), the same for each location */
	struct results results;
	int begun;  /* locations, for the progress */
	int failed; /* the status of the first failure, also one that a record has told */
};

/* For each(): remembers the `status` of a record that tells of a failure.  0, or -1 recorded. */
int command_failed(struct command *c, const struct kv *record);

/*
 * What cli_did() is told of: in a dry run the target as it was resolved to path on loc's host, else
 * the location as it was given.  The caller frees it.  NULL recorded.
 */
char *command_target(const struct command *c, const struct location *loc, const char *path);

/*
 * The end of main(): unless r < 0 (an error is recorded) sends the request for
 * each of c->cli's locations and prints the results.  Returns the exit status.
 */
int command_end(struct command *c, int r);

#endif
