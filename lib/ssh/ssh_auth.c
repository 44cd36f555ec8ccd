/*
 * A peer may require several methods one after another (AuthenticationMethods).
 * After each method that it accepts, the peer names those that can continue, and
 * all keys and methods are tried again.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/child.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/ssh/ssh_auth.h"
#include "lib/ssh/ssh_pubkey.h"
#include "lib/ssh/ssh_tty.h"

#define AGAIN "Permission denied, please try again.\n" /* ssh's words */
#define KLIST_MS 5000
#define AGENT_MS 10000 /* for the agent to list its keys */
#define ROUNDS_MAX 8   /* methods that one login may require */
#define KBDINT_MAX 32  /* sets of prompts in one try */
#define TRIED_MAX 480  /* bytes of the list of what was tried, for the error */

struct login {
	struct ssh_link *l;
	const struct ssh_config *c;
	struct ssh_keyring ring;
	struct ssh_keys keys;
	const struct ssh_auth_how *how;
	const char *fido_file; /* a key that needs a security key, or NULL */
	bool is_again;	       /* the answers to the last prompts were wrong */
	int prompts;	       /* how often to prompt; 0: prompts are not possible */
	struct buf tried;      /* "key '...', password" */
};

static const char *why_no_prompts(const struct login *in)
{
	if (in->c->batch_mode)
		return "BatchMode is on";
	return in->c->password_prompts ? "prompts need a terminal" : "NumberOfPasswordPrompts is 0";
}

/* Records for the error message that what was tried, and why it failed. */
static void note_tried(struct login *in, const char *what, const char *problem, const char *why)
{
	const char *open = *problem || *why ? " (" : "", *shut = *open ? ")" : "";

	if (in->tried.len < TRIED_MAX)
		buf_addf(&in->tried, "%s%s%s%s%s%s", in->tried.len ? ", " : "", what, open, problem,
			why, shut);
	log_debug("%s: tried %s%s%s%s%s", in->l->where, what, open, problem, why, shut);
}

static enum ssh_pubkey_result try_keys(struct login *in)
{
	enum ssh_pubkey_result result;
	size_t i;

	for (i = 0; i < in->keys.count; i++) {
		const struct ssh_keys_item *item = &in->keys.item[i];

		result = ssh_pubkey_try(in->l, item, &in->ring, in->prompts);
		if (result == SSH_PUBKEY_NO_PASSPHRASE)
			note_tried(
				in, item->label, "it has a passphrase, and ", why_no_prompts(in));
		else if (result == SSH_PUBKEY_TOO_OPEN)
			note_tried(in, item->label, "ignored: others may read it", "");
		else if (result == SSH_PUBKEY_FIDO)
			note_tried(in, item->label, "it needs a security key", "");
		else if (result == SSH_PUBKEY_UNREADABLE)
			note_tried(in, item->label, "unreadable, or wrong passphrase", "");
		else
			note_tried(in, item->label, "", "");
		if (result == SSH_PUBKEY_FIDO)
			in->fido_file = item->file;
		if (result != SSH_PUBKEY_NO && result != SSH_PUBKEY_NO_PASSPHRASE &&
			result != SSH_PUBKEY_TOO_OPEN && result != SSH_PUBKEY_FIDO &&
			result != SSH_PUBKEY_UNREADABLE)
			return result;
	}
	return SSH_PUBKEY_NO;
}

/* The result of libssh's code rc for keyboard-interactive and password. */
static enum ssh_pubkey_result auth_result(struct login *in, int rc)
{
	if (rc == SSH_AUTH_SUCCESS)
		return SSH_PUBKEY_IN;
	if (rc == SSH_AUTH_PARTIAL)
		return SSH_PUBKEY_MORE;
	if (ssh_is_connected(in->l->session))
		return SSH_PUBKEY_NO;
	err_set(ST_PEER, "%s", ssh_get_error(in->l->session));
	return SSH_PUBKEY_ERROR;
}

