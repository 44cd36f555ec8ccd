/*
 * cli: popt does the parsing, after one rearrangement that it needs: it would
 * take the next word for an optional argument, so a bare --progress is given
 * its value here.
 */
#include "lib/cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/base/size.h"
#include "lib/base/text.h"
#include "lib/flow/flow.h"

enum {
	OPT_PROGRESS = 1000,
	OPT_SUDO,
	OPT_TIMEOUT,
	OPT_BWLIMIT,
	OPT_COMPRESS,
	OPT_JOBS,
	OPT_SNAPSHOT_SIZE,
	OPT_VERBOSE,
	OPT_VERSION
};

#define TIMEOUT_MAX 86400

static struct cli values; /* where popt's tables point; copied to the caller's */
struct cli_copying cli_copying;
static bool is_parsing;

struct poptOption cli_changing_options[] = { { "dry-run", 'n', POPT_ARG_NONE, &values.dry_run, 0,
						     "say what would happen, and change nothing",
						     NULL },
	POPT_TABLEEND };

struct poptOption cli_working_options[] = { { "bwlimit", '\0', POPT_ARG_STRING, NULL, OPT_BWLIMIT,
						    "at most so many bytes a second", "RATE" },
	{ "jobs", 'j', POPT_ARG_STRING, NULL, OPT_JOBS, "blocks worked on at the same time", "N" },
	POPT_TABLEEND };

struct poptOption cli_copying_options[] = { { NULL, '\0', POPT_ARG_INCLUDE_TABLE,
						    cli_working_options, 0, NULL, NULL },
	{ "compress", '\0', POPT_ARG_STRING, NULL, OPT_COMPRESS,
		"compress on the way: auto (while that is faster), always, never", "WHEN" },
	{ "no-fsync", '\0', POPT_ARG_NONE, &cli_copying.no_fsync, 0,
		"do not wait until the target is on stable storage", NULL },
	POPT_TABLEEND };

struct poptOption cli_snapshot_options[] = {
	{ "snapshot", 's', POPT_ARG_NONE, &cli_copying.snapshot, 0,
		"copy a snapshot of SRC, and remove it again", NULL },
	{ "snapshot-size", '\0', POPT_ARG_STRING, NULL, OPT_SNAPSHOT_SIZE,
		"its room for what changes in SRC meanwhile", "SIZE" },
	{ "pre-snapshot", '\0', POPT_ARG_STRING, &cli_copying.pre_snapshot, 0,
		"run this on SRC's host before it is taken", "CMD" },
	{ "post-snapshot", '\0', POPT_ARG_STRING, &cli_copying.post_snapshot, 0,
		"run this there once it is taken, or was not", "CMD" },
	POPT_TABLEEND
};

static struct poptOption common_options[] = { { "quiet", 'q', POPT_ARG_NONE, &values.quiet, 0,
						      "say less", NULL },
	{ "verbose", 'v', POPT_ARG_NONE, NULL, OPT_VERBOSE, "say more (repeatable)", NULL },
	{ "json", '\0', POPT_ARG_NONE, &values.json, 0, "print the result as JSON", NULL },
	{ "progress", '\0', POPT_ARG_STRING | POPT_ARGFLAG_OPTIONAL, NULL, OPT_PROGRESS,
		"show progress: auto (on a terminal), always, never, json", "WHEN" },
	{ "config", '\0', POPT_ARG_STRING, &values.peer.config, 0,
		"read this instead of ~/.config/img-tools/config", "FILE" },
	{ "version", 'V', POPT_ARG_NONE, NULL, OPT_VERSION, "print the version", NULL },
	POPT_TABLEEND };

static struct poptOption peer_options[] = { { "ssh-config", 'F', POPT_ARG_STRING,
						    &values.peer.ssh.config_file, 0,
						    "the SSH client's configuration", "FILE" },
	{ "identity", 'i', POPT_ARG_STRING, &values.peer.ssh.identity, 0,
		"try this private key first", "FILE" },
	{ "rsh", '\0', POPT_ARG_STRING, &values.peer.rsh, 0,
		"run this instead of the built-in SSH client", "COMMAND" },
	{ "sudo", '\0', POPT_ARG_STRING | POPT_ARGFLAG_OPTIONAL, NULL, OPT_SUDO,
		"run the helper by sudo -n: peers, here, all", "WHERE" },
	{ "helper", '\0', POPT_ARG_STRING, &values.peer.helper, 0,
		"use this helper on the peer instead of sending one", "PATH" },
	{ "timeout", '\0', POPT_ARG_STRING, NULL, OPT_TIMEOUT,
		"give up connecting, or a silent peer, after so long", "SECONDS" },
	POPT_TABLEEND };

