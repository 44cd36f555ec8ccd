/*
 * Runs the bootstrap script with all installed login shells and a home directory of
 * its own, and checks where the helper is stored and where it must not be.  Every run
 * ends with a greeting, a reported failure, or a different machine.
 */
#include <signal.h>
#include <sys/stat.h>

#include "lib/base/child.h"
#include "lib/peer/bootstrap.h"
#include "tests/unit/conns.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

#define PATIENCE 30000

static const struct bootstrap_limits limits = { PATIENCE, PATIENCE };

static struct helper_file h;
static char home[512], path[1024], arch[BOOTSTRAP_ARCH_MAX];
static int closed_early;	 /* bytes of the helper after which to hang up; 0: not */
static const char *installed_in; /* instead of the directories of installed helpers, or NULL */

/* Whether a helper was started: it sends its greeting. */
static bool greets(int fd)
{
	struct conn *c = conn_new(fd, fd, WIRE_CLIENT, NULL, 0);
	struct frame *f;
	bool is;

	if (!c)
		abort();
	is = conn_expect(c, WIRE_GREETING, &f) == 0;
	if (is)
		conn_release(c, f);
	conn_finish(c);
	is = conn_drain(c, PATIENCE) && is;
	conn_close(c);
	return is;
}

/* Sends only a part of the helper. */
static void hang_up(int fd)
{
	char seen[4096];
	size_t n = 0;

	while (n < sizeof(seen) - 1 && read(fd, seen + n, 1) == 1) {
		seen[++n] = '\0';
		if (strstr(seen, " send\n"))
			break;
	}
	if (io_write(fd, h.bytes, (size_t)closed_early) < 0)
		abort();
	shutdown(fd, SHUT_WR);
	while (read(fd, seen, sizeof(seen)) > 0)
		;
}

static bool is_local; /* --sudo=here */

/* The script, which looks for installed helpers below installed_in. */
static char *make_command(bool as_root, const char *helper)
{
	static const char dirs[] = "/usr/libexec /usr/local/libexec";
	char *command = bootstrap_command(&h,
		     &(struct bootstrap_way){
			     .as_root = as_root, .path = helper, .is_local = is_local }),
	     *at, *changed;

	if (!command)
		abort();
	at = strstr(command, dirs);
	if (!installed_in || !at)
		return command;
	if (asprintf(&changed, "%.*s%s%s", (int)(at - command), command, installed_in,
		    at + strlen(dirs)) < 0)
		abort();
	free(command);
	return changed;
}

/*
 * Runs the script with a login shell (words, split at blanks).  sends: whether the
 * script may ask for the helper.  0: a helper greets; 1: a different machine; -1 with
 * the script's message recorded.
 */
static int run(const char *shell, bool as_root, const char *helper, bool sends)
{
	char *command = make_command(as_root, helper), words[64], *word;
	const char *argv[12] = { "env", "-i", home, path };
	int fd[2], status, i = 4, r;
	pid_t pid;

	snprintf(words, sizeof(words), "%s", shell);
	for (word = strtok(words, " "); word; word = strtok(NULL, " "))
		argv[i++] = word;
	argv[i++] = "-c";
	argv[i] = command;
	conns_socket(fd);
	pid = child_start(argv, fd[1], fd[1], -1);
	close(fd[1]);
	err_clear();
	if (closed_early)
		hang_up(fd[0]);
	r = pid < 0 || closed_early ? -1
				    : (int)bootstrap_run(fd[0], sends ? &h : NULL, &limits, arch);
	if (r == BOOTSTRAP_READY)
		r = greets(fd[0]) ? 0 : -2;
	else
		close(fd[0]);
	if (pid > 0 && child_wait(pid, PATIENCE, &status) != 1)
		r = -3;
	free(command);
	return r;
}

