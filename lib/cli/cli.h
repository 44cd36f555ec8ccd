/*
 * cli: what all commands share: their options, their messages and their exit.
 *
 *	int main(int argc, char **argv)
 *	{
 *		cli_begin(&cli, "img-copy", "SRC DST", own_options, argc, argv);
 *		...
 *		return cli_end(&cli, r);
 *	}
 */
#ifndef IMG_CLI_H
#define IMG_CLI_H

#include <popt.h>
#include <stdbool.h>

#include "lib/peer/peer.h"

enum cli_progress { CLI_PROGRESS_AUTO, CLI_PROGRESS_ALWAYS, CLI_PROGRESS_NEVER, CLI_PROGRESS_JSON };

struct cli {
	const char *name, *synopsis;
	poptContext popt;
	int quiet, verbose, dry_run, json;
	enum cli_progress progress;
	struct peer_options peer;
	const char **args; /* the words that are not options, NULL-terminated */
	int count;
	const char **words; /* the command line as popt gets it */
};

/* Tables for POPT_ARG_INCLUDE_TABLE.  A process has one struct cli, which they fill. */
extern struct poptOption cli_changing_options[]; /* --dry-run */
extern struct poptOption cli_working_options[];	 /* --bwlimit, --jobs */
extern struct poptOption cli_copying_options[];	 /* those, --compress, --no-fsync */
extern struct poptOption cli_snapshot_options[]; /* --snapshot and its options */

struct cli_copying {
	uint64_t bwlimit;
	int compress; /* enum flow_compress */
	unsigned jobs;
	int no_fsync, snapshot;
	uint64_t snapshot_size;
	const char *pre_snapshot, *post_snapshot;
	const char *qmp, *libvirt;
};
extern struct cli_copying cli_copying;

/*
 * Sets up the process (descriptors 0 to 2, signals, log) and parses the command
 * line; args_help is the arguments and, after a newline, what the command does; own
 * is a popt table that ends with POPT_TABLEEND.  --help, --usage and
 * --version print and exit; an error prints and exits with ST_USAGE.
 */
void cli_begin(struct cli *c, const char *name, const char *args_help, struct poptOption *own,
	int argc, char **argv);

/*
 * Exits with ST_USAGE unless there is an argument for each word of args_help that is
 * not in brackets, and at most max (-1: any number).
 */
void cli_need_args(struct cli *c, int max);

/* The value of an option or operand as a size.  0, or -1 recorded. */
int cli_size(const char *name, const char *value, uint64_t *size);

/*
 * The argument as a location.  A path of an open descriptor is as "-": the descriptor becomes fd,
 * STDIN_FILENO or STDOUT_FILENO (descriptor.h).  0, or -1 recorded.
 */
int cli_location(struct location *loc, const char *text, int fd);

/* A line of the result on standard output, made safe for a terminal. */
void cli_print(const struct cli *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/*
 * Logs "PAST TEXT" for -v; in a dry run prints "would VERB TEXT" as the result,
 * or nothing with --json, which has a result of its own.
 */
void cli_did(const struct cli *c, const char *verb, const char *past, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Prints the recorded error as one line. */
void cli_print_error(void);

/*
 * Records, by errno, that standard output could not be written: always ST_FAILED, since ST_NOROOM
 * would tell of an image.  If its reader is gone, cli_end() dies of SIGPIPE instead.  Returns -1.
 */
int cli_write_failed(void);

/*
 * The end of main(): r < 0 prints the recorded error.  Makes sure that all of
 * standard output was written, dies of a signal if one was caught, and returns
 * the exit status.
 */
int cli_end(struct cli *c, int r);

#endif
