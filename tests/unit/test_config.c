/* Configuration: what is accepted, and that nothing is skipped. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/config.h"
#include "lib/base/err.h"
#include "tests/unit/tap.h"

static int parse(struct config *c, const char *text)
{
	return config_parse(c, "F", text, strlen(text));
}

static void test_taken(void)
{
	static const char text[] = "# a comment\n"
				   "; another\n"
				   "\n"
				   "  [storage]   # images\n"
				   "\tdirectory = /srv/images\n"
				   "DIRECTORY=/srv/a#b;c   ; behind a blank\n"
				   "group\t=\tvg0\r\n"
				   "device = \"/dev/a \\\"b\\\" \\\\ \\n\\t#x\"  # quoted\n"
				   "[Snapshot]\n"
				   "size = 10%\n"
				   "size = 1.5G\n"
				   "autoextend = off\n"
				   "hook-timeout = 5\n"
				   "[resize]\n"
				   "mount = no\n"
				   "[ssh];\n"
				   "config = ~/.ssh/my config \t\n"
				   "[storage]\n"
				   "directory = /last";
	struct config c = CONFIG_INIT;
	size_t at = 0;

	if (!is_int(parse(&c, text), 0, "a file with everything"))
		printf("# %s\n", err_text());
	is_int(c.count, 11, "eleven entries");
	is_str(config_each(&c, "storage.directory", &at), "/srv/images", "the first directory");
	is_str(config_each(&c, "storage.directory", &at), "/srv/a#b;c", "the second");
	is_str(config_each(&c, "storage.directory", &at), "/last", "the third");
	ok(config_each(&c, "storage.directory", &at) == NULL, "no more");
	is_str(config_get(&c, "storage.directory"), "/last", "the last counts");
	is_str(config_get(&c, "storage.group"), "vg0", "a line with CRLF");
	is_str(config_get(&c, "storage.device"), "/dev/a \"b\" \\ \n\t#x", "a quoted value");
	is_str(config_get(&c, "snapshot.size"), "1.5G", "a size");
	is_str(config_get(&c, "snapshot.autoextend"), "off", "a bool");
	is_str(config_get(&c, "snapshot.hook-timeout"), "5", "seconds");
	is_int(config_bool(config_get(&c, "resize.mount")), 0, "another bool");
	is_str(config_get(&c, "ssh.config"), "~/.ssh/my config",
		"blanks inside a value, not after it");
	ok(config_get(&c, "storage.nothing") == NULL, "an absent key");
	is_int(parse(&c, "[storage]\ndirectory = /more\n"), 0, "another text");
	is_int(c.count, 12, "is appended");
	is_int(parse(&c, ""), 0, "an empty text adds nothing");
	is_int(c.count, 12, "at all");
	config_fini(&c);
	config_fini(&c);
	ok(config_get(&c, "storage.group") == NULL, "empty after config_fini");
}

static void test_values(void)
{
	static const char *const good[] = { "[snapshot]\nsize=1%", "[snapshot]\nsize=100%",
		"[snapshot]\nsize=1", "[snapshot]\nautoextend=yes", "[snapshot]\nautoextend=no",
		"[snapshot]\nautoextend=true", "[snapshot]\nautoextend=false",
		"[snapshot]\nautoextend=on", "[snapshot]\nautoextend=1", "[snapshot]\nautoextend=0",
		"[storage]\ngroup=Vg_0+a.b-c", "[storage]\ngroup=\"vg0\"",
		"[storage]\ndirectory=/" };
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(*good); i++) {
		struct config c = CONFIG_INIT;

		is_int(parse(&c, good[i]), 0, good[i] + strcspn(good[i], "\n") + 1);
		is_int(c.count, 1, "one entry");
		config_fini(&c);
	}
}

static void refused(const char *text, size_t len, const char *want)
{
	struct config c = CONFIG_INIT;

	parse(&c, "[ssh]\nconfig = before\n");
	err_clear();
	is_int(config_parse(&c, "F", text, len), -1, "refused");
	is_int(err_status(), ST_USAGE, "as usage");
	is_str(err_text(), want, want);
	is_int(c.count, 1, "no key of it is kept");
	config_fini(&c);
}

static void test_refused(void)
{
	static const struct {
		const char *text, *want;
	} row[] = {
		{ "directory = /x", "F:1: 'directory' before the first section" },
		{ "[storage]\ndirectory = /ok\n[other]", "F:3: unknown section 'other'" },
		{ "[storage]\n\ncolour = red", "F:3: unknown key 'storage.colour'" },
		{ "[snapshot]\ngroup = vg0", "F:2: unknown key 'snapshot.group'" },
		{ "[storage]\n= x", "F:2: unknown key 'storage.'" },
		{ "[storage", "F:1: '[' without ']'" },
		{ "[]", "F:1: unknown section ''" },
		{ "[stor]", "F:1: unknown section 'stor'" },
		{ "[storage.directory]", "F:1: unknown section 'storage.directory'" },
		{ "[storage] group = vg0", "F:1: unexpected text after ']'" },
		{ "[ storage ]", "F:1: unknown section ' storage '" },
		{ "[storage]\ndirectory", "F:2: no '=' after 'directory'" },
		{ "[storage]\ndirectory /x", "F:2: no '=' after 'directory'" },
		{ "[storage]\ndirectory # = /x", "F:2: no '=' after 'directory'" },
		{ "[storage]\ndirectory =", "F:2: 'storage.directory' has no value" },
		{ "[storage]\ndirectory = # /x", "F:2: 'storage.directory' has no value" },
		{ "[storage]\ndirectory = \"\"", "F:2: 'storage.directory' has no value" },
		{ "[storage]\ndirectory = x", "F:2: not an absolute path: 'x'" },
		{ "[storage]\ndirectory = ~/x", "F:2: not an absolute path: '~/x'" },
		{ "[storage]\ndirectory =#x", "F:2: not an absolute path: '#x'" },
		{ "[storage]\ndevice = sda", "F:2: not an absolute path: 'sda'" },
		{ "[storage]\ndirectory = \"/x", "F:2: unterminated quote" },
		{ "[storage]\ndirectory = \"/x\\", "F:2: unknown escape sequence in quotes" },
		{ "[storage]\ndirectory = \"/x\\y\"", "F:2: unknown escape sequence in quotes" },
		{ "[storage]\ndirectory = \"/x\" y",
			"F:2: unexpected text after the closing quote" },
		{ "[storage]\ndirectory = \"/x\"#y",
			"F:2: unexpected text after the closing quote" },
		{ "[storage]\ndirectory = /x\"y\"",
			"F:2: a value with quotes or backslashes must be in double quotes" },
		{ "[storage]\ndirectory = /x\\",
			"F:2: a value with quotes or backslashes must be in double quotes" },
		{ "[storage]\ngroup = /dev/vg0", "F:2: invalid volume group name '/dev/vg0'" },
		{ "[storage]\ngroup = -vg0", "F:2: invalid volume group name '-vg0'" },
		{ "[storage]\ngroup = ..", "F:2: invalid volume group name '..'" },
		{ "[storage]\ngroup = a b", "F:2: invalid volume group name 'a b'" },
		{ "[snapshot]\nsize = 0%", "F:2: invalid percentage '0%'; use 1% to 100%" },
		{ "[snapshot]\nsize = 101%", "F:2: invalid percentage '101%'; use 1% to 100%" },
		{ "[snapshot]\nsize = 4294967297%",
			"F:2: invalid percentage '4294967297%'; use 1% to 100%" },
		{ "[snapshot]\nsize = %", "F:2: invalid percentage '%'; use 1% to 100%" },
		{ "[snapshot]\nsize = 1.5%", "F:2: invalid size '1.5%': unknown suffix" },
		{ "[snapshot]\nsize = lots", "F:2: invalid size 'lots': not a number" },
		{ "[snapshot]\nhook-timeout = 0",
			"F:2: invalid number of seconds '0'; use 1 to 86400" },
		{ "[snapshot]\nhook-timeout = 86401",
			"F:2: invalid number of seconds '86401'; use 1 to 86400" },
		{ "[snapshot]\nhook-timeout = 1m",
			"F:2: invalid number of seconds '1m'; use 1 to 86400" },
		{ "[snapshot]\nhook-timeout = 4294967297",
			"F:2: invalid number of seconds '4294967297'; use 1 to 86400" },
		{ "[snapshot]\nautoextend = maybe", "F:2: invalid value 'maybe'; use yes or no" },
	};
	size_t i;

	for (i = 0; i < sizeof(row) / sizeof(*row); i++)
		refused(row[i].text, strlen(row[i].text), row[i].want);
}

static void refused_text(const char *text, const char *want)
{
	refused(text, strlen(text), want);
}

static void test_resize(void)
{
	refused_text("[resize]\nmount = never", "F:2: invalid value 'never'; use yes or no");
	refused_text("[resize]\nmounts = no", "F:2: unknown key 'resize.mounts'");
	refused_text("[snapshot]\nmount = no", "F:2: unknown key 'snapshot.mount'");
}

static void test_bad_bytes(void)
{
	static char text[2 * CONFIG_LINE_MAX];
	struct config c = CONFIG_INIT;

	refused("[ssh]\nconfig = a\0b\n", 19, "F:2: line with a NUL byte");
	memset(text, ' ', sizeof(text));
	memcpy(text, "[ssh]\nconfig=x", 14);
	is_int(config_parse(&c, "F", text, 6 + CONFIG_LINE_MAX), 0, "the longest line");
	is_str(config_get(&c, "ssh.config"), "x", "is read");
	config_fini(&c);
	refused(text, 6 + CONFIG_LINE_MAX + 1, "F:2: line longer than 4096 bytes");
	memset(text, 'k', sizeof(text));
	memcpy(text, "[ssh]\n", 6);
	text[3000] = '=';
	is_int(config_parse(&c, "F", text, 4000), -1, "a long key");
	ok(strncmp(err_text(), "F:2: unknown key 'kkk", 21) == 0, "is unknown");
	config_fini(&c);
}

static int write_file(const char *path, const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ssize_t n = fd < 0 ? -1 : write(fd, text, len);

	if (fd >= 0)
		close(fd);
	return n == (ssize_t)len ? 0 : -1;
}

static void test_files(void)
{
	char dir[] = "/tmp/test_config.XXXXXX", path[64], want[128];
	char *big = calloc(1, CONFIG_FILE_MAX + 1);
	struct config c = CONFIG_INIT;

	if (!ok(big && mkdtemp(dir), "a directory"))
		return;
	snprintf(path, sizeof(path), "%s/config", dir);
	is_int(config_read(&c, path, false), 0, "a missing file is none");
	err_clear();
	is_int(config_read(&c, path, true), -1, "unless it must be there");
	is_int(err_status(), ST_USAGE, "which is a usage error");
	ok(strstr(err_text(), path) != NULL, "that names it");
	is_int(config_read(&c, dir, false), -1, "a directory is none");
	is_int(err_status(), ST_USAGE, "and a usage error");
	snprintf(want, sizeof(want), "%s/config", path);
	write_file(path, "[ssh]\nconfig = x\n", 17);
	is_int(config_read(&c, want, false), -1, "nor is one below a file");
	is_int(config_read(&c, path, true), 0, "a file is read");
	is_str(config_get(&c, "ssh.config"), "x", "as it stands");
	write_file(path, "[ssh]\nconfig\n", 13);
	is_int(config_read(&c, path, true), -1, "a bad one is not");
	snprintf(want, sizeof(want), "%s:2: no '=' after 'config'", path);
	is_str(err_text(), want, "and named with the line");
	memset(big, '\n', CONFIG_FILE_MAX + 1);
	write_file(path, big, CONFIG_FILE_MAX);
	is_int(config_read(&c, path, true), 0, "the longest file");
	write_file(path, big, CONFIG_FILE_MAX + 1);
	err_clear();
	is_int(config_read(&c, path, true), -1, "a longer one");
	is_int(err_status(), ST_USAGE, "is a usage error");
	is_int(c.count, 1, "nothing was added");
	unlink(path);
	if (geteuid() != 0) {
		write_file(path, "", 0);
		chmod(path, 0);
		is_int(config_read(&c, path, false), -1, "one that cannot be read");
		is_int(err_status(), ST_USAGE, "is a usage error, too");
		unlink(path);
	}
	rmdir(dir);
	config_fini(&c);
	free(big);
}

int main(void)
{
	test_taken();
	test_values();
	test_refused();
	test_resize();
	test_bad_bytes();
	test_files();
	return tap_done();
}
