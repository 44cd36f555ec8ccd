/*
 * libssh's functions return SSH_AUTH_AGAIN until the peer has answered.  But they
 * block until the agent has answered, which may be prompting the user; that time is
 * added to the deadline.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/ssh/ssh_pubkey.h"
#include "lib/ssh/ssh_tty.h"

/* The state of passphrase prompts, for libssh's callback. */
struct question {
	struct ssh_link *link;
	const char *file;
	bool may_ask, was_asked, failed;
};

static enum ssh_pubkey_result pubkey_result(struct ssh_link *l, int rc)
{
	switch (rc) {
	case SSH_AUTH_SUCCESS:
		return SSH_PUBKEY_IN;
	case SSH_AUTH_PARTIAL:
		return SSH_PUBKEY_MORE;
	default:
		/*
		 * The key is refused, or libssh cannot use it.  What the peer says when it ends the
		 * connection is SSH_AUTH_DENIED, too (libssh 0.11), and another attempt could hide
		 * that reason.
		 */
		if (ssh_is_connected(l->session))
			return SSH_PUBKEY_NO;
		err_set(ST_PEER, "%s", ssh_get_error(l->session));
		return SSH_PUBKEY_ERROR;
	}
}

static enum ssh_pubkey_result try_agent(
	struct ssh_link *l, struct ssh_keyring *ring, const struct ssh_keys_item *item)
{
	int64_t start;
	int rc;

	ssh_keyring_show(ring, item->in_agent, item->cert, item->cert_len);
	for (;;) {
		start = io_now_ms();
		rc = ssh_userauth_agent(l->session, NULL);
		deadline_exclude(&l->deadline, start);
		if (rc != SSH_AUTH_AGAIN)
			return pubkey_result(l, rc);
		if (ssh_connect_wait(l) < 0)
			return SSH_PUBKEY_ERROR;
	}
}

/* libssh's callback for a passphrase. */
static int answer_passphrase(
	const char *prompt, char *to, size_t len, int echo, int verify, void *arg)
{
	struct question *q = arg;
	char text[512], line[SSH_TTY_ANSWER_MAX];
	int64_t start = io_now_ms();
	int rc = -1;

	(void)prompt;
	(void)verify;
	q->was_asked = true;
	if (!q->may_ask)
		return -1;
	snprintf(text, sizeof(text), "Enter passphrase for key '%s': ", q->file);
	if (ssh_tty_ask(text, echo, line) == 0 && strlen(line) < len) {
		memcpy(to, line, strlen(line) + 1);
		rc = 0;
	}
	ssh_tty_forget(line, sizeof(line));
	deadline_exclude(&q->link->deadline, start);
	q->failed = rc < 0;
	return rc;
}

/* As ssh, ignores a private key of the user that others may read. */
static bool is_too_open(const char *file)
{
	struct stat st;

	if (stat(file, &st) < 0 || st.st_uid != getuid() || (st.st_mode & 077) == 0)
		return false;
	log_warn("warning: the private key '%s' is ignored: its permissions 0%o are too open "
		 "(chmod 600)",
		file, st.st_mode & 0777);
	return true;
}

/* Whether the private key is in a security key, and its file only names it. */
static bool is_fido(ssh_key key)
{
	enum ssh_keytypes_e type = key ? ssh_key_type(key) : SSH_KEYTYPE_UNKNOWN;

	return type == SSH_KEYTYPE_SK_ECDSA || type == SSH_KEYTYPE_SK_ECDSA_CERT01 ||
	       type == SSH_KEYTYPE_SK_ED25519 || type == SSH_KEYTYPE_SK_ED25519_CERT01;
}

/* Reads the private key.  SSH_PUBKEY_IN: *key is set. */
static enum ssh_pubkey_result read_private(
	struct ssh_link *l, const char *file, int prompts, ssh_key *key)
{
	struct question q = { .link = l, .file = file, .may_ask = prompts > 0 };
	int tries = 0;

	do {
		q.was_asked = false;
		if (ssh_pki_import_privkey_file(file, NULL, answer_passphrase, &q, key) == SSH_OK)
			return SSH_PUBKEY_IN;
	} while (q.was_asked && !q.failed && ++tries < prompts);
	if (q.failed)
		return SSH_PUBKEY_ERROR;
	return q.was_asked && !q.may_ask ? SSH_PUBKEY_NO_PASSPHRASE : SSH_PUBKEY_UNREADABLE;
}

/* Asks whether the peer would accept the key.  SSH_PUBKEY_IN: yes. */
static enum ssh_pubkey_result offer_key(struct ssh_link *l, ssh_key public)
{
	int rc;

	while ((rc = ssh_userauth_try_publickey(l->session, NULL, public)) == SSH_AUTH_AGAIN)
		if (ssh_connect_wait(l) < 0)
			return SSH_PUBKEY_ERROR;
	return pubkey_result(l, rc);
}

/* Logs in by a signature of the private key. */
static enum ssh_pubkey_result prove_key(struct ssh_link *l, ssh_key private)
{
	int rc;

	while ((rc = ssh_userauth_publickey(l->session, NULL, private)) == SSH_AUTH_AGAIN)
		if (ssh_connect_wait(l) < 0)
			return SSH_PUBKEY_ERROR;
	return pubkey_result(l, rc);
}

enum ssh_pubkey_result ssh_pubkey_try(
	struct ssh_link *l, const struct ssh_keys_item *item, struct ssh_keyring *ring, int prompts)
{
	enum ssh_pubkey_result result = SSH_PUBKEY_IN;
	ssh_key private = NULL;

	if (item->in_agent)
		return try_agent(l, ring, item);
	if (item->public)
		result = offer_key(l, item->public);
	if (result == SSH_PUBKEY_IN && is_too_open(item->file))
		return SSH_PUBKEY_TOO_OPEN;
	if (result == SSH_PUBKEY_IN && is_fido(item->public))
		return SSH_PUBKEY_FIDO;
	if (result == SSH_PUBKEY_IN)
		result = read_private(l, item->file, prompts, &private);
	if (result == SSH_PUBKEY_IN) {
		ssh_pki_copy_cert_to_privkey(item->public, private); /* no effect on a plain key */
		result = prove_key(l, private);
	}
	ssh_key_free(private);
	return result;
}
