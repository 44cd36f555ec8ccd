/*
 * cli: popt parses the command line.  It would take the next word as the value of
 * a bare --progress, --sudo or --xml, so these get their default value before.
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
#include "lib/cli/usage.h"
#include "lib/cli/words.h"
#include "lib/flow/flow.h"

enum {
	OPT_PROGRESS = 1000,
	OPT_SUDO,
	OPT_TIMEOUT,
	OPT_SSH_OPTION,
	OPT_PORT,
	OPT_RETRIES,
	OPT_BWLIMIT,
	OPT_COMPRESS,
	OPT_JOBS,
	OPT_SNAPSHOT_SIZE,
	OPT_VERBOSE,
	OPT_VERSION,
	OPT_HELP,
	OPT_USAGE
};

#define TIMEOUT_MAX 86400
#define RETRIES_MAX 1000

static struct cli values; /* popt's tables fill this one; cli_begin() copies it */
struct cli_copying cli_copying;
static const char *ssh_options[SSH_OPTIONS_MAX + 1]; /* of --ssh-option */

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
	{ "qmp", '\0', POPT_ARG_STRING, &cli_copying.qmp, 0,
		"pause the guest for the snapshot, by QEMU's monitor there", "SOCKET" },
	{ "libvirt", '\0', POPT_ARG_STRING, &cli_copying.libvirt, 0,
		"pause this guest of libvirt's there for the snapshot", "DOMAIN" },
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
	{ "help", 'h', POPT_ARG_NONE, NULL, OPT_HELP, "print this help", NULL },
	{ NULL, '?', POPT_ARG_NONE | POPT_ARGFLAG_DOC_HIDDEN, NULL, OPT_HELP, NULL, NULL },
	{ "usage", '\0', POPT_ARG_NONE, NULL, OPT_USAGE, "print a list of the options", NULL },
	{ "version", 'V', POPT_ARG_NONE, NULL, OPT_VERSION, "print the version", NULL },
	POPT_TABLEEND };

static struct poptOption peer_options[] = {
	{ "ssh-config", 'F', POPT_ARG_STRING, &values.peer.ssh.config_file, 0,
		"configuration of the built-in SSH client", "FILE" },
	{ "identity", 'i', POPT_ARG_STRING, &values.peer.ssh.identity, 0,
		"try the private key in FILE first", "FILE" },
	{ "ssh-option", 'o', POPT_ARG_STRING, NULL, OPT_SSH_OPTION,
		"an option as in ssh_config(5) (repeatable)", "OPTION" },
	{ "jump", 'J', POPT_ARG_STRING, &values.peer.ssh.jump, 0,
		"connect through this host, or several with commas", "HOST" },
	{ "port", 'p', POPT_ARG_STRING, NULL, OPT_PORT, "port of locations without one", "PORT" },
	{ "rsh", '\0', POPT_ARG_STRING, &values.peer.rsh, 0,
		"run COMMAND instead of the built-in SSH client (default: $IMG_RSH)", "COMMAND" },
	{ "retries", '\0', POPT_ARG_STRING, NULL, OPT_RETRIES,
		"try N more times to connect (default: 0)", "N" },
	{ "sudo", '\0', POPT_ARG_STRING | POPT_ARGFLAG_OPTIONAL, NULL, OPT_SUDO,
		"run the helper as root with sudo -n: peers, here or all", "WHERE" },
	{ "helper", '\0', POPT_ARG_STRING, &values.peer.helper, 0,
		"run the helper at PATH on the peer instead of sending one", "PATH" },
	{ "timeout", '\0', POPT_ARG_STRING, NULL, OPT_TIMEOUT,
		"limit for connecting, and for a peer's silence", "SECONDS" },
	POPT_TABLEEND
};

/* Keeps a copy, which lives as long as the process, as popt's own values do. */
static int add_ssh_option(const char *value)
{
	size_t n = 0;

	while (ssh_options[n])
		n++;
	if (n == SSH_OPTIONS_MAX)
		return usage_error("--ssh-option: more than %d of them", SSH_OPTIONS_MAX);
	ssh_options[n] = strdup(value);
	return ssh_options[n] ? 0 : err_set(ST_FAILED, "out of memory");
}

/* A result that could not be written is a failure, as with coreutils. */
static int cli_flush(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return ST_OK;
	cli_write_failed();
	if (!cancel_signal())
		cli_print_error();
	return ST_FAILED;
}

/* Ends the program after what it has printed. */
static void exit_printed(void) __attribute__((noreturn));

static void exit_printed(void)
{
	exit(cli_flush());
}

