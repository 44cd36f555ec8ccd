/*
 * All options come from struct ssh_config.  libssh itself reads a configuration
 * file only if OpenSSH is not installed (ssh_plain.h).  Until the pump starts,
 * libssh runs in this thread in non-blocking mode, so that the time-out and
 * cancel_set() end every wait.
 */
#include <errno.h>
#include <fcntl.h>
#include <libssh/libssh.h>
#include <libssh/server.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/cancel.h"
#include "lib/base/child.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/ssh/ssh.h"
#include "lib/ssh/ssh_auth.h"
#include "lib/ssh/ssh_connect.h"
#include "lib/ssh/ssh_hostkey.h"
#include "lib/ssh/ssh_plain.h"
#include "lib/ssh/ssh_pump.h"
#include "lib/ssh/ssh_query.h"
#include "lib/ssh/ssh_refusal.h"
#include "lib/ssh/ssh_tty.h"

#define TIMEOUT_S 30
#define PROXY_PROMPT_S 150 /* the ssh of a jump host may prompt, for which sshd waits 2 minutes */
#define CHECK_MS 5000	   /* for ssh to ask its shared connection */
#define REFUSAL_MS 5	   /* a server on a fast link refuses us within this time */
#define PROXY_END_MS 200   /* time for a ProxyCommand to exit after its output has ended */
#define RSA_MIN_BITS 1024  /* ssh accepts no RSA key of fewer, whatever RequiredRSASize is */
#define FAST_CIPHERS                                                                               \
	"aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,"             \
	"aes256-ctr,aes192-ctr,aes128-ctr"

/* As ssh offers them, as far as libssh knows them; its own default lacks hmac-sha1. */
#define USUAL_MACS                                                                                 \
	"hmac-sha2-256-etm@openssh.com,hmac-sha2-512-etm@openssh.com,hmac-sha1-etm@openssh.com,"   \
	"hmac-sha2-256,hmac-sha2-512,hmac-sha1"

struct ssh {
	struct ssh_link l;
	struct ssh_pump *pump;
};

/* Whether the processor has AES instructions; with them AES-GCM is three times as fast. */
static bool has_aes(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_cpu_init();
	return __builtin_cpu_supports("aes");
#elif defined(__aarch64__)
	return getauxval(AT_HWCAP) & (1u << 3); /* HWCAP_AES */
#else
	return false;
#endif
}

/* There was no connection, so another try may succeed.  Returns -1. */
static int note_no_connection(const struct ssh_config *c)
{
	if (c->failure)
		c->failure->may_retry = true;
	return -1;
}

static int set_algorithm_list(struct ssh_link *l, const struct ssh_config *c,
	enum ssh_options_e what, const char *list, const char *name)
{
	if (!list || ssh_options_set(l->session, what, list) == 0)
		return 0;
	ssh_config_beyond(c, "any of the configured %s", name);
	return err_set(ST_PEER, "%s: the built-in client supports none of the %s (use --rsh ssh)",
		l->where, name);
}

static int set_algorithms(struct ssh_link *l, const struct ssh_config *c)
{
	const char *ciphers = c->ciphers;

	if (!ciphers && c->resolved && has_aes())
		ciphers = FAST_CIPHERS;
	if (set_algorithm_list(l, c, SSH_OPTIONS_CIPHERS_C_S, ciphers, "Ciphers") < 0 ||
		set_algorithm_list(l, c, SSH_OPTIONS_CIPHERS_S_C, ciphers, "Ciphers") < 0 ||
		set_algorithm_list(l, c, SSH_OPTIONS_KEY_EXCHANGE, c->kex, "KexAlgorithms") < 0 ||
		set_algorithm_list(l, c, SSH_OPTIONS_HMAC_C_S, c->macs, "MACs") < 0 ||
		set_algorithm_list(l, c, SSH_OPTIONS_HMAC_S_C, c->macs, "MACs") < 0 ||
		set_algorithm_list(l, c, SSH_OPTIONS_PUBLICKEY_ACCEPTED_TYPES, c->pubkey_accepted,
			"PubkeyAcceptedAlgorithms") < 0)
		return -1;
	return ssh_hostkey_prefer(l, c);
}

static int record_option_error(struct ssh_link *l)
{
	return err_set(
		ST_PEER, "cannot set the options for %s: %s", l->where, ssh_get_error(l->session));
}

static int set_options(
	struct ssh_link *l, const struct ssh_config *c, const struct ssh_options *opt)
{
	const int no = 0;
	const int rsa_min = c->rsa_min_bits > RSA_MIN_BITS ? c->rsa_min_bits : RSA_MIN_BITS;
	unsigned int port = c->port;

