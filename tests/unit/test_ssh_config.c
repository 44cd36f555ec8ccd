/*
 * Resolving ssh_config: texts as `ssh -G` prints them, then files, by the real ssh
 * and by libssh if no ssh is in PATH.
 */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/cancel.h"
#include "lib/base/err.h"
#include "lib/ssh/ssh_config.h"
#include "tests/unit/tap.h"

#define LOGIN "user anna\nhostname 10.0.0.1\nport 2222\n"

static char dir[] = "/tmp/test_ssh_config.XXXXXX";

static int parse(struct ssh_config *c, const char *text)
{
	err_clear();
	return ssh_config_parse(c, text, strlen(text), "web");
}

/* Parses text that must be refused; the error must contain word. */
static void refused(const char *text, const char *word, const char *name)
{
	struct ssh_config c;

	is_int(parse(&c, text), -1, name);
	is_int(err_status(), ST_PEER, "  it is the peer's status");
	if (!ok(strstr(err_text(), word) != NULL, "  the error names it"))
		printf("# %s\n", err_text());
	ssh_config_fini(&c);
}

static void test_login(void)
{
	struct ssh_config c;

	is_int(parse(&c, LOGIN), 0, "host, user and port");
	is_str(c.host, "web", "host as typed");
	is_str(c.hostname, "10.0.0.1", "hostname");
	is_str(c.user, "anna", "user");
	is_int(c.port, 2222, "port");
	is_int(c.family, AF_UNSPEC, "any family by default");
	is_int(c.strict, SSH_STRICT_ASK, "asks by default");
	ok(c.pubkey_auth && c.kbdint_auth && c.password_auth, "all methods by default");
	ok(!c.identity && !c.certificate && !c.proxy_command, "no other options are set");
	ssh_config_fini(&c);
	refused("hostname a\nport 22\n", "no user", "no user");
	refused("user a\nhostname a\nport 0\n", "no user or port", "port 0");
	refused("user a\nhostname a\nport 65536\n", "no user or port", "a port too high");
}

static void test_values(void)
{
	struct ssh_config c;

	is_int(parse(&c,
		       LOGIN "addressfamily inet6\nidentitiesonly yes\nstricthostkeychecking true\n"
			     "hostkeyalias real\nconnecttimeout 7\nrekeylimit 52428800 3600\n"
			     "batchmode yes\nnumberofpasswordprompts 1\nidentityagent none\n"
			     "pubkeyauthentication unbound\npasswordauthentication no\n"
			     "ciphers aes256-ctr\ncontrolpath /x\nforwardagent yes\n"),
		0, "many options");
	is_int(c.family, AF_INET6, "AddressFamily");
	ok(c.identities_only && c.batch_mode, "IdentitiesOnly, BatchMode");
	is_int(c.strict, SSH_STRICT_YES, "StrictHostKeyChecking");
	is_str(c.host_key_alias, "real", "HostKeyAlias");
	is_int(c.connect_timeout, 7, "ConnectTimeout");
	is_int(c.rekey_bytes, 52428800, "RekeyLimit, bytes");
	is_int(c.rekey_seconds, 3600, "RekeyLimit, seconds");
	is_int(c.password_prompts, 1, "NumberOfPasswordPrompts");
	is_str(c.identity_agent, "none", "IdentityAgent");
	ok(c.pubkey_auth && !c.password_auth, "methods");
	is_str(c.ciphers, "aes256-ctr", "Ciphers");
	ssh_config_fini(&c);
	is_int(parse(&c, LOGIN "preferredauthentications publickey,password\n"), 0,
		"PreferredAuthentications");
	ok(c.pubkey_auth && c.password_auth && !c.kbdint_auth, "only those named");
	ssh_config_fini(&c);
}

/* A path in the user's home, which is not $HOME there. */
static const char *at_home(const char *name)
{
	const struct passwd *pw = getpwuid(getuid());
	static char path[512];

	snprintf(path, sizeof(path), "%s%s", pw ? pw->pw_dir : getenv("HOME"), name);
	return path;
}