/* Puts a program of that name before the real one in PATH. */
static void __attribute__((format(printf, 2, 3))) fake(const char *name, const char *fmt, ...)
{
	char file[256], text[1024] = "#!/bin/sh\n";
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text + 10, sizeof(text) - 10, fmt, ap);
	va_end(ap);
	snprintf(file, sizeof(file), "bin/%s", name);
	scratch_save(file, text, strlen(text));
	if (chmod(file, 0755) < 0)
		abort();
}

/* A mkdir that fails outside of the test's directory. */
static void fake_mkdir(void)
{
	fake("mkdir", "case \"$*\" in *%s/*) exec /bin/mkdir \"$@\" ;; esac\nexit 1\n",
		scratch_dir);
}

/* Name and mode of all files in the home directory. */
static const char *in_home(void)
{
	return scratch_get(
		NULL, "find home -type f -printf '%%m %%P ' | sed 's/%s/HASH/g; s/ $//'", h.hash);
}

/* Removes the copies in the directories that are used if the home is not usable. */
static void forget_elsewhere(void)
{
	scratch_run("u=$(/usr/bin/id -u); for d in /var/tmp/img-tools-$u /tmp/img-tools-$u "
		    "/dev/shm/img-tools-$u /run/user/$u/img-tools; do rm -f $d/img-helper-%s; done",
		h.hash);
}

/* An empty home, and a helper whose last bytes are changed, so that its hash is new. */
static void fresh_home(void)
{
	static uint64_t times;
	struct hash hash;

	forget_elsewhere();
	times++;
	memcpy(h.bytes + h.size - sizeof(times), &times, sizeof(times));
	hash_bytes(&hash, h.bytes, h.size);
	hash_hex(&hash, h.hash);
	is_int(scratch_run("rm -rf home && mkdir -m 755 home"), 0, "a home of its own");
}

#define CACHED "700 .cache/img-tools/img-helper-HASH"

static void test_login_shell(const char *shell)
{
	char first[32];

	snprintf(first, sizeof(first), "%.*s", (int)strcspn(shell, " "), shell);
	if (scratch_run("command -v %s", first) != 0) {
		printf("# no %s here\n", shell);
		return;
	}
	printf("# the login shell is %s\n", shell);
	fresh_home();
	is_int(run(shell, false, NULL, true), 0, "the helper is sent and greets");
	is_str(in_home(), CACHED, "it is kept in the home, for us alone");
	is_str(scratch_get(NULL, "stat -c %%a home/.cache/img-tools"), "700",
		"and so is its directory");
	is_int(run(shell, false, NULL, false), 0, "the next time it is there");
	is_int(run(shell, false, h.path, false), 0, "also by its path");
}

/* The script runs with a different shell and different tools. */
static void test_busybox(void)
{
	if (scratch_run("command -v busybox") != 0)
		return;
	printf("# all of it in busybox\n");
	is_int(scratch_run("mkdir box && for a in sh ls id uname head cat chmod mv rm mkdir "
			   "readlink wc env; do "
			   "ln -s $(command -v busybox) box/$a || exit; done"),
		0, "its tools");
	snprintf(path, sizeof(path), "PATH=%s/box", scratch_dir);
	fresh_home();
	is_int(run("sh", false, NULL, true), 0, "the helper is sent and greets");
	is_str(in_home(), CACHED, "and kept");
	is_int(run("sh", false, NULL, false), 0, "the next time it is there");
	is_local = true;
	is_int(run("sh", false, NULL, false), 0, "also for --sudo=here");
	is_local = false;
}

