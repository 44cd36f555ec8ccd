/*
 * ssh_known: known_hosts files with names, patterns, hashes, markers; several files.
 */
#include <libssh/libssh.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/ssh/ssh_known.h"
#include "tests/unit/tap.h"

static char dir[] = "/tmp/test_ssh_known.XXXXXX";
static char user_file[64], second_file[64], global_file[64];
static char *user_files[] = { user_file, second_file, NULL };
static char *global_files[] = { global_file, NULL };
static ssh_key ours, other, rsa;
static char *ours_text, *other_text, *rsa_text; /* "ssh-ed25519 AAAA..." */

static ssh_key make_key(enum ssh_keytypes_e type, char **text)
{
	ssh_key key, public;
	char *base64;

	if (ssh_pki_generate(type, type == SSH_KEYTYPE_RSA ? 2048 : 0, &key) != SSH_OK ||
		ssh_pki_export_privkey_to_pubkey(key, &public) != SSH_OK ||
		ssh_pki_export_pubkey_base64(public, &base64) != SSH_OK ||
		asprintf(text, "%s %s", ssh_key_type_to_char(type), base64) < 0)
		exit(99);
	ssh_string_free_char(base64);
	ssh_key_free(key);
	return public;
}

/* Makes a file of three lines, whose third one is for names. */
static void set_file(const char *path, const char *names, const char *key)
{
	FILE *f = fopen(path, "w");

	if (!f || fprintf(f, "# a comment\n\n%s %s a comment\n", names, key) < 0 || fclose(f) != 0)
		exit(99);
}

static enum ssh_known_verdict find(const char *hostname, uint16_t port, struct ssh_known *k)
{
	char name[64];
	struct ssh_config c = { .hostname = name,
		.host = name,
		.port = port,
		.user_known_hosts = user_files,
		.global_known_hosts = global_files };

	snprintf(name, sizeof(name), "%s", hostname);
	ssh_known_find(&c, ours, k);
	return k->verdict;
}

/* The verdict of a line with these names for our key at web.example port 2222. */
static enum ssh_known_verdict means(const char *names, const char *key)
{
	struct ssh_known k;

	set_file(user_file, names, key);
	return find("web.example", 2222, &k);
}

static void test_names(void)
{
	struct ssh_known k;

	is_int(means("[web.example]:2222", ours_text), SSH_KNOWN_SAME, "host and port");
	is_int(find("WEB.example", 2222, &k), SSH_KNOWN_SAME, "in any case");
	is_int(find("web.example", 22, &k), SSH_KNOWN_NOT, "not at another port");
	is_int(means("a,[web.example]:2222,b", ours_text), SSH_KNOWN_SAME, "one of several");
	is_int(means("web.example", ours_text), SSH_KNOWN_SAME, "without its port, the same key");
	is_int(means("web.example", other_text), SSH_KNOWN_NOT, "without its port, another key");
	is_int(means("[*.example]:2222", ours_text), SSH_KNOWN_SAME, "a pattern");
	is_int(means("[*.example]:2222,![web.*]:2222", ours_text), SSH_KNOWN_NOT,
		"a pattern that excludes");
	is_int(means("![web.*]:2222,[*.example]:2222", ours_text), SSH_KNOWN_NOT, "in any order");
	is_int(means("![x.*]:2222,[*.example]:2222", ours_text), SSH_KNOWN_SAME,
		"and one that does not");
	is_int(means("[web.example]:2222\t", ours_text), SSH_KNOWN_SAME, "a tab");
	is_int(means("web", ours_text), SSH_KNOWN_NOT, "another host");
}

static void test_hashed(void)
{
	struct ssh_known k;
	char command[200];

	set_file(user_file, "[web.example]:2222", ours_text);
	snprintf(command, sizeof(command), "ssh-keygen -H -f '%s' >'%s/out' 2>&1", user_file, dir);
	is_int(system(command), 0, "ssh-keygen hashes the file");
	is_int(find("web.example", 2222, &k), SSH_KNOWN_SAME, "a hashed name");
	is_int(find("web2.example", 2222, &k), SSH_KNOWN_NOT, "and another");
}

