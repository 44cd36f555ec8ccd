/* Locations: every form, and what is refused so that it never reaches ssh. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/location.h"
#include "tests/unit/tap.h"

static const struct {
	const char *text, *user, *host, *path;
	int port;
} forms[] = {
	{ "/path", NULL, NULL, "/path", 0 },
	{ "path", NULL, NULL, "path", 0 },
	{ "./a:b", NULL, NULL, "./a:b", 0 },
	{ "/a:b", NULL, NULL, "/a:b", 0 },
	{ "dir/a:b", NULL, NULL, "dir/a:b", 0 },
	{ "user@file", NULL, NULL, "user@file", 0 },
	{ "[x].img", NULL, NULL, "[x].img", 0 },
	{ "-x", NULL, NULL, "-x", 0 },
	{ "host:path", NULL, "host", "path", 0 },
	{ "host:/p:q", NULL, "host", "/p:q", 0 },
	{ "host:", NULL, "host", "", 0 },
	{ "host::x", NULL, "host", ":x", 0 },
	{ "my_host-1.example.org:a b;c", NULL, "my_host-1.example.org", "a b;c", 0 },
	{ "me@host:p", "me", "host", "p", 0 },
	{ "me@host:a@b", "me", "host", "a@b", 0 },
	{ "me@site.org@host:", "me@site.org", "host", "", 0 },
	{ "m\xc3\xbc@host:p", "m\xc3\xbc", "host", "p", 0 },
	{ "[::1]:p", NULL, "::1", "p", 0 },
	{ "me@[::1]:/p", "me", "::1", "/p", 0 },
	{ "me@[fe80::1%eth0]:/p", "me", "fe80::1%eth0", "/p", 0 },
	{ "[host]:p]:q", NULL, "host", "p]:q", 0 },
	{ "192.0.2.1:p", NULL, "192.0.2.1", "p", 0 },
	{ "ssh://host/p", NULL, "host", "/p", 0 },
	{ "SSH://host/p", NULL, "host", "/p", 0 },
	{ "ssh://host", NULL, "host", "", 0 },
	{ "ssh://host/", NULL, "host", "/", 0 },
	{ "ssh://host:2222", NULL, "host", "", 2222 },
	{ "ssh://me@host:65535/a%20b:c", "me", "host", "/a%20b:c", 65535 },
	{ "ssh://me@[::1]:2222/p", "me", "::1", "/p", 2222 },
	{ "ssh://[::1]/p", NULL, "::1", "/p", 0 },
	{ "ssh://a@b@host/p@q", "a@b", "host", "/p@q", 0 },
	{ "ssh:/host/p", NULL, "ssh", "/host/p", 0 },
	{ "~", NULL, NULL, "/home/me", 0 },
	{ "~/", NULL, NULL, "/home/me/", 0 },
	{ "~/a/b", NULL, NULL, "/home/me/a/b", 0 },
	{ "~/a:b", NULL, NULL, "/home/me/a:b", 0 },
	{ "~you/x", NULL, NULL, "~you/x", 0 },
	{ "./~/x", NULL, NULL, "./~/x", 0 },
	{ "x/~", NULL, NULL, "x/~", 0 },
	{ "host:~", NULL, "host", ".", 0 },
	{ "host:~/", NULL, "host", "./", 0 },
	{ "host:~/a/b", NULL, "host", "a/b", 0 },
	{ "host:~//a", NULL, "host", "a", 0 },
	{ "host:~you/x", NULL, "host", "~you/x", 0 },
	{ "ssh://host/~/x", NULL, "host", "/~/x", 0 },
};

static void test_forms(void)
{
	size_t i;

	setenv("HOME", "/home/me", 1);
	for (i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		struct location loc;

		if (!is_int(location_parse(&loc, forms[i].text), 0, forms[i].text))
			continue;
		is_str(loc.text, forms[i].text, "text");
		is_str(loc.user, forms[i].user, "user");
		is_str(loc.host, forms[i].host, "host");
		is_str(loc.path, forms[i].path, "path");
		is_int(loc.port, forms[i].port, "port");
		ok(!loc.is_stdio, "a place");
		location_fini(&loc);
	}
}

static void test_stdio(void)
{
	struct location loc;

	is_int(location_parse(&loc, "-"), 0, "standard input or output");
	ok(loc.is_stdio && !loc.host, "is here");
	location_fini(&loc);
	is_int(location_parse(&loc, "./-"), 0, "a file of that name");
	ok(!loc.is_stdio, "is a file");
	location_fini(&loc);
	ok(!loc.text && !loc.path, "empty after location_fini");
	location_fini(&loc);
}

static void test_refused(void)
{
	static const char *const text[] = { "", ":", ":p", "@host:p", "me@:p", "-host:p",
		"me@-host:p", "-me@host:p", "-oProxyCommand=x:p", "ho st:p", "ho\nst:p", "ho;st:p",
		"h$(x):p", "h`x`:p", "h%x:p", "h\xc3\xa4:p", "host\\x:p", "[::1", "[::1]",
		"[::1]x:p", "[::1:p", "[]:p", "[-x]:p", "[a b]:p", "[[::1]]:p", "me@[::1:/p",
		"x[::1]:p", "::1", "::1:/p", "fe80::1:/p", "me@fe80::1:/p",
		"2001:db8:0:0:0:0:0:1:/p", "fe80::1", "m e@host:p", "m\te@host:p", "m;e@host:p",
		"m'e@host:p", "m\"e@host:p", "m\\e@host:p", "$m@host:p", "m(e)@host:p", "m*@host:p",
		"m?@host:p", "!m@host:p", "~m@host:p", "#m@host:p", "m\x1b@host:p", "m\x7f@host:p",
		"m\xc2\x9b@host:p", "m\xff@host:p", "m\xe2\x80\xae@host:p", "ssh://", "ssh:///p",
		"ssh://@host/p", "ssh://me@/p", "ssh://host:/p", "ssh://host:0/p",
		"ssh://host:65536/p", "ssh://host:22x/p", "ssh://host:-1/p", "ssh://host: 1/p",
		"ssh://host:99999999999999999999/p", "ssh://fe80::1/p", "ssh://::1/p",
		"ssh://[::1/p", "ssh://[::1]2/p", "ssh://-x/p", "ssh://-x@host/p", "ssh://ho%73t/p",
		"ssh://ho?st/p" };
	size_t i;

	for (i = 0; i < sizeof(text) / sizeof(*text); i++) {
		struct location loc;
		int rc;

		memset(&loc, 0xff, sizeof(loc));
		err_clear();
		rc = location_parse(&loc, text[i]);
		if (!ok(rc == -1 && err_status() == ST_USAGE && !loc.text && !loc.host &&
				    !loc.user && !loc.path,
			    "refused, and empty"))
			printf("# '%s'\n", text[i]);
		if (rc == 0)
			location_fini(&loc);
	}
}

static void test_lengths(void)
{
	char text[600];
	struct location loc;

	memset(text, 'h', sizeof(text));
	strcpy(text + 255, ":p");
	is_int(location_parse(&loc, text), 0, "a long host");
	location_fini(&loc);
	memset(text, 'h', sizeof(text));
	strcpy(text + 256, ":p");
	is_int(location_parse(&loc, text), -1, "a longer one");
	memset(text, 'u', sizeof(text));
	strcpy(text + 255, "@h:p");
	is_int(location_parse(&loc, text), 0, "a long user");
	location_fini(&loc);
	memset(text, 'u', sizeof(text));
	strcpy(text + 256, "@h:p");
	is_int(location_parse(&loc, text), -1, "a longer one");
}

static int same(const char *one, const char *two)
{
	struct location a, b;
	int rc = -1;

	if (location_parse(&a, one) < 0)
		return -1;
	if (location_parse(&b, two) == 0) {
		rc = location_same_host(&a, &b);
		location_fini(&b);
	}
	location_fini(&a);
	return rc;
}

static void test_same_host(void)
{
	is_int(same("/a", "b"), 1, "here and here");
	is_int(same("/a", "-"), 1, "as is standard input");
	is_int(same("/a", "h:b"), 0, "here and there");
	is_int(same("h:a", "h:b"), 1, "twice there");
	is_int(same("h:a", "ssh://h/b"), 1, "in whatever form");
	is_int(same("h:a", "g:a"), 0, "another host");
	is_int(same("u@h:a", "h:a"), 0, "a user and none");
	is_int(same("u@h:a", "u@h:b"), 1, "the same user");
	is_int(same("u@h:a", "v@h:a"), 0, "another user");
	is_int(same("ssh://h:22/a", "ssh://h:23/a"), 0, "another port");
	is_int(same("ssh://h:22/a", "h:a"), 0, "a port and none");
}

static void test_base_name(void)
{
	static const char *const row[][2] = { { "/a/b.img", "b.img" }, { "b", "b" },
		{ "a/b/", "b" }, { "a/b///", "b" }, { "/", "" }, { "///", "" }, { "h:", "" },
		{ "h:x", "x" }, { "h:/d/x:y", "x:y" }, { "ssh://h", "" }, { "ssh://h/d/x/", "x" },
		{ "-", "" } };
	size_t i;

	for (i = 0; i < sizeof(row) / sizeof(*row); i++) {
		struct location loc;
		char *name;

		if (location_parse(&loc, row[i][0]) < 0) {
			ok(0, row[i][0]);
			continue;
		}
		name = location_base_name(&loc);
		is_str(name, row[i][1], row[i][0]);
		free(name);
		location_fini(&loc);
	}
}

static void test_at(void)
{
	static const char *const row[][2] = { { "x", "/d/y" }, { "h:x", "h:/d/y" },
		{ "u@h:", "u@h:/d/y" }, { "ssh://u@h:22/x", "ssh://u@h:22/d/y" },
		{ "u@[::1]:x", "u@[::1]:/d/y" }, { "ssh://[::1]:22/x", "ssh://[::1]:22/d/y" } };
	size_t i;

	for (i = 0; i < sizeof(row) / sizeof(*row); i++) {
		struct location loc, again;
		char *text;

		if (location_parse(&loc, row[i][0]) < 0) {
			ok(0, row[i][0]);
			continue;
		}
		text = location_at(&loc, "/d/y");
		is_str(text, row[i][1], row[i][0]);
		ok(text && location_parse(&again, text) == 0 && location_same_host(&loc, &again),
			"the same host again");
		location_fini(&again);
		free(text);
		location_fini(&loc);
	}
}

int main(void)
{
	test_forms();
	test_at();
	test_stdio();
	test_refused();
	test_lengths();
	test_same_host();
	test_base_name();
	return tap_done();
}