static void test_cache(void)
{
	fresh_home();
	is_int(scratch_run("mkdir -m 700 -p home/.cache/img-tools && chmod 700 home/.cache"), 0,
		"a cache");
	is_int(scratch_run("echo rubbish >home/.cache/img-tools/img-helper-%s; chmod 700 "
			   "home/.cache/*/*",
		       h.hash),
		0, "with something else under the helper's name");
	is_int(run("sh", false, NULL, true), 0, "is not used");
	is_str(in_home(), CACHED, "but put right");
	is_int(run("sh", false, NULL, false), 0, "for the next time");
	is_int(scratch_run("cd home/.cache/img-tools && truncate -s 0 img-helper-%s && "
			   "truncate -s %zu img-helper-%s",
		       h.hash, h.size, h.hash),
		0, "zeros of the helper's length there");
	is_int(run("sh", false, NULL, true), 0, "are not used, either");
	is_int(scratch_run(": >home/.cache/img-tools/img-helper-%s", h.hash), 0,
		"an empty file there");
	is_int(run("sh", false, NULL, true), 0, "is not used, either");
	is_int(run("sh", false, NULL, false), 0, "and put right");
	fresh_home();
	closed_early = 100000;
	is_int(run("sh", false, NULL, true), -1, "a client that hangs up while it sends");
	closed_early = 0;
	is_str(in_home(), "", "leaves no files");
}

/* A helper of protocol 1, as far as anybody asks it, in a file of the size of ours. */
static void save_protocol_1(const char *name)
{
	static const char text[] = "#!/bin/sh\n"
				   "case $1 in\n"
				   "--protocol) echo 1 ;;\n"
				   "--serve) printf '\\nimg-tools/1 ready\\n'; cat >/dev/null ;;\n"
				   "esac\n"
				   "exit 0\n";

	scratch_save(name, text, sizeof(text) - 1);
	is_int(scratch_run("truncate -s %zu %s && chmod 700 %s", h.size, name, name), 0,
		"a helper of protocol 1");
}

static void test_protocol_1(void)
{
	char name[128], place[512];

	fresh_home();
	snprintf(place, sizeof(place), "%s/libexec", scratch_dir);
	snprintf(name, sizeof(name), "libexec/img-tools/img-helper-%s", h.arch);
	is_int(scratch_run("mkdir -p libexec/img-tools"), 0, "a place for installed helpers");
	installed_in = place;
	save_protocol_1(name);
	is_int(run("sh", false, NULL, true), 0, "that is installed is not used");
	is_str(in_home(), CACHED, "one of ours is sent");
	fresh_home();
	is_int(scratch_run("cp '%s' %s", h.path, name), 0, "one of ours that is installed");
	is_int(run("sh", false, NULL, false), 0, "is used");
	is_str(in_home(), "", "and none is sent");
	installed_in = NULL;
	fresh_home();
	is_int(scratch_run("mkdir -p -m 700 home/.cache/img-tools"), 0, "a cache");
	snprintf(name, sizeof(name), "home/.cache/img-tools/img-helper-%s", h.hash);
	save_protocol_1(name);
	is_int(run("sh", false, NULL, true), 0, "that is in the cache is not used");
	is_str(in_home(), CACHED, "but replaced");
	is_int(run("sh", false, NULL, false), 0, "for the next time");
	save_protocol_1("old");
	snprintf(place, sizeof(place), "%s/old", scratch_dir);
	is_int(run("sh", false, place, false), -1, "that --helper names is refused");
	ok(err_status() == ST_PEER &&
			strncmp(err_text(),
				"the helper speaks protocol 1 and this program protocol 3",
				56) == 0,
		"with both versions");
}

/* Only a directory of ours alone will do. */
static void test_places(void)
{
	fresh_home();
	is_int(scratch_run("mkdir -p -m 700 home/.cache home/private && ln -s ../private "
			   "home/.cache/img-tools"),
		0, "a link instead of the cache");
	run("sh", false, NULL, true);
	is_str(in_home(), "", "is not followed to whatever else is ours");
	fresh_home();
	is_int(scratch_run("mkdir -p home/.cache && mkdir -m 755 home/.cache/img-tools"), 0,
		"a cache that others may read");
	run("sh", false, NULL, true);
	is_str(in_home(), "", "is not used");
	fresh_home();
	fake("id", "echo 4294000000\n");
	is_int(run("sh", false, NULL, true), -1, "where no place is ours");
	ok(err_status() == ST_PEER && strstr(err_text(), "where programs may run, among: /"),
		"the script says so");
	ok(strstr(err_text(), "/home/.cache/img-tools /var/tmp/img-tools-4294000000 /tmp/") != NULL,
		"and where it looked");
	is_str(in_home(), "", "and leaves no files");
	scratch_run("rm bin/id");
}

