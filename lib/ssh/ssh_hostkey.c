/*
 * The decision, by what known_hosts has for the host and by StrictHostKeyChecking:
 *
 *	                 ask     yes     accept-new  no
 *	revoked          refuse  refuse  refuse      refuse
 *	changed          refuse  refuse  refuse      warn
 *	not known        ask     refuse  add         add
 *
 * A host whose known keys are of other types than its own is a changed one, as in OpenSSH.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/ssh/ssh_hostkey.h"
#include "lib/ssh/ssh_known.h"
#include "lib/ssh/ssh_tty.h"

#define USUAL_ALGORITHMS                                                                           \
	"ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,"                 \
	"sk-ssh-ed25519@openssh.com,sk-ecdsa-sha2-nistp256@openssh.com,rsa-sha2-512,"              \
	"rsa-sha2-256"

#define ANSWERS_MAX 3 /* to a question, until they are taken for no */

/* The key in words, for messages. */
struct shown {
	char type[32];	       /* "ED25519" */
	char fingerprint[128]; /* "SHA256:..." */
	char file[512];	       /* "'/home/u/.ssh/known_hosts' line 3", or without the line */
};

/* Appends those algorithms of list for which a key is known, or those for which none is. */
static void add_algorithms(struct buf *b, const struct ssh_config *c, char *list, bool known)
{
	char *copy = strdup(list), *next = copy, *word;

	while (copy && (word = strsep(&next, ",")))
		if (*word && ssh_known_has_type(c, word) == known)
			buf_addf(b, "%s%s", b->len ? "," : "", word);
	b->failed = b->failed || !copy;
	free(copy);
}

int ssh_hostkey_prefer(struct ssh_link *l, const struct ssh_config *c)
{
	char usual[] = USUAL_ALGORITHMS;
	char *list = c->host_key_algorithms ? c->host_key_algorithms : usual;
	struct buf b = BUF_INIT;
	int rc = 0;

	add_algorithms(&b, c, list, true);
	add_algorithms(&b, c, list, false);
	if (buf_failed(&b) < 0)
		rc = -1;
	else if (ssh_options_set(l->session, SSH_OPTIONS_HOSTKEYS, buf_str(&b)) < 0) {
		ssh_config_beyond(c, "any of the configured HostKeyAlgorithms");
		rc = err_set(ST_PEER,
			"%s: the built-in client supports none of the HostKeyAlgorithms (use "
			"--rsh ssh)",
			l->where);
	}
	buf_fini(&b);
	return rc;
}

static void set_type(char *out, size_t size, ssh_key key)
{
	switch (ssh_key_type(key)) {
	case SSH_KEYTYPE_RSA:
		snprintf(out, size, "RSA");
		break;
	case SSH_KEYTYPE_ED25519:
		snprintf(out, size, "ED25519");
		break;
	case SSH_KEYTYPE_ECDSA_P256:
	case SSH_KEYTYPE_ECDSA_P384:
	case SSH_KEYTYPE_ECDSA_P521:
		snprintf(out, size, "ECDSA");
		break;
	default:
		snprintf(out, size, "%s", ssh_key_type_to_char(ssh_key_type(key)));
	}
}

static int describe_key(
	struct shown *s, const struct ssh_config *c, ssh_key key, const struct ssh_known *known)
{
	unsigned char *hash = NULL;
	char *text = NULL;
	size_t len = 0;

	set_type(s->type, sizeof(s->type), key);
	if (ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &len) == 0)
		text = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, len);
	ssh_clean_pubkey_hash(&hash);
	snprintf(s->fingerprint, sizeof(s->fingerprint), "%s", text ? text : "");
	ssh_string_free_char(text);
	if (known->file)
		snprintf(s->file, sizeof(s->file), "'%s' line %zu", known->file, known->line);
	else if (c->user_known_hosts && c->user_known_hosts[0])
		snprintf(s->file, sizeof(s->file), "'%s'", c->user_known_hosts[0]);
	else
		snprintf(s->file, sizeof(s->file), "any known_hosts file");
	return *s->fingerprint ? 0 : err_set(ST_FAILED, "out of memory");
}

static int refuse_changed(const struct ssh_link *l, const struct shown *s)
{
	return err_set(ST_PEER,
		"host key verification failed for %s: its %s host key %s is not the one in %s: the "
		"host was reinstalled, or this is a man-in-the-middle attack (if it was "
		"reinstalled, remove the old key with 'ssh-keygen -R')",
		l->where, s->type, s->fingerprint, s->file);
}

/* The host has a certificate; as libssh cannot verify it, its plain key says nothing. */
static int refuse_authority(
	const struct ssh_link *l, const struct ssh_config *c, const struct ssh_known *known)
{
	ssh_config_beyond(c, "host certificates (@cert-authority in '%s' line %zu)",
		known->authority_file, known->authority_line);
	return err_set(ST_PEER,
		"host key verification failed for %s: '%s' line %zu names a @cert-authority for "
		"it, "
		"and the built-in client does not support host certificates (use --rsh ssh)",
		l->where, known->authority_file, known->authority_line);
}

