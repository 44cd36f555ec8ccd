/*
 * cli: popt parses the command line.  It would take the next word as the value of
 * a bare --progress or --sudo, so these get their default value before.
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
#include "lib/cli/descriptor.h"
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

static struct cli values; /* popt's tables fill this one; cli_begin() copies it */
struct cli_copying cli_copying;
static bool is_parsing;

struct poptOption cli_changing_options[] = { { "dry-run", 'n', POPT_ARG_NONE, &values.dry_run, 0,
						     "say what would be done, and change nothing",
						     NULL },
	POPT_TABLEEND };

struct poptOption cli_working_options[] = { { "bwlimit", '\0', POPT_ARG_STRING, NULL, OPT_BWLIMIT,
						    "limit to RATE bytes per second", "RATE" },
	{ "jobs", 'j', POPT_ARG_STRING, NULL, OPT_JOBS, "number of blocks processed in parallel",
		"N" },
	POPT_TABLEEND };

struct poptOption cli_copying_options[] = { { NULL, '\0', POPT_ARG_INCLUDE_TABLE,
						    cli_working_options, 0, NULL, NULL },
	{ "compress", '\0', POPT_ARG_STRING, NULL, OPT_COMPRESS,
		"compress data in transit: auto (while that is faster), always or never", "WHEN" },
	{ "no-fsync", '\0', POPT_ARG_NONE, &cli_copying.no_fsync, 0,
		"do not sync the target to disk", NULL },
	POPT_TABLEEND };

struct poptOption cli_snapshot_options[] = { { "snapshot", 's', POPT_ARG_NONE,
						     &cli_copying.snapshot, 0,
						     "copy a temporary snapshot of SRC", NULL },
	{ "snapshot-size", '\0', POPT_ARG_STRING, NULL, OPT_SNAPSHOT_SIZE,
		"size of the snapshot (its copy-on-write space)", "SIZE" },
	{ "pre-snapshot", '\0', POPT_ARG_STRING, &cli_copying.pre_snapshot, 0,
		"run CMD on SRC's host before the snapshot is taken", "CMD" },
	{ "post-snapshot", '\0', POPT_ARG_STRING, &cli_copying.post_snapshot, 0,
		"run CMD there afterwards, even if taking it failed", "CMD" },
	POPT_TABLEEND };

static struct poptOption common_options[] = { { "quiet", 'q', POPT_ARG_NONE, &values.quiet, 0,
						      "print no messages but warnings and errors",
						      NULL },
	{ "verbose", 'v', POPT_ARG_NONE, NULL, OPT_VERBOSE, "print more messages (repeatable)",
		NULL },
	{ "json", '\0', POPT_ARG_NONE, &values.json, 0, "print the result as JSON", NULL },
	{ "progress", '\0', POPT_ARG_STRING | POPT_ARGFLAG_OPTIONAL, NULL, OPT_PROGRESS,
		"show progress: auto (on a terminal), always, never or json", "WHEN" },
	{ "config", '\0', POPT_ARG_STRING, &values.peer.config, 0,
		"read FILE instead of ~/.config/img-tools/config", "FILE" },
	{ "version", 'V', POPT_ARG_NONE, NULL, OPT_VERSION, "print the version", NULL },
	POPT_TABLEEND };

static struct poptOption peer_options[] = {
	{ "ssh-config", 'F', POPT_ARG_STRING, &values.peer.ssh.config_file, 0,
		"configuration of the built-in SSH client", "FILE" },
	{ "identity", 'i', POPT_ARG_STRING, &values.peer.ssh.identity, 0,
		"try the private key in FILE first", "FILE" },
	{ "rsh", '\0', POPT_ARG_STRING, &values.peer.rsh, 0,
		"run COMMAND instead of the built-in SSH client", "COMMAND" },
	{ "sudo", '\0', POPT_ARG_STRING | POPT_ARGFLAG_OPTIONAL, NULL, OPT_SUDO,
		"run the helper as root with sudo -n: peers, here or all", "WHERE" },
	{ "helper", '\0', POPT_ARG_STRING, &values.peer.helper, 0,
		"run the helper at PATH on the peer instead of sending one", "PATH" },
	{ "timeout", '\0', POPT_ARG_STRING, NULL, OPT_TIMEOUT,
		"limit for connecting, and for a peer's silence", "SECONDS" },
	POPT_TABLEEND
};

/* The options with an optional value, and what they mean without one. */
static const struct bare {
	const char *option, *full;
} bare_options[] = {
	{ "--progress", "--progress=always" },
	{ "--sudo", "--sudo=peers" },
};