static void test_verdicts(void)
{
	struct ssh_known k;

	is_int(means("[web.example]:2222", other_text), SSH_KNOWN_CHANGED, "another key");
	is_int(find("web.example", 2222, &k), SSH_KNOWN_CHANGED, "where it is");
	is_str(k.file, user_file, "  file");
	is_int(k.line, 3, "  line");
	is_int(means("[web.example]:2222", rsa_text), SSH_KNOWN_CHANGED, "another type");
	is_int(means("@revoked *", ours_text), SSH_KNOWN_REVOKED, "a revoked key");
	is_int(means("@revoked *", other_text), SSH_KNOWN_NOT, "another revoked key");
	is_int(means("@cert-authority *", ours_text), SSH_KNOWN_NOT, "an authority is no key");
	is_int(means("[web.example]:2222", "ssh-ed25519 AAAA"), SSH_KNOWN_NOT, "a broken key");
	is_int(means("[web.example]:2222", "ssh-new AAAA"), SSH_KNOWN_NOT, "an unknown type");
}

static void test_several_files(void)
{
	struct ssh_known k;

	set_file(user_file, "[web.example]:2222", other_text);
	set_file(second_file, "[web.example]:2222", ours_text);
	is_int(find("web.example", 2222, &k), SSH_KNOWN_SAME, "the second file");
	is_str(k.file, second_file, "  is named");
	set_file(global_file, "@revoked *", ours_text);
	is_int(find("web.example", 2222, &k), SSH_KNOWN_REVOKED, "revoked in the system's");
	unlink(second_file);
	unlink(global_file);
	is_int(find("web.example", 2222, &k), SSH_KNOWN_CHANGED, "missing files are skipped");
}

static void test_alias_and_types(void)
{
	char name[] = "web.example", alias[] = "Real";
	struct ssh_config c = { .hostname = name,
		.host = name,
		.host_key_alias = alias,
		.port = 2222,
		.user_known_hosts = user_files };
	struct ssh_known k;

	set_file(user_file, "Real", ours_text);
	ssh_known_find(&c, ours, &k);
	is_int(k.verdict, SSH_KNOWN_SAME, "an alias, without port");
	ok(ssh_known_has_type(&c, "ssh-ed25519"), "its type is known");
	ok(!ssh_known_has_type(&c, "rsa-sha2-512"), "others are not");
	set_file(user_file, "Real", rsa_text);
	ok(ssh_known_has_type(&c, "rsa-sha2-512"), "RSA has several names");
}

static void test_add(void)
{
	char name[] = "web.example";
	struct ssh_config c = { .hostname = name, .port = 2222, .user_known_hosts = user_files };
	struct ssh_known k;
	FILE *f = fopen(user_file, "w");

	if (!f || fprintf(f, "other %s", rsa_text) < 0 || fclose(f) != 0)
		exit(99);
	is_int(ssh_known_add(&c, ours), 0, "adding after a line without an end");
	is_int(find("web.example", 2222, &k), SSH_KNOWN_SAME, "  it is found");
	is_int(k.line, 2, "  on a line of its own");
	is_int(find("other", 22, &k), SSH_KNOWN_CHANGED, "  and the other is still there");
	is_int(ssh_known_add(&c, other), 0, "adding after a complete line");
	is_int(find("web.example", 2222, &k), SSH_KNOWN_SAME, "  the first is still there");
	snprintf(user_file, sizeof(user_file), "%s/new/known_hosts", dir);
	is_int(ssh_known_add(&c, ours), 0, "adding creates the directory");
	is_int(find("web.example", 2222, &k), SSH_KNOWN_SAME, "  and the file");
	snprintf(user_file, sizeof(user_file), "%s/no/such/known_hosts", dir);
	is_int(ssh_known_add(&c, ours), -1, "what cannot be written");
	c.user_known_hosts = NULL;
	is_int(ssh_known_add(&c, ours), -1, "no file at all");
}

int main(void)
{
	char command[64];

	if (!mkdtemp(dir))
		return 99;
	snprintf(user_file, sizeof(user_file), "%s/user", dir);
	snprintf(second_file, sizeof(second_file), "%s/second", dir);
	snprintf(global_file, sizeof(global_file), "%s/global", dir);
	ours = make_key(SSH_KEYTYPE_ED25519, &ours_text);
	other = make_key(SSH_KEYTYPE_ED25519, &other_text);
	rsa = make_key(SSH_KEYTYPE_RSA, &rsa_text);
	test_names();
	test_hashed();
	test_verdicts();
	test_several_files();
	test_alias_and_types();
	test_add();
	ssh_key_free(ours);
	ssh_key_free(other);
	ssh_key_free(rsa);
	free(ours_text);
	free(other_text);
	free(rsa_text);
	snprintf(command, sizeof(command), "rm -r '%s'", dir);
	return system(command) != 0 ? 99 : tap_done();
}