	/* libssh requires a host name, but does not use it: we connect and verify the key */
	if (ssh_options_set(l->session, SSH_OPTIONS_HOST, c->resolved ? "host" : c->host) < 0 ||
		ssh_options_set(l->session, SSH_OPTIONS_PROCESS_CONFIG, &no) < 0)
		return record_option_error(l);
	if (ssh_options_set(l->session, SSH_OPTIONS_HMAC_C_S, USUAL_MACS) < 0 ||
		ssh_options_set(l->session, SSH_OPTIONS_HMAC_S_C, USUAL_MACS) < 0)
		return record_option_error(l);
	if (!c->resolved && ssh_plain_read(l->session, opt->config_file) < 0)
		return -1;
	if (ssh_options_set(l->session, SSH_OPTIONS_PORT, &port) < 0 ||
		ssh_options_set(l->session, SSH_OPTIONS_USER, c->user) < 0 ||
		ssh_options_set(l->session, SSH_OPTIONS_KNOWNHOSTS, "/dev/null") < 0 ||
		ssh_options_set(l->session, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null") < 0 ||
		(c->resolved &&
			ssh_options_set(l->session, SSH_OPTIONS_RSA_MIN_SIZE, &rsa_min) < 0) ||
		(c->rekey_bytes &&
			ssh_options_set(l->session, SSH_OPTIONS_REKEY_DATA, &c->rekey_bytes) < 0) ||
		(c->rekey_seconds &&
			ssh_options_set(l->session, SSH_OPTIONS_REKEY_TIME, &c->rekey_seconds) < 0))
		return record_option_error(l);
	return set_algorithms(l, c);
}

/* Records why the key exchange failed; libssh's error may be empty or "Success".  -1. */
static int record_handshake_error(
	struct ssh_link *l, const struct ssh_config *c, const struct ssh_refusal *refusal)
{
	const char *reason = ssh_get_error(l->session);
	bool is_closed, is_lost;
	char *safe;
	int status;

	if (ssh_refusal_record(refusal, l))
		return note_no_connection(c);
	if (l->proxy >= 0 && child_wait(l->proxy, PROXY_END_MS, &status) == 1) {
		l->proxy = -1;
		err_set(ST_PEER,
			"cannot connect to %s: the proxy command exited (ProxyCommand or "
			"ProxyJump)",
			l->where);
		return note_no_connection(c);
	}
	is_closed = !*reason || strstr(reason, "disconnected") || strstr(reason, "Success");
	/*
	 * A server without a common algorithm closes the connection, which can be found before
	 * libssh has compared the algorithms.  If it has not read all that was sent, the
	 * connection is reset; libssh's message then depends on whether it was reading or writing.
	 */
	is_lost = is_closed || strstr(reason, "Socket error") || strstr(reason, "error on socket");
	if (strstr(reason, "no match for method") || (is_lost && ssh_get_serverbanner(l->session)))
		ssh_config_beyond(c, "the server's algorithms");
	else
		note_no_connection(c);
	if (is_closed)
		reason = "connection closed by remote host";
	safe = text_safe_dup(reason);
	err_set(ST_PEER, "cannot connect to %s: %s", l->where, safe ? safe : "out of memory");
	free(safe);
	/* libssh says no more if the key is too short. */
	if (strstr(reason, "hostkey signature") && c->rsa_min_bits > RSA_MIN_BITS)
		err_set(ST_PEER, "%s (an RSA key needs %d bits: RequiredRSASize)", err_text(),
			c->rsa_min_bits);
	return -1;
}

/* Does the key exchange.  0, or -1 with an error recorded. */
static int exchange_keys(struct ssh_link *l, const struct ssh_config *c)
{
	int rc, fd = fcntl(l->fd, F_DUPFD_CLOEXEC, 3);
	struct ssh_refusal refusal = { "" };

	if (fd < 0)
		return err_set(ST_PEER, "cannot connect to %s: %s", l->where, strerror(errno));
	if (ssh_options_set(l->session, SSH_OPTIONS_FD, &fd) < 0) {
		close(fd);
		return err_set(ST_FAILED, "out of memory");
	}
	ssh_set_blocking(l->session, 0);
	ssh_refusal_peek(&refusal, l, REFUSAL_MS);
	while ((rc = ssh_connect(l->session)) == SSH_AGAIN) {
		if (ssh_connect_wait(l) < 0)
			return ssh_is_connected(l->session)
				       ? note_no_connection(c)
				       : record_handshake_error(l, c, &refusal);
		ssh_refusal_peek(&refusal, l, 0);
	}
	return rc == SSH_OK ? 0 : record_handshake_error(l, c, &refusal);
}

static void show_banner(struct ssh_link *l)
{
	char *banner = ssh_get_issue_banner(l->session);

	if (banner)
		log_info("%s", banner);
	ssh_string_free_char(banner);
}

/* The limit until keys are exchanged, in seconds. */
static int connect_limit(const struct ssh_config *c, const struct ssh_options *opt)
{
	if (opt->timeout_s)
		return opt->timeout_s;
	if (c->connect_timeout)
		return c->connect_timeout;
	return c->proxy_command && !c->batch_mode && ssh_tty_can_ask() ? PROXY_PROMPT_S : TIMEOUT_S;
}

/* As for ssh, ConnectTimeout is not for what follows the key exchange; --timeout is. */
static void limit_login(
	struct ssh_link *l, const struct ssh_config *c, const struct ssh_options *opt)
{
	if (opt->timeout_s || (!c->connect_timeout && !c->proxy_command))
		return;
	l->timeout_s = TIMEOUT_S;
	deadline_set(&l->deadline, (int64_t)TIMEOUT_S * 1000);
}

/* The library would keep what the peer asks for, such as channels, for a server that answers. */
static int refuse_request(ssh_session session, ssh_message message, void *arg)
{
	(void)session;
	(void)message;
	(void)arg;
	return 1; /* it is answered, as one that is not supported, and freed */
}

static int establish_login(
	struct ssh_link *l, const struct ssh_config *c, const struct ssh_options *opt)
{
	int timeout_s = connect_limit(c, opt);
	struct ssh_auth_how how = { .is_given = opt->identity, .may_leave = opt->may_leave };