static void test_machine(void)
{
	fresh_home();
	fake("uname", "echo m68k\n");
	is_int(run("sh", false, NULL, true), BOOTSTRAP_ARCH, "another machine");
	is_str(arch, "m68k", "is named");
	is_str(in_home(), "", "and gets no helper");
	fake("sh", "printf motd\nexec /bin/sh \"$@\"\n");
	is_int(run("sh", false, NULL, true), BOOTSTRAP_ARCH,
		"also after an incomplete line of a login script");
	scratch_run("rm bin/uname");
	is_int(run("sh", false, NULL, true), 0, "as is the helper");
	scratch_run("rm bin/sh");
}

/* env stands for sudo: this tests which files root uses, and which it trusts. */
static void test_root(void)
{
	char *helper = h.path;

	fresh_home();
	fake("sudo", "[ \"$1\" = -n ] && shift && exec \"$@\"\n");
	fake("id", "echo 4294000000\n");
	is_int(run("sh", true, NULL, true), -1, "root finds no place");
	is_str(err_text(),
		"cannot start the helper: no directory with free space where programs may run, "
		"among: /var/lib/img-tools /root/.cache/img-tools",
		"as it only looks at its own");
	is_str(in_home(), "", "never at the user's");
	scratch_run("rm bin/id && cp '%s' helper && chmod 755 helper", helper);
	is_int(run("sh", true, "/nonexistent/helper", true), -1, "a helper that is not there");
	is_str(err_text(),
		"cannot start the helper: /nonexistent/helper does not exist, or others than root "
		"can write to it",
		"is not run");
	{
		char where[512];

		snprintf(where, sizeof(where), "%s/helper", scratch_dir);
		is_int(run("sh", true, where, true), -1, "nor one where others can put another");
		ok(strstr(err_text(), "or others than root can write to it") != NULL,
			"which is said");
	}
	/* It is not a helper, but root owns it and all directories above, so it is run. */
	if (scratch_run(
		    "test \"$(stat -Lc %%u%%a /usr/bin/true / /usr /usr/bin | sort -u)\" = 0755") ==
		0) {
		is_int(run("sh", true, "/usr/bin/true", true), -1, "root's own program");
		is_str(err_text(), "cannot start the helper: the connection was closed", "is run");
	}
	scratch_run("rm bin/sudo");
}

int main(void)
{
	static const char *const shells[] = { "sh", "dash", "bash", "zsh", "csh", "fish",
		"busybox sh" };
	unsigned i;

	signal(SIGPIPE, SIG_IGN);
	if (helper_file_read(&h, NULL) < 0) {
		printf("# %s\n", err_text());
		ok(0, "the helper is built");
		return tap_done();
	}
	scratch_open();
	h.bytes = realloc(h.bytes, h.size + 16);
	if (!h.bytes)
		abort();
	put_be64(h.bytes + h.size, (uint64_t)getpid());
	h.size += 16;
	snprintf(home, sizeof(home), "HOME=%s/home", scratch_dir);
	snprintf(path, sizeof(path), "PATH=%s/bin:/usr/local/bin:/usr/bin:/bin", scratch_dir);
	is_int(mkdir("bin", 0755), 0, "a place for programs");
	fake_mkdir();
	for (i = 0; i < sizeof(shells) / sizeof(shells[0]); i++)
		test_login_shell(shells[i]);
	test_cache();
	test_protocol_1();
	test_places();
	test_machine();
	test_root();
	test_busybox();
	forget_elsewhere();
	helper_file_fini(&h);
	scratch_close(tap_failed);
	return tap_done();
}