/* Options whose value is optional, and what they mean without one. */
static const struct bare {
	const char *option, *full;
} bares[] = {
	{ "--progress", "--progress=always" },
	{ "--sudo", "--sudo=peers" },
};

static const char *expand(const char *word)
{
	size_t i;

	for (i = 0; i < sizeof(bares) / sizeof(bares[0]); i++)
		if (strcmp(word, bares[i].option) == 0)
			return bares[i].full;
	return word;
}

static const char **rearrange(int argc, char **argv)
{
	const char **words = calloc((size_t)argc + 1, sizeof(*words));
	bool options = true;
	int i;

	for (i = 0; words && i < argc; i++) {
		options = options && strcmp(argv[i], "--") != 0;
		words[i] = options ? expand(argv[i]) : argv[i];
	}
	return words;
}

/* The index of value in words, or -1 with ST_USAGE recorded. */
static int pick(const char *option, const char *value, const char *const *words)
{
	int i;

	for (i = 0; words[i]; i++)
		if (strcmp(value, words[i]) == 0)
			return i;
	return err_set(ST_USAGE, "--%s: '%s' is none of its values (see --help)", option, value);
}

static int number(const char *option, const char *value, long max, long *out)
{
	char *end;

	errno = 0;
	*out = strtol(value, &end, 10);
	if (errno || *end || end == value || *out < 1 || *out > max)
		return err_set(
			ST_USAGE, "--%s: '%s' is not a number from 1 to %ld", option, value, max);
	return 0;
}

static int take_option(const char *name, int opt, const char *value)
{
	static const char *const progress[] = { "auto", "always", "never", "json", NULL };
	static const char *const sudo[] = { "peers", "here", "all", NULL };
	static const char *const compress[] = { "auto", "always", "never", NULL };
	long n;
	int i;

	switch (opt) {
	case OPT_VERBOSE:
		values.verbose++;
		return 0;
	case OPT_VERSION:
		printf("%s (img-tools) %s\n", name, VERSION);
		exit(fflush(stdout) ? ST_FAILED : ST_OK);
	case OPT_PROGRESS:
		i = pick("progress", value, progress);
		values.progress = (enum cli_progress)i;
		return i < 0 ? -1 : 0;
	case OPT_SUDO:
		i = pick("sudo", value, sudo);
		values.peer.sudo = (enum peer_sudo)(i + 1);
		return i < 0 ? -1 : 0;
	case OPT_COMPRESS:
		i = pick("compress", value, compress);
		cli_copying.compress = i;
		return i < 0 ? -1 : 0;
	case OPT_TIMEOUT:
		i = number("timeout", value, TIMEOUT_MAX, &n);
		values.peer.ssh.timeout_s = (int)n;
		return i;
	case OPT_JOBS:
		i = number("jobs", value, FLOW_JOBS_MAX, &n);
		cli_copying.jobs = (unsigned)n;
		return i;
	case OPT_SNAPSHOT_SIZE:
		return size_parse(value, &cli_copying.snapshot_size) < 0
			       ? err_wrap("--snapshot-size")
			       : 0;
	case OPT_BWLIMIT:
		return size_parse(value, &cli_copying.bwlimit) < 0 ? err_wrap("--bwlimit") : 0;
	default:
		return err_set(ST_USAGE, "an option without a meaning");
	}
}

static int parse(struct cli *c)
{
	char *value;
	int opt, r;

	while ((opt = poptGetNextOpt(c->popt)) > 0) {
		value = poptGetOptArg(c->popt);
		r = take_option(c->name, opt, value);
		free(value);
		if (r < 0)
			return -1;
	}
	if (opt < -1)
		return err_set(ST_USAGE, "%s: %s", poptBadOption(c->popt, POPT_BADOPTION_NOALIAS),
			poptStrerror(opt));
	return 0;
}

static int check(struct cli *c)
{
	c->quiet = values.quiet;
	c->verbose = values.verbose;
	c->dry_run = values.dry_run;
	c->json = values.json;
	c->progress = values.progress;
	c->peer = values.peer;
	if (c->peer.rsh && (c->peer.ssh.config_file || c->peer.ssh.identity))
		return err_set(ST_USAGE,
			"--ssh-config and --identity are for the built-in SSH client: "
			"put them into the --rsh command");
	return 0;
}