static const char *expand_bare(const char *word)
{
	size_t i;

	for (i = 0; i < sizeof(bare_options) / sizeof(bare_options[0]); i++)
		if (strcmp(word, bare_options[i].option) == 0)
			return bare_options[i].full;
	return word;
}

static const char **expand_words(int argc, char **argv)
{
	const char **words = calloc((size_t)argc + 1, sizeof(*words));
	bool options = true;
	int i;

	for (i = 0; words && i < argc; i++) {
		options = options && strcmp(argv[i], "--") != 0;
		words[i] = options ? expand_bare(argv[i]) : argv[i];
	}
	return words;
}

/* The index of value in words, or -1 with ST_USAGE recorded. */
static int parse_word(const char *option, const char *value, const char *const *words)
{
	struct buf list = BUF_INIT;
	int i;

	for (i = 0; words[i]; i++)
		if (strcmp(value, words[i]) == 0)
			return i;
	for (i = 0; words[i]; i++)
		buf_addf(&list, "%s%s", i == 0 ? "" : words[i + 1] ? ", " : " or ", words[i]);
	err_set(ST_USAGE, "--%s: invalid value '%s'; use %s", option, value, buf_str(&list));
	buf_fini(&list);
	return -1;
}

static int parse_number(const char *option, const char *value, long max, long *out)
{
	char *end;

	errno = 0;
	*out = strtol(value, &end, 10);
	if (errno || *end || end == value || *out < 1 || *out > max)
		return err_set(
			ST_USAGE, "--%s: '%s' is not a number from 1 to %ld", option, value, max);
	return 0;
}

static int parse_option(const char *name, int opt, const char *value)
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
		i = parse_word("progress", value, progress);
		values.progress = (enum cli_progress)i;
		return i < 0 ? -1 : 0;
	case OPT_SUDO:
		i = parse_word("sudo", value, sudo);
		values.peer.sudo = (enum peer_sudo)(i + 1);
		return i < 0 ? -1 : 0;
	case OPT_COMPRESS:
		i = parse_word("compress", value, compress);
		cli_copying.compress = i;
		return i < 0 ? -1 : 0;
	case OPT_TIMEOUT:
		i = parse_number("timeout", value, TIMEOUT_MAX, &n);
		values.peer.ssh.timeout_s = (int)n;
		return i;
	case OPT_JOBS:
		i = parse_number("jobs", value, FLOW_JOBS_MAX, &n);
		cli_copying.jobs = (unsigned)n;
		return i;
	case OPT_SNAPSHOT_SIZE:
		return size_parse(value, &cli_copying.snapshot_size) < 0
			       ? err_wrap("--snapshot-size")
			       : 0;
	case OPT_BWLIMIT:
		return size_parse(value, &cli_copying.bwlimit) < 0 ? err_wrap("--bwlimit") : 0;
	default:
		return err_set(ST_USAGE, "unknown option");
	}
}

static int parse_options(struct cli *c)
{
	char *value;
	int opt, r;

	while ((opt = poptGetNextOpt(c->popt)) > 0) {
		value = poptGetOptArg(c->popt);
		r = parse_option(c->name, opt, value);
		free(value);
		if (r < 0)
			return -1;
	}
	if (opt < -1)
		return err_set(ST_USAGE, "%s: %s", poptBadOption(c->popt, POPT_BADOPTION_NOALIAS),
			poptStrerror(opt));
	return 0;
}

static int copy_values(struct cli *c)
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

/* popt prints the help and exits by itself: a full disk must not go unnoticed. */
static void check_help(void)
{
	if (is_parsing && (fflush(stdout) != 0 || ferror(stdout)))
		_exit(ST_FAILED);
}

/* The first lines of the help: the arguments, what the command does, where to read more. */
static const char *help_head(const char *args_help, const char *name)
{
	static char text[512];

	snprintf(text, sizeof(text), "%s\nSee %s(1), and img-tools(7) for how to write a location.",
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
	c->words = expand_words(argc, argv);
	if (!c->words || cancel_init() < 0)
		exit(ST_FAILED);
	cancel_on_signals();
	cancel_at_once_if_again(); /* the helpers clean up by themselves */
	c->popt = poptGetContext(name, argc, c->words, kept, 0);
	poptSetOtherOptionHelp(c->popt, help_head(args_help, name));
	is_parsing = true;
	atexit(check_help);
	if (parse_options(c) < 0 || copy_values(c) < 0) {
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
	if (location_parse(loc, text) == 0) {
		if (descriptor_adopt(loc) == 0)
			return 0;
		location_fini(loc);
	}
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
		status = ST_FAILED; /* an error without a status is still a failure */
	if (r < 0 && !cancel_signal())
		cli_print_error();
	/* A result that could not be written is a failure, as with coreutils. */
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