static int parse_option(struct cli *c, int opt, const char *value)
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
		printf("%s (img-tools) %s\n", c->name, VERSION);
		exit_printed();
	case OPT_HELP:
		poptPrintHelp(c->popt, stdout, 0);
		exit_printed();
	case OPT_USAGE:
		poptPrintUsage(c->popt, stdout, 0);
		exit_printed();
	case OPT_PROGRESS:
		i = usage_word("progress", value, progress);
		values.progress = (enum cli_progress)i;
		return i < 0 ? -1 : 0;
	case OPT_SUDO:
		i = usage_word("sudo", value, sudo);
		values.peer.sudo = (enum peer_sudo)(i + 1);
		return i < 0 ? -1 : 0;
	case OPT_COMPRESS:
		i = usage_word("compress", value, compress);
		cli_copying.compress = i;
		return i < 0 ? -1 : 0;
	case OPT_TIMEOUT:
		i = usage_number("timeout", value, 1, TIMEOUT_MAX, &n);
		values.peer.ssh.timeout_s = (int)n;
		return i;
	case OPT_SSH_OPTION:
		return add_ssh_option(value);
	case OPT_PORT:
		i = usage_number("port", value, 1, UINT16_MAX, &n);
		values.peer.ssh.port = (uint16_t)n;
		return i;
	case OPT_RETRIES:
		i = usage_number("retries", value, 0, RETRIES_MAX, &n);
		values.peer.retries = (int)n;
		return i;
	case OPT_JOBS:
		i = usage_number("jobs", value, 1, FLOW_JOBS_MAX, &n);
		cli_copying.jobs = (unsigned)n;
		return i;
	case OPT_SNAPSHOT_SIZE:
		return cli_size("--snapshot-size", value, &cli_copying.snapshot_size);
	case OPT_BWLIMIT:
		return cli_size("--bwlimit", value, &cli_copying.bwlimit);
	default:
		return err_set(ST_USAGE, "unknown option");
	}
}

static int parse_options(struct cli *c, const struct poptOption *options)
{
	char *value;
	int opt, r;

	while ((opt = poptGetNextOpt(c->popt)) > 0) {
		value = poptGetOptArg(c->popt);
		r = opt == OPT_SSH_OPTION ? usage_ssh_option(options, value) : 0;
		r = r == 0 ? parse_option(c, opt, value) : r;
		free(value);
		if (r < 0)
			return usage_hint();
	}
	if (opt < -1)
		return usage_option(options, poptBadOption(c->popt, POPT_BADOPTION_NOALIAS), opt);
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
	if (!c->peer.rsh && getenv("IMG_RSH") && *getenv("IMG_RSH"))
		c->peer.rsh = getenv("IMG_RSH");
	c->peer.ssh.option = ssh_options;
	if (c->peer.rsh && (c->peer.ssh.config_file || c->peer.ssh.identity || c->peer.ssh.jump ||
				   ssh_options[0]))
		return usage_error(
			"--ssh-config, --identity, --ssh-option and --jump are for the built-in "
			"SSH client: put them into the command of %s",
			values.peer.rsh ? "--rsh" : "IMG_RSH");
	return peer_options_check(&c->peer) < 0 ? usage_hint() : 0;
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
		POPT_TABLEEND };
	static struct poptOption kept[sizeof(table) / sizeof(table[0])];

	io_std_open();
	memset(c, 0, sizeof(*c));
	c->name = name;
	c->synopsis = args_help;
	log_init(name);
	memcpy(kept, table, sizeof(table));
	c->words = words_expand(argc, argv, own);
	if (!c->words || cancel_init() < 0)
		exit(ST_FAILED);
	cancel_on_signals();
	cancel_at_once_if_again(); /* the helpers clean up by themselves */
	c->popt = poptGetContext(name, argc, c->words, kept, 0);
	poptSetOtherOptionHelp(c->popt, help_head(args_help, name));
	if (parse_options(c, kept) < 0 || copy_values(c) < 0) {
		cli_print_error();
		exit(ST_USAGE);
	}
	log_set_level(c->quiet	       ? LOG_LEVEL_WARN
		      : c->verbose > 1 ? LOG_LEVEL_DEBUG
		      : c->verbose     ? LOG_LEVEL_INFO
				       : LOG_LEVEL_NOTE);
	c->args = poptGetArgs(c->popt);
	while (c->args && c->args[c->count])
		c->count++;
}

void cli_need_args(struct cli *c, int max)
{
	if (usage_operands(c->synopsis, c->args, max) < 0)
		exit(cli_end(c, -1));
}

int cli_location(struct location *loc, const char *text, int fd)
{
	if (location_parse(loc, text) == 0) {
		if (descriptor_adopt(loc, fd) == 0)
			return 0;
		location_fini(loc);
	}
	if (*text)
		err_wrap("%s", text);
	return usage_hint();
}

int cli_size(const char *name, const char *value, uint64_t *size)
{
	if (size_parse(value, size) == 0)
		return 0;
	err_wrap("%s", name);
	return usage_hint();
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

int cli_write_failed(void)
{
	err_set(ST_FAILED, "cannot write the result: %s", strerror(errno));
	if (errno == EPIPE)
		cancel_on_broken_pipe();
	return -1;
}

int cli_end(struct cli *c, int r)
{
	int status = r < 0 ? (int)err_status() : ST_OK;

	if (r < 0 && status == ST_OK)
		status = ST_FAILED; /* an error without a status is still a failure */
	if (r < 0 && !cancel_signal())
		cli_print_error();
	if (status == ST_OK)
		status = cli_flush();
	poptFreeContext(c->popt);
	free(c->words);
	c->popt = NULL;
	c->words = NULL;
	cancel_die();
	return status;
}