/* The DNS may have the key, which libssh cannot look up. */
static int refuse_dns(const struct ssh_link *l, const struct ssh_config *c)
{
	ssh_config_beyond(c, "VerifyHostKeyDNS, and the host key is not known");
	return err_set(ST_PEER,
		"host key verification failed for %s: its key is not known, and the built-in "
		"client does not support VerifyHostKeyDNS (use --rsh ssh)",
		l->where);
}

static int refuse_unknown(const struct ssh_link *l, const struct shown *s, const char *why)
{
	return err_set(ST_PEER,
		"host key verification failed for %s: its %s host key %s is not in %s, and %s",
		l->where, s->type, s->fingerprint, s->file, why);
}

/* Asks whether to accept an unknown key.  0: yes; -1: no, with an error recorded. */
static int ask_to_accept(struct ssh_link *l, const struct shown *s)
{
	char prompt[1024], answer[SSH_TTY_ANSWER_MAX];
	int tries;

	snprintf(prompt, sizeof(prompt),
		"The authenticity of host %s can't be established.\n"
		"%s key fingerprint is %s.\n"
		"Are you sure you want to continue connecting (yes/no/[fingerprint])? ",
		l->where, s->type, s->fingerprint);
	/* SSH_ASKPASS may name a program that always gives the same answer. */
	for (tries = 0; tries < ANSWERS_MAX; tries++) {
		int64_t start = io_now_ms();

		if (ssh_tty_ask(prompt, true, answer) < 0)
			return -1;
		deadline_exclude(&l->deadline, start);
		if (strcasecmp(answer, "yes") == 0 || strcmp(answer, s->fingerprint) == 0)
			return 0;
		if (strcasecmp(answer, "no") == 0)
			return refuse_unknown(l, s, "the answer was no");
		if (!*answer)
			return refuse_unknown(l, s, "there was no answer");
		snprintf(prompt, sizeof(prompt), "Please type 'yes', 'no' or the fingerprint: ");
	}
	return refuse_unknown(l, s, "the answers were neither yes nor no");
}

static void add_to_known(const struct ssh_config *c, ssh_key key, const struct shown *s)
{
	if (ssh_known_add(c, key) < 0)
		log_warn("warning: cannot add the host key of '%s' to %s: %s", c->host, s->file,
			strerror(errno));
	else
		log_note("permanently added the %s host key %s of '%s' to %s", s->type,
			s->fingerprint, c->host, s->file);
}

static int decide_unknown(
	struct ssh_link *l, const struct ssh_config *c, ssh_key key, struct shown *s)
{
	if (c->strict == SSH_STRICT_YES)
		return refuse_unknown(l, s, "StrictHostKeyChecking is yes");
	if (c->strict == SSH_STRICT_ASK) {
		if (c->batch_mode)
			return refuse_unknown(l, s, "BatchMode is on");
		if (!ssh_tty_can_ask())
			return refuse_unknown(
				l, s, "prompts need a terminal (accept it once with ssh)");
		if (ask_to_accept(l, s) < 0)
			return -1;
	}
	if (c->user_known_hosts && c->user_known_hosts[0])
		snprintf(s->file, sizeof(s->file), "'%s'", c->user_known_hosts[0]);
	add_to_known(c, key, s);
	return 0;
}

int ssh_hostkey_check(struct ssh_link *l, const struct ssh_config *c, bool *trusted)
{
	struct ssh_known known;
	struct shown shown;
	ssh_key key = NULL;
	int rc = -1;

	*trusted = true;
	if (c->no_auth_for_localhost && l->is_loopback && !c->host_key_alias)
		return 0;
	if (ssh_get_server_publickey(l->session, &key) != SSH_OK)
		return err_set(ST_PEER, "host key verification failed for %s: it sent no host key",
			l->where);
	ssh_known_find(c, key, &known);
	if (describe_key(&shown, c, key, &known) < 0)
		goto out;
	if (known.authority_file && known.verdict < SSH_KNOWN_SAME) {
		rc = refuse_authority(l, c, &known);
		goto out;
	}
	switch (known.verdict) {
	case SSH_KNOWN_SAME:
		rc = 0;
		break;
	case SSH_KNOWN_REVOKED:
		err_set(ST_PEER,
			"host key verification failed for %s: its %s host key %s is marked "
			"@revoked in %s (somebody may impersonate the host with a stolen key)",
			l->where, shown.type, shown.fingerprint, shown.file);
		break;
	case SSH_KNOWN_CHANGED:
		rc = refuse_changed(l, &shown);
		if (c->verify_dns) /* which ssh asks before all else */
			ssh_config_beyond(c, "VerifyHostKeyDNS, and the host key has changed");
		else if (c->strict == SSH_STRICT_OFF) {
			log_warn("warning: %s; continuing without passwords, because "
				 "StrictHostKeyChecking is no",
				err_text());
			err_clear();
			*trusted = false;
			rc = 0;
		}
		break;
	case SSH_KNOWN_NOT:
		rc = c->verify_dns ? refuse_dns(l, c) : decide_unknown(l, c, key, &shown);
		break;
	}
out:
	ssh_key_free(key);
	return rc;
}