/* popt prints help and exits by itself. */
static void check_help(void)
{
	if (is_parsing && (fflush(stdout) != 0 || ferror(stdout)))
		_exit(ST_FAILED);
}

/* What it is given, what it does, and where there is more: popt's first lines. */
static const char *with_hint(const char *args_help, const char *name)
{
	static char text[512];

	snprintf(text, sizeof(text), "%s\nSee %s(1), and img-tools(7) for what a location can be.",
		args_help, name);
	return text;
}

void cli_begin(struct cli *c, const char *name, const char *args_help, struct poptOption *own,
	int argc, char **argv)
{
	struct poptOption table[] = { { NULL, '\0', POPT_ARG_INCLUDE_TABLE, own, 0,
					      "Options:", NULL },
		{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, peer_options, 0, "Other hosts:", NULL },
		{ NULL, '\0', POPT_ARG_INCLUDE_TABLE, common_options, 0, "General:", NULL },
		POPT_AUTOHELP POPT_TABLEEND };
	static struct poptOption kept[sizeof(table) / sizeof(table[0])];

	io_std_open();
	memset(c, 0, sizeof(*c));
	c->name = name;
	log_init(name);
	memcpy(kept, table, sizeof(table));
	c->words = rearrange(argc, argv);
	if (!c->words || cancel_init() < 0)
		exit(ST_FAILED);
	cancel_on_signals();
	cancel_at_once_if_again(); /* the helpers clean up */
	c->popt = poptGetContext(name, argc, c->words, kept, 0);
	poptSetOtherOptionHelp(c->popt, with_hint(args_help, name));
	is_parsing = true;
	atexit(check_help);
	if (parse(c) < 0 || check(c) < 0) {
		cli_print_error();
		exit(ST_USAGE);
	}
	is_parsing = false;
	log_set_level(c->quiet	       ? LOG_LEVEL_WARN
		      : c->verbose > 1 ? LOG_LEVEL_DEBUG
		      : c->verbose     ? LOG_LEVEL_INFO
				       : LOG_LEVEL_NOTE);
	c->args = poptGetArgs(c->popt);
	while (c->args && c->args[c->count])
		c->count++;
}

void cli_need_args(struct cli *c, int min, int max)
{
	if (c->count >= min && (max < 0 || c->count <= max))
		return;
	err_set(ST_USAGE, c->count < min ? "an argument is missing (see --help)"
					 : "too many arguments (see --help)");
	exit(cli_end(c, -1));
}

int cli_location(struct location *loc, const char *text)
{
	if (location_parse(loc, text) == 0)
		return 0;
	return *text ? err_wrap("%s", text) : -1;
}

static void print_line(const char *before, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

static void print_line(const char *before, const char *fmt, va_list ap)
{
	char *text, *safe = NULL;

	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	if (text)
		safe = text_safe_dup(text);
	printf("%s%s\n", before, safe ? safe : "(out of memory)");
	free(safe);
	free(text);
}

void cli_print(const struct cli *c, const char *fmt, ...)
{
	va_list ap;

	(void)c;
	va_start(ap, fmt);
	print_line("", fmt, ap);
	va_end(ap);
}

void cli_did(const struct cli *c, const char *verb, const char *past, const char *fmt, ...)
{
	char before[64], *text;
	va_list ap;

	if (c->dry_run && c->json)
		return;
	va_start(ap, fmt);
	if (c->dry_run) {
		snprintf(before, sizeof(before), "would %s ", verb);
		print_line(before, fmt, ap);
	} else if (vasprintf(&text, fmt, ap) >= 0) {
		log_info("%s %s", past, text);
		free(text);
	}
	va_end(ap);
}

void cli_print_error(void)
{
	log_error("%s", err_text());
}

int cli_end(struct cli *c, int r)
{
	int status = r < 0 ? (int)err_status() : ST_OK;

	if (r < 0 && status == ST_OK)
		status = ST_FAILED; /* never a success by a fault of ours */
	if (r < 0 && !cancel_signal())
		cli_print_error();
	/* A result that nobody got is a failure, as with coreutils. */
	if ((fflush(stdout) != 0 || ferror(stdout)) && status == ST_OK) {
		err_sys("cannot write the result");
		cli_print_error();
		status = ST_FAILED;
	}
	poptFreeContext(c->popt);
	free(c->words);
	c->popt = NULL;
	c->words = NULL;
	cancel_die();
	return status;
}