	if (cancel_is_set())
		return err_set(ST_PEER, "interrupted");
	l->session = ssh_new();
	if (!l->session)
		return err_set(ST_FAILED, "out of memory");
	ssh_set_message_callback(l->session, refuse_request, NULL);
	log_debug("%s: connecting, for at most %d s", c->host, timeout_s);
	if (ssh_connect_open(l, c, timeout_s) < 0)
		return note_no_connection(c);
	if (set_options(l, c, opt) < 0 || exchange_keys(l, c) < 0)
		return -1;
	limit_login(l, c, opt);
	if (ssh_hostkey_check(l, c, &how.may_send_password) < 0 || ssh_auth_login(l, c, &how) < 0)
		return -1;
	show_banner(l);
	log_debug("%s: %s, %s, %s", l->where, ssh_get_serverbanner(l->session),
		ssh_get_kex_algo(l->session), ssh_get_cipher_out(l->session));
	return 0;
}

/* Passwords and keys must not get into a core file, nor to another process of the user. */
static void protect_memory(void)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) /* they trace themselves */
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		log_debug("cannot turn core dumps off: %s", strerror(errno));
#endif
}

/* Whether the user's ssh has a connection to the host that others may use (ControlMaster). */
static bool is_shared(
	const struct ssh_config *c, const struct location *loc, const struct ssh_options *opt)
{
	const char *args[SSH_QUERY_ARGS] = { "-O", "check" };
	struct ssh_arguments a;
	struct buf out = BUF_INIT;
	int n = 2, rc;

	if (!c->control_path || strcasecmp(c->control_path, "none") == 0)
		return false;
	n += ssh_arguments_put(&a, args + n, loc, opt);
	args[n++] = "--";
	args[n] = loc->host;
	rc = ssh_query_run(args, &out, CHECK_MS);
	err_clear();
	buf_fini(&out);
	return rc == 1;
}

struct ssh *ssh_open(
	const struct location *loc, const struct ssh_options *opt, struct ssh_failure *failure)
{
	struct ssh_config c;
	struct ssh *s = NULL;
	bool done = false;
	struct err why;

	protect_memory();
	if (ssh_config_resolve(&c, loc, opt, failure) < 0)
		return NULL;
	if (opt->may_leave && is_shared(&c, loc, opt)) {
		ssh_config_beyond(&c, "the shared connection that ssh has (ControlMaster)");
		err_set(ST_PEER, "'%s': ssh has a shared connection", loc->host);
		goto out;
	}
	s = calloc(1, sizeof(*s));
	if (!s) {
		err_set(ST_FAILED, "out of memory");
		goto out;
	}
	s->l = (struct ssh_link)SSH_LINK_INIT;
	if (establish_login(&s->l, &c, opt) == 0) {
		s->pump = ssh_pump_start(&s->l);
		done = s->pump != NULL;
	}
	if (!done) {
		err_take(&why);
		ssh_close(s);
		err_put(&why);
		s = NULL;
	}
out:
	ssh_config_fini(&c);
	return s;
}

int ssh_exec(struct ssh *s, const char *command)
{
	return ssh_pump_exec(s->pump, command);
}

char *ssh_stderr(struct ssh *s)
{
	char *raw = ssh_pump_stderr(s->pump), *safe;

	if (!raw)
		return NULL;
	safe = text_safe_dup(raw);
	free(raw);
	return safe;
}

int ssh_exit_status(struct ssh *s)
{
	return ssh_pump_exit_status(s->pump);
}

uint64_t ssh_bytes(struct ssh *s)
{
	return ssh_pump_bytes(s->pump);
}

int64_t ssh_round_ms(struct ssh *s)
{
	return ssh_pump_round_ms(s->pump);
}

const char *ssh_lost_why(struct ssh *s)
{
	return ssh_pump_lost_why(s->pump);
}

void ssh_close(struct ssh *s)
{
	if (!s)
		return;
	ssh_pump_stop(s->pump);
	ssh_connect_close(&s->l);
	free(s);
}