static void test_paths(void)
{
	struct ssh_config c;

	setenv("HOME", "/nowhere", 1);
	setenv("KEYS", "/keys", 1);
	unsetenv("NOWHERE");
	is_int(parse(&c, "identityfile ~/.ssh/%h-%r-%p-%n\nidentityfile ${KEYS}/a b\n"
			 "identityfile %d/50%%\nidentityfile none\ncertificatefile ~/c\n"
			 "userknownhostsfile /k/one /k/t wo ~/three\n"
			 "globalknownhostsfile one two\nidentityagent $AGENT\n" LOGIN),
		0, "paths");
	is_str(c.identity[0], at_home("/.ssh/10.0.0.1-anna-2222-web"), "tokens");
	is_str(c.identity[1], "/keys/a b", "a variable, a blank");
	is_str(c.identity[2], at_home("/50%"), "home, a percent sign");
	ok(!c.identity[3], "none is none");
	is_str(c.certificate[0], at_home("/c"), "a certificate");
	is_str(c.user_known_hosts[0], "/k/one", "a first known_hosts");
	is_str(c.user_known_hosts[1], "/k/t wo", "one with a blank");
	is_str(c.user_known_hosts[2], at_home("/three"), "a third, old style");
	ok(!c.user_known_hosts[3], "no fourth");
	is_str(c.global_known_hosts[1], "two", "relative ones");
	is_str(c.identity_agent, "none", "an agent in a variable that is not set");
	ssh_config_fini(&c);
	refused(LOGIN "identityfile ~/%C\n", "%C", "a token that is not known");
	refused(LOGIN "identityfile ~/x%", "IdentityFile", "a percent sign at the end");
	refused(LOGIN "identityfile ${NOWHERE}/x\n", "NOWHERE", "a variable that is not set");
	refused(LOGIN "identityfile ${KEYS\n", "without '}'", "a variable without its end");
}

static void test_proxy(void)
{
	struct ssh_config c;

	is_int(parse(&c, LOGIN "proxycommand nc -x %h:%p %r %%\n"), 0, "ProxyCommand");
	is_str(c.proxy_command, "nc -x 10.0.0.1:2222 anna %", "  expanded");
	ssh_config_fini(&c);
	is_int(parse(&c, LOGIN "proxycommand none\nproxyjump none\n"), 0, "none of either");
	ok(!c.proxy_command, "  is none");
	ssh_config_fini(&c);
	is_int(parse(&c, LOGIN "proxyjump u@b:33\n"), 0, "ProxyJump");
	is_str(c.proxy_command, "ssh -l 'u' -p '33' -W '[10.0.0.1]:2222' -- 'b'", "  one hop");
	ssh_config_fini(&c);
	is_int(parse(&c, LOGIN "proxyjump a:1,b,u@[::1]\n"), 0, "ProxyJump");
	is_str(c.proxy_command, "ssh -l 'u' -J 'a:1,b' -W '[10.0.0.1]:2222' -- '::1'",
		"  several hops");
	ssh_config_fini(&c);
	is_int(parse(&c, LOGIN "proxyjump [::1]:33\n"), 0, "ProxyJump");
	is_str(c.proxy_command, "ssh -p '33' -W '[10.0.0.1]:2222' -- '::1'", "  IPv6 and a port");
	ssh_config_fini(&c);
	is_int(parse(&c, LOGIN "proxyjump x-%r,%r@%%-%h\n"), 0, "ProxyJump");
	is_str(c.proxy_command, "ssh -l 'anna' -J 'x-anna' -W '[10.0.0.1]:2222' -- '%-10.0.0.1'",
		"  tokens");
	ssh_config_fini(&c);
	refused(LOGIN "proxyjump %C\n", "%C", "a token in it that is not known");
	is_int(parse(&c, "user a\nport 1\nhostname x'y\nproxyjump b\n"), 0, "a quote");
	is_str(c.proxy_command, "ssh -W '[x'\\''y]:1' -- 'b'", "  stays quoted");
	ssh_config_fini(&c);
}

static void test_unsupported(void)
{
	struct ssh_config c;

	refused(LOGIN "pkcs11provider /x.so\n", "PKCS11Provider is not supported",
		"PKCS11Provider");
	refused(LOGIN "bindinterface eth1\n", "--rsh ssh", "BindInterface");
	refused(LOGIN "proxyusefdpass yes\n", "ProxyUseFdpass", "ProxyUseFdpass");
	refused(LOGIN "revokedhostkeys /x\n", "RevokedHostKeys", "RevokedHostKeys");
	refused(LOGIN "preferredauthentications password,publickey\n", "PreferredAuthentications",
		"an order that is not kept");
	refused(LOGIN "preferredauthentications gssapi-with-mic\n", "PreferredAuthentications",
		"only methods that are not supported");
	is_int(parse(&c, LOGIN "pkcs11provider none\nproxyusefdpass no\ntunnel false\n"
			       "securitykeyprovider internal\n"),
		0, "their defaults are fine");
	ssh_config_fini(&c);
}

static char *write_file(const char *name, const char *text)
{
	static char path[4][256];
	static int next;
	FILE *f;

	next = (next + 1) % 4;
	snprintf(path[next], sizeof(path[next]), "%s/%s", dir, name);
	f = fopen(path[next], "w");
	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		exit(99);
	return path[next];
}

static int resolve(
	struct ssh_config *c, const char *where, const char *config, const char *identity)
{
	struct ssh_options opt = { .config_file = config, .identity = identity };
	struct location loc;
	int rc;

	err_clear();
	if (location_parse(&loc, where) < 0)
		return -2;
	rc = ssh_config_resolve(c, &loc, &opt, NULL);
	location_fini(&loc);
	return rc;
}