/* Prompts the user, and moves the deadline by the time that took.  0, or -1 recorded. */
static int ask_user(
	struct login *in, const char *prompt, bool echo, char answer[SSH_TTY_ANSWER_MAX])
{
	int64_t start = io_now_ms();
	int rc = ssh_tty_ask(prompt, echo, answer);

	deadline_exclude(&in->l->deadline, start);
	return rc;
}

/* What there is to read before the first prompt of a set; no line can pass for one of ours. */
static void add_introduction(const struct login *in, struct buf *b, const char *who)
{
	ssh_session s = in->l->session;
	const char *const text[2] = { ssh_userauth_kbdint_getname(s),
		ssh_userauth_kbdint_getinstruction(s) };
	int i;

	/* Text of the peer must not come first: it could be an option of SSH_ASKPASS. */
	if (in->is_again)
		buf_addf(b, "%s", AGAIN);
	for (i = 0; i < 2; i++)
		if (text[i] && *text[i]) {
			buf_add_lines(b, who, text[i]);
			buf_addf(b, "\n");
		}
}

/* Answers prompt i of a set.  0, or -1 recorded. */
static int answer_prompt(struct login *in, int i, struct buf *prompt)
{
	ssh_session s = in->l->session;
	char answer[SSH_TTY_ANSWER_MAX], who[512], echo = 0;
	const char *question = ssh_userauth_kbdint_getprompt(s, (unsigned int)i, &echo);
	int r;

	snprintf(who, sizeof(who), "(%s@%s) ", in->c->user, in->c->host);
	buf_clear(prompt);
	if (i == 0)
		add_introduction(in, prompt, who);
	buf_add_lines(prompt, who, question ? question : "");
	if (buf_failed(prompt) < 0)
		return -1;
	r = ask_user(in, buf_str(prompt), echo, answer);
	if (r == 0 && ssh_userauth_kbdint_setanswer(s, (unsigned int)i, answer) < 0)
		r = err_set(ST_FAILED, "out of memory");
	ssh_tty_forget(answer, sizeof(answer));
	return r;
}

/* Answers one set of prompts.  1: done; 0: prompts are not possible; -1 recorded. */
static int answer_prompts(struct login *in)
{
	ssh_session s = in->l->session;
	int i, rc = 0, count = ssh_userauth_kbdint_getnprompts(s);
	struct buf prompt = BUF_INIT;

	if (count > 0 && in->prompts == 0)
		return 0;
	for (i = 0; i < count && rc == 0; i++)
		rc = answer_prompt(in, i, &prompt);
	buf_fini(&prompt);
	return rc < 0 ? -1 : 1;
}

static enum ssh_pubkey_result try_kbdint_once(struct login *in)
{
	int rc, sets = 0, answered;

	for (;;) {
		rc = ssh_userauth_kbdint(in->l->session, NULL, NULL);
		if (rc == SSH_AUTH_AGAIN) {
			if (ssh_connect_wait(in->l) < 0)
				return SSH_PUBKEY_ERROR;
			continue;
		}
		if (rc != SSH_AUTH_INFO || ++sets > KBDINT_MAX)
			return auth_result(in, rc);
		answered = answer_prompts(in);
		if (answered <= 0)
			return answered < 0 ? SSH_PUBKEY_ERROR : SSH_PUBKEY_NO_PASSPHRASE;
	}
}

static enum ssh_pubkey_result try_kbdint(struct login *in)
{
	enum ssh_pubkey_result result = SSH_PUBKEY_NO;
	int i;

	for (i = 0; i < in->c->password_prompts && result == SSH_PUBKEY_NO; i++) {
		in->is_again = i > 0;
		result = try_kbdint_once(in);
	}
	note_tried(in, "keyboard-interactive", "",
		result == SSH_PUBKEY_NO_PASSPHRASE ? why_no_prompts(in) : "");
	return result == SSH_PUBKEY_NO_PASSPHRASE ? SSH_PUBKEY_NO : result;
}

