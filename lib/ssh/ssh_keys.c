/*
 * Keys are compared in SSH wire format:
 *
 *	key            string type, the key's fields
 *	certificate    string type, string nonce, the key's fields, ...
 *
 * So a certificate belongs to a key if the bytes after its nonce begin with the
 * bytes after the key's type.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/ssh/ssh_keys.h"

#define CERT_MARK "-cert-v01@openssh.com"

struct blob {
	uint8_t *p;
	size_t len;
};

/* One IdentityFile. */
struct identity {
	const char *file;
	struct blob blob; /* its public key, if there is one */
};

static int base64_digit(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* The wire format of key; empty on failure. */
static struct blob blob_of(ssh_key key)
{
	struct blob b = { NULL, 0 };
	char *text = NULL;
	uint32_t bits = 0;
	size_t i;

	if (ssh_pki_export_pubkey_base64(key, &text) != SSH_OK)
		return b;
	b.p = malloc(strlen(text) + 1);
	for (i = 0; b.p && base64_digit(text[i]) >= 0; i++) {
		bits = bits << 6 | (uint32_t)base64_digit(text[i]);
		if (i % 4 != 0)
			b.p[b.len++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
	}
	ssh_string_free_char(text);
	return b;
}

/* Splits a blob into its type and the key's fields.  0, or -1 if it is too short. */
static int split_blob(
	const uint8_t *p, size_t len, bool is_cert, struct view *type, struct view *fields)
{
	struct view v;
	uint32_t n;

	view_init(&v, p, len);
	n = view_u32(&v);
	view_init(type, view_bytes(&v, n), n);
	if (is_cert) {
		n = view_u32(&v);
		view_bytes(&v, n);
	}
	*fields = v;
	return view_bad(&v) ? -1 : 0;
}

static bool is_cert_of(const uint8_t *cert, size_t cert_len, const struct blob *key)
{
	struct view cert_type, cert_fields, type, fields;

	if (!key->p || split_blob(cert, cert_len, true, &cert_type, &cert_fields) < 0 ||
		split_blob(key->p, key->len, false, &type, &fields) < 0)
		return false;
	return cert_type.left == type.left + strlen(CERT_MARK) &&
	       memcmp(cert_type.p, type.p, type.left) == 0 &&
	       memcmp(cert_type.p + type.left, CERT_MARK, strlen(CERT_MARK)) == 0 &&
	       cert_fields.left > fields.left && memcmp(cert_fields.p, fields.p, fields.left) == 0;
}

static const struct ssh_keyring_key *find_in_agent(
	const struct ssh_keyring *ring, const struct blob *b)
{
	size_t i;

	for (i = 0; b->p && i < ring->count; i++)
		if (ring->key[i].len == b->len && memcmp(ring->key[i].blob, b->p, b->len) == 0)
			return &ring->key[i];
	return NULL;
}

static ssh_key read_public(const char *path)
{
	ssh_key key = NULL;

	return ssh_pki_import_pubkey_file(path, &key) == SSH_OK ? key : NULL;
}

static ssh_key read_sibling(const char *path, const char *suffix)
{
	ssh_key key = NULL;
	char *name;

	if (asprintf(&name, "%s%s", path, suffix) >= 0) {
		key = read_public(name);
		free(name);
	}
	return key;
}

/* The public key of an IdentityFile, or NULL.  It is read for each use: libssh cannot copy all. */
static ssh_key read_identity(const char *file)
{
	ssh_key key = read_sibling(file, ".pub");

	return key ? key : read_public(file);
}

static bool has_key(const struct ssh_keys *k, const struct ssh_keys_item *key)
{
	const struct ssh_keys_item *i;

	for (i = k->item; i < k->item + k->count; i++)
		if (key->in_agent ? i->in_agent == key->in_agent && i->cert_len == key->cert_len &&
					    (!key->cert ||
						    memcmp(i->cert, key->cert, key->cert_len) == 0)
				  : strcmp(i->label, key->label) == 0)
			return true;
	return false;
}

/*
 * Appends a key, unless it is in the list already.  Takes ownership of key's public
 * and cert; its label is made of kind and name.
 */
static int add_key(struct ssh_keys *k, struct ssh_keys_item key, const char *kind, const char *name)
{
	struct ssh_keys_item *grown = NULL;
	int rc = 0;

	if (asprintf(&key.label, "%s '%s'", kind, name) < 0) {
		key.label = NULL;
		rc = err_set(ST_FAILED, "out of memory");
	} else if (!has_key(k, &key)) {
		grown = realloc(k->item, (k->count + 1) * sizeof(*grown));
		rc = grown ? 0 : err_set(ST_FAILED, "out of memory");
	}
	if (grown) {
		k->item = grown;
		grown[k->count++] = key;
	} else {
		ssh_key_free(key.public);
		free(key.cert);
		free(key.label);
	}
	return rc;
}

static int add_agent_key(struct ssh_keys *k, const struct ssh_keyring_key *key, const char *kind)
{
	return add_key(k, (struct ssh_keys_item){ .in_agent = key }, kind, key->comment);
}

/*
 * Appends cert if it belongs to id.  The agent may have the certificate, or only its
 * key.  Takes ownership of cert.
 */
static int add_cert(struct ssh_keys *k, const struct identity *id, ssh_key cert, const char *name,
	const struct ssh_keyring *ring, bool agent_only)
{
	struct ssh_keys_item item = { .file = id->file, .public = cert };
	struct blob b = blob_of(cert);
	bool belongs = b.p && is_cert_of(b.p, b.len, &id->blob);

	item.in_agent = find_in_agent(ring, &b);
	if (!item.in_agent && (item.in_agent = find_in_agent(ring, &id->blob))) {
		item.cert = b.p;
		item.cert_len = (uint32_t)b.len;
		b.p = NULL;
	}
	free(b.p);
	if (belongs && (item.in_agent || !agent_only))
		return add_key(k, item, "certificate", name);
	free(item.cert);
	ssh_key_free(cert);
	return 0;
}

/* Appends the certificates of CertificateFile whose key is in the agent, named or not. */
static int add_loose_certs(
	struct ssh_keys *k, const struct ssh_config *c, const struct ssh_keyring *ring)
{
	size_t i, n;
	int rc = 0;

	for (i = 0; c->certificate && c->certificate[i]; i++) {
		for (n = 0; n < ring->count && rc == 0; n++) {
			struct identity id = { .blob = { ring->key[n].blob, ring->key[n].len } };
			ssh_key cert = read_public(c->certificate[i]);

			if (cert)
				rc = add_cert(k, &id, cert, c->certificate[i], ring, true);
		}
	}
	return rc;
}

/* Appends the certificates of a key, then the key itself. */
static int add_identity(struct ssh_keys *k, const struct ssh_config *c, const struct identity *id,
	const struct ssh_keyring *ring, bool agent_only)
{
	const struct ssh_keyring_key *in_agent = find_in_agent(ring, &id->blob);
	ssh_key cert = read_sibling(id->file, "-cert.pub");
	size_t i;

	if (cert && add_cert(k, id, cert, id->file, ring, agent_only) < 0)
		return -1;
	for (i = 0; c->certificate && c->certificate[i]; i++) {
		cert = read_public(c->certificate[i]);
		if (cert && add_cert(k, id, cert, c->certificate[i], ring, agent_only) < 0)
			return -1;
	}
	for (i = 0; i < ring->count; i++)
		if (is_cert_of(ring->key[i].blob, ring->key[i].len, &id->blob) &&
			add_agent_key(k, &ring->key[i], "agent's certificate") < 0)
			return -1;
	if (!in_agent && (agent_only || access(id->file, R_OK) < 0))
		return 0;
	return add_key(k,
		(struct ssh_keys_item){
			.in_agent = in_agent, .file = id->file, .public = read_identity(id->file) },
		in_agent ? "agent's key" : "key", id->file);
}

static int add_all_keys(struct ssh_keys *k, const struct ssh_config *c, const struct identity *id,
	size_t count, bool is_given, const struct ssh_keyring *ring)
{
	size_t i, first = is_given && count > 0;

	if (first && add_identity(k, c, &id[0], ring, false) < 0)
		return -1;
	for (i = first; i < count; i++)
		if (add_identity(k, c, &id[i], ring, true) < 0)
			return -1;
	if (add_loose_certs(k, c, ring) < 0)
		return -1;
	for (i = 0; i < ring->count && !c->identities_only; i++)
		if (add_agent_key(k, &ring->key[i], "agent's key") < 0)
			return -1;
	for (i = first; i < count; i++)
		if (add_identity(k, c, &id[i], ring, false) < 0)
			return -1;
	return 0;
}

int ssh_keys_find(struct ssh_keys *k, const struct ssh_config *c, bool is_given,
	const struct ssh_keyring *ring)
{
	struct identity *id;
	size_t count = 0, i;
	int rc;

	while (c->identity && c->identity[count])
		count++;
	id = calloc(count + 1, sizeof(*id));
	if (!id)
		return err_set(ST_FAILED, "out of memory");
	for (i = 0; i < count; i++) {
		ssh_key public;

		id[i].file = c->identity[i];
		public = read_identity(id[i].file);
		if (public)
			id[i].blob = blob_of(public);
		ssh_key_free(public);
	}
	rc = add_all_keys(k, c, id, count, is_given, ring);
	for (i = 0; i < count; i++)
		free(id[i].blob.p);
	free(id);
	return rc;
}

void ssh_keys_fini(struct ssh_keys *k)
{
	size_t i;

	for (i = 0; i < k->count; i++) {
		ssh_key_free(k->item[i].public);
		free(k->item[i].cert);
		free(k->item[i].label);
	}
	free(k->item);
	k->item = NULL;
	k->count = 0;
}