static void test_files(void)
{
	struct ssh_config c;
	char *key = write_file("key", "x");
	char *file = write_file("it's", "Host web\n HostName web.example\n User anna\n Port 2222\n"
					"Host jump\n ProxyJump b:33\n"
					"Host old\n Ciphers aes256-ctr\n");

	is_int(resolve(&c, "web:x", file, NULL), 0, "a file, by ssh");
	ok(c.resolved, "ssh was asked");
	is_str(c.hostname, "web.example", "hostname");
	is_str(c.user, "anna", "user");
	is_int(c.port, 2222, "port");
	ok(!c.ciphers && !c.kex && !c.macs && !c.host_key_algorithms && !c.pubkey_accepted,
		"algorithms are left at their defaults");
	ssh_config_fini(&c);
	is_int(resolve(&c, "ssh://bert@web:99/x", file, key), 0,
		"what the user wrote has precedence");
	is_str(c.user, "bert", "user");
	is_int(c.port, 99, "port");
	is_str(c.identity[0], key, "the identity is first");
	ssh_config_fini(&c);
	is_int(resolve(&c, "jump:", file, NULL), 0, "ProxyJump");
	ok(strncmp(c.proxy_command, "ssh -F '", 8) == 0 &&
			strstr(c.proxy_command, "/it'\\''s' -p '33' -W"),
		"the jump obeys the same file");
	ssh_config_fini(&c);
	is_int(resolve(&c, "old:", file, NULL), 0, "Ciphers");
	is_str(c.ciphers, "aes256-ctr", "are kept if the user named them");
	ssh_config_fini(&c);
	is_int(resolve(&c, "web:", file, "/nonexistent/key"), -1, "an identity that is missing");
	is_int(err_status(), ST_USAGE, "  is wrong usage");
	is_int(resolve(&c, "web:", write_file("bad", "Host web\nFoo bar\n"), NULL), -1,
		"a bad file");
	is_int(err_status(), ST_USAGE, "  is wrong usage");
	ok(strstr(err_text(), "bad: line 2"), "  naming file and line");
	is_int(resolve(&c, "web:", "/nonexistent/config", NULL), -1, "no such file");
	ok(strstr(err_text(), "/nonexistent/config"), "  named");
	is_int(resolve(&c, "web:", write_file("p11", "PKCS11Provider /x\n"), NULL), -1,
		"an option that is not supported");
	is_int(err_status(), ST_PEER, "  is the peer's status");
}

static void test_without_ssh(void)
{
	struct ssh_config c;
	char *file = write_file("plain", "Host web\n HostName web.example\n User anna\n Port 2222\n"
					 " IdentityFile /k/id\n UserKnownHostsFile /k/known\n"
					 "Host p\n ProxyCommand nc %h %p\n");
	char *key = write_file("key", "x");

	setenv("PATH", dir, 1);
	is_int(resolve(&c, "web:", file, NULL), 0, "a file, without ssh");
	ok(!c.resolved, "by libssh");
	is_str(c.hostname, "web.example", "hostname");
	is_str(c.user, "anna", "user");
	is_int(c.port, 2222, "port");
	is_str(c.identity[0], "/k/id", "identity");
	is_str(c.user_known_hosts[0], "/k/known", "known_hosts");
	ssh_config_fini(&c);
	is_int(resolve(&c, "ssh://bert@web:99/x", file, key), 0, "what the user typed wins");
	is_str(c.user, "bert", "user");
	is_int(c.port, 99, "port");
	is_str(c.identity[0], key, "the identity is first");
	ssh_config_fini(&c);
	is_int(resolve(&c, "p:", file, NULL), 0, "ProxyCommand");
	is_str(c.proxy_command, "nc p 22", "  expanded");
	ssh_config_fini(&c);
	is_int(resolve(&c, "web:", write_file("alias", "Host web\n hostkeyalias x\n"), NULL), -1,
		"an option that libssh ignores");
	ok(strstr(err_text(), "line 2: HostKeyAlias"), "  is refused by name");
	is_int(resolve(&c, "web:", "/nonexistent/config", NULL), -1, "no such file");
	is_int(err_status(), ST_USAGE, "  is wrong usage");
}

int main(void)
{
	char command[64];

	if (cancel_init() < 0 || !mkdtemp(dir))
		return 99;
	test_login();
	test_values();
	test_paths();
	test_proxy();
	test_unsupported();
	test_files();
	snprintf(command, sizeof(command), "rm -r '%s'/[a-j]*", dir);
	if (system(command) != 0)
		return 99;
	test_without_ssh();
	setenv("PATH", "/usr/bin:/bin", 1);
	snprintf(command, sizeof(command), "rm -r '%s'", dir);
	return system(command) != 0 ? 99 : tap_done();
}