static enum ssh_pubkey_result try_password(struct login *in)
{
	enum ssh_pubkey_result result = SSH_PUBKEY_NO;
	char prompt[512], password[SSH_TTY_ANSWER_MAX];
	int i, rc;

	for (i = 0; i < in->prompts && result == SSH_PUBKEY_NO; i++) {
		snprintf(prompt, sizeof(prompt), "%s%s@%s's password: ", i ? AGAIN : "",
			in->c->user, in->c->host);
		if (ask_user(in, prompt, false, password) < 0)
			return SSH_PUBKEY_ERROR;
		while ((rc = ssh_userauth_password(in->l->session, NULL, password)) ==
			SSH_AUTH_AGAIN)
			if (ssh_connect_wait(in->l) < 0)
				break;
		ssh_tty_forget(password, sizeof(password));
		result = rc == SSH_AUTH_AGAIN ? SSH_PUBKEY_ERROR : auth_result(in, rc);
	}
	note_tried(in, "password", "", in->prompts == 0 ? why_no_prompts(in) : "");
	return result;
}

/* Asks klist, in the user's environment, which may name another configuration. */
static bool klist_finds_ticket(void)
{
	static const char *const argv[] = { "klist", "-s", NULL };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), status, ended;
	pid_t pid = null < 0 ? -1 : child_start_group(argv, null, null, null);

	if (null >= 0)
		close(null);
	if (pid < 0)
		return false;
	ended = child_wait_or_cancel(pid, KLIST_MS, &status);
	if (ended != 1)
		child_end_group(pid);
	return ended == 1 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Whether the user seems to have a Kerberos ticket. */
static bool has_ticket(void)
{
	const char *cache = getenv("KRB5CCNAME");

	return (cache && *cache) || (child_is_in_path("klist") && klist_finds_ticket());
}

/* Before a prompt: whether ssh could log in without one.  Then that is noted. */
static bool should_leave(struct login *in, int methods)
{
	if (!in->how->may_leave)
		return false;
	if (in->fido_file)
		ssh_config_beyond(in->c, "FIDO keys ('%s')", in->fido_file);
	else if (in->c->hostbased_auth && (methods & SSH_AUTH_METHOD_HOSTBASED))
		ssh_config_beyond(in->c, "HostbasedAuthentication");
	else if (in->c->gssapi_auth && (methods & SSH_AUTH_METHOD_GSSAPI_MIC) && has_ticket())
		ssh_config_beyond(in->c, "GSSAPIAuthentication as ssh does it");
	else
		return false;
	return true;
}

/* Tries all methods that the peer accepts at this point, until one succeeds. */
static enum ssh_pubkey_result try_methods(struct login *in, int methods)
{
	enum ssh_pubkey_result result = SSH_PUBKEY_NO;

	if (in->c->pubkey_auth && (methods & SSH_AUTH_METHOD_PUBLICKEY))
		result = try_keys(in);
	if (result == SSH_PUBKEY_NO && should_leave(in, methods))
		return SSH_PUBKEY_NO;
	if (result == SSH_PUBKEY_NO && in->how->may_send_password && in->c->kbdint_auth &&
		(methods & SSH_AUTH_METHOD_INTERACTIVE))
		result = try_kbdint(in);
	if (result == SSH_PUBKEY_NO && in->how->may_send_password && in->c->password_auth &&
		(methods & SSH_AUTH_METHOD_PASSWORD))
		result = try_password(in);
	return result;
}

static void name_methods(struct buf *b, int methods)
{
	static const struct {
		int bit;
		const char *name;
	} all[] = {
		{ SSH_AUTH_METHOD_PUBLICKEY, "publickey" },
		{ SSH_AUTH_METHOD_INTERACTIVE, "keyboard-interactive" },
		{ SSH_AUTH_METHOD_PASSWORD, "password" },
		{ SSH_AUTH_METHOD_GSSAPI_MIC, "gssapi-with-mic (needs --rsh ssh)" },
		{ SSH_AUTH_METHOD_HOSTBASED, "hostbased (needs --rsh ssh)" },
	};
	size_t i;
	bool first = true;

	for (i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (methods & all[i].bit) {
			buf_addf(b, "%s%s", first ? "" : ", ", all[i].name);
			first = false;
		}
	if (first)
		buf_adds(b, "none that the built-in client supports");
}

/* Records why the login failed; why: the peer ended the connection, or NULL.  Returns -1. */
static int record_refusal(struct login *in, int methods, const char *why)
{
	struct buf b = BUF_INIT;
	char *safe;

	buf_addf(&b, "%s (", why ? why : "permission denied");
	if (methods || !why) {
		buf_adds(&b, "accepted methods: ");
		name_methods(&b, methods);
		buf_adds(&b, "; ");
	}
	buf_addf(&b, "tried: %s)", in->tried.len ? buf_str(&in->tried) : "nothing");
	safe = text_safe_dup(buf_str(&b));
	err_set(ST_PEER, "cannot log in to %s as '%s': %s", in->l->where, in->c->user,
		safe ? safe : "out of memory");
	free(safe);
	buf_fini(&b);
	return -1;
}

static int auth_run(struct login *in)
{
	enum ssh_pubkey_result result;
	int rc, round, methods = 0;

	while ((rc = ssh_userauth_none(in->l->session, NULL)) == SSH_AUTH_AGAIN)
		if (ssh_connect_wait(in->l) < 0)
			return -1;
	result = auth_result(in, rc);
	for (round = 0; result != SSH_PUBKEY_IN; round++) {
		char why[ERR_TEXT_MAX];

		if (result != SSH_PUBKEY_ERROR) {
			methods = ssh_userauth_list(in->l->session, NULL);
			result = round < ROUNDS_MAX ? try_methods(in, methods) : SSH_PUBKEY_NO;
		}
		if (result == SSH_PUBKEY_NO)
			return record_refusal(in, methods, NULL);
		if (result == SSH_PUBKEY_ERROR && ssh_is_connected(in->l->session))
			return -1;
		if (result == SSH_PUBKEY_ERROR) {
			snprintf(why, sizeof(why), "%s", err_text());
			return record_refusal(in, methods, why);
		}
	}
	return 0;
}

/* At most half of the time that is left, so that the login can go on without the agent. */
static int agent_ms(const struct login *in)
{
	int64_t half = deadline_left(&in->l->deadline) / 2;

	return half <= 0 ? 1 : half < AGENT_MS ? (int)half : AGENT_MS;
}

static int auth_prepare(struct login *in)
{
	const char *agent = in->c->identity_agent;

	if (!agent)
		agent = getenv("SSH_AUTH_SOCK");
	if (!in->c->pubkey_auth)
		return 0;
	if (agent && *agent && strcasecmp(agent, "none") != 0 &&
		ssh_keyring_open(&in->ring, agent, agent_ms(in)) < 0) {
		log_info("%s", err_text()); /* continue without the agent */
		err_clear();
	}
	if (ssh_keyring_attach(&in->ring, in->l->session) < 0)
		return -1;
	return ssh_keys_find(&in->keys, in->c, in->how->is_given, &in->ring);
}

int ssh_auth_login(struct ssh_link *l, const struct ssh_config *c, const struct ssh_auth_how *how)
{
	struct login in = { .l = l, .c = c, .how = how };
	int rc = -1;

	ssh_keyring_init(&in.ring);
	if (!c->batch_mode && ssh_tty_can_ask())
		in.prompts = c->password_prompts;
	if (auth_prepare(&in) == 0)
		rc = auth_run(&in);
	if (rc == 0)
		log_info("logged in to %s as '%s'", l->where, c->user);
	ssh_keys_fini(&in.keys);
	ssh_keyring_close(&in.ring);
	buf_fini(&in.tried);
	return rc;
}
