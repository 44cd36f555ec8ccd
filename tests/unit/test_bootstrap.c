/* Our side of the bootstrap dialogue, with correct and with hostile peers. */
#include <signal.h>
#include <stdarg.h>
#include <sys/ioctl.h>

#include "lib/base/cancel.h"
#include "lib/peer/bootstrap.h"
#include "tests/unit/conns.h"
#include "tests/unit/tap.h"

static const struct bootstrap_limits patient = { 30000, 30000 };

static char arch[BOOTSTRAP_ARCH_MAX];

/* Runs bootstrap_run() with a peer that sends this text, and then closes or waits. */
static enum bootstrap_end hear(const char *text, size_t n, bool closes, int *left)
{
	enum bootstrap_end end;
	int fd[2];

	conns_socket(fd);
	if (io_write(fd[1], text, n) < 0)
		abort();
	if (closes)
		shutdown(fd[1], SHUT_WR);
	err_clear();
	memset(arch, 0, sizeof(arch));
	end = bootstrap_run(fd[0], NULL, &patient, arch);
	if (left && ioctl(fd[0], FIONREAD, left) < 0)
		abort();
	close(fd[0]);
	close(fd[1]);
	return end;
}

static enum bootstrap_end says(const char *text)
{
	return hear(text, strlen(text), true, NULL);
}

static void test_ready(void)
{
	static const char nuls[] = "a\0b\n\0img-tools/3 ready\n\0\0\nimg-tools/3 ready\nxyz";
	char *text = malloc(60000);
	int left = -1;

	is_int(says("img-tools/3 ready\n"), BOOTSTRAP_READY, "a helper that is there already");
	is_int(says("\r\nWelcome!\r\nimg-tools/3 ready\r\n"), BOOTSTRAP_READY,
		"with its terminal's lines");
	is_int(says("no newline\nimg-tools/3 hello\nimg-tools\n\nimg-tools/3 ready\n"),
		BOOTSTRAP_READY, "after other people's lines, and lines of ours that mean nothing");
	is_int(says("echo img-tools/3 ready\nimg-tools/3 ready\n"), BOOTSTRAP_READY,
		"not within a line");
	is_int(hear(nuls, sizeof(nuls) - 1, false, &left), BOOTSTRAP_READY, "after NULs");
	is_int(left, 3, "and reads nothing of what follows");
	if (!text)
		abort();
	memset(text, 'x', 60000);
	memcpy(text + 59000, "\nimg-tools/3 ready\n", 19);
	is_int(hear(text, 60000, false, &left), BOOTSTRAP_READY, "after a line without measure");
	is_int(left, 1000 - 19, "of which nothing more is taken, either");
	memcpy(text + 1000, "img-tools/3 ready", 17);
	memset(text + 59000, 'x', 19);
	is_int(hear(text, 60000, true, NULL), BOOTSTRAP_FAILED,
		"what a long line holds does not count");
	free(text);
}

static void test_failures(void)
{
	is_int(says(""), BOOTSTRAP_FAILED, "a peer that ends at once");
	is_int(err_status(), ST_PEER, "is lost");
	is_str(err_text(), "cannot start the helper: the connection was closed",
		"and the reason is not known");
	is_int(says("img-tools/3 ready"), BOOTSTRAP_FAILED, "a line without its end is none");
	is_int(says("img-tools/3 readyy\n"), BOOTSTRAP_FAILED, "nor another word");
	is_int(says("img-tools/1 ready\n"), BOOTSTRAP_FAILED, "a helper of protocol 1");
	is_str(err_text(),
		"the helper speaks protocol 1 and this program protocol 3 (install the same "
		"version of img-tools on both hosts, or leave out --helper and one is sent)",
		"is named, and what to do");
	is_int(err_status(), ST_PEER, "it is the peer's");
	is_int(says("img-tools/4 ready\n"), BOOTSTRAP_FAILED,
		"nor is one of a later protocol used");
	is_int(says("img-tools/4294967297 ready\n"), BOOTSTRAP_FAILED, "however large its number");
	is_int(says("img-tools/3 fail no place: \033[31mred\n"), BOOTSTRAP_FAILED,
		"a peer that cannot");
	is_str(err_text(), "cannot start the helper: no place: \033[31mred",
		"says why (the log makes it safe)");
	is_int(err_status(), ST_PEER, "it is the peer's");
	is_int(says("img-tools/3 send\nimg-tools/3 send\n"), BOOTSTRAP_FAILED,
		"send, where there is nothing");
}

static void test_arch(void)
{
	is_int(says("img-tools/3 arch aarch64\n"), BOOTSTRAP_ARCH, "another machine");
	is_str(arch, "aarch64", "is named");
	is_int(says("img-tools/3 arch ../../etc/passwd\n"), BOOTSTRAP_FAILED,
		"a path is no machine");
	is_int(says("img-tools/3 arch x/../../etc\n"), BOOTSTRAP_ARCH,
		"nor is one at a machine's end");
	is_str(arch, "x", "taken");
	is_int(says("img-tools/3 arch aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeee\n"),
		BOOTSTRAP_ARCH, "a long name");
	is_int(strlen(arch), BOOTSTRAP_ARCH_MAX - 1, "is cut");
}

struct peer {
	int fd;
	const char *text;
	const struct helper_file *h;
	unsigned sends;
	bool same;
};

static void *make_noise(void *arg)
{
	struct peer *p = arg;

	while (send(p->fd, p->text, strlen(p->text), MSG_NOSIGNAL) > 0)
		;
	return NULL;
}

static void test_noise(const char *text, const char *name)
{
	struct peer p = { .text = text };
	int fd[2];
	pthread_t t;

	conns_socket(fd);
	p.fd = fd[1];
	t = conns_start(make_noise, &p);
	is_int(bootstrap_run(fd[0], NULL, &patient, arch), BOOTSTRAP_FAILED, name);
	is_str(err_text(),
		"cannot start the helper: too much other text (check what the login scripts print)",
		"is enough at some time");
	close(fd[0]);
	conns_join(t);
	close(fd[1]);
}

/* A peer that asks for the helper so many times, reads it, and then is ready. */
static void *take_helper(void *arg)
{
	static const char ask[] = "motd\n\nimg-tools/3 send\n", ready[] = "\nimg-tools/3 ready\n";
	struct peer *p = arg;
	uint8_t *got = malloc(p->h->size);
	unsigned i;

	p->same = got != NULL;
	for (i = 0; i < p->sends && p->same; i++)
		p->same = io_write(p->fd, ask, sizeof(ask) - 1) == 0 &&
			  io_read(p->fd, got, p->h->size) == (ssize_t)p->h->size &&
			  memcmp(got, p->h->bytes, p->h->size) == 0;
	free(got);
	if (p->same && io_write(p->fd, ready, sizeof(ready) - 1) < 0)
		p->same = false;
	return NULL;
}

static enum bootstrap_end sends(struct helper_file *h, unsigned times, bool *same)
{
	struct peer p = { .h = h, .sends = times };
	enum bootstrap_end end;
	int fd[2];
	pthread_t t;

	conns_socket(fd);
	p.fd = fd[1];
	t = conns_start(take_helper, &p);
	err_clear();
	end = bootstrap_run(fd[0], h, &patient, arch);
	shutdown(fd[0], SHUT_RDWR);
	conns_join(t);
	*same = p.same;
	close(fd[0]);
	close(fd[1]);
	return end;
}

static void test_send(struct helper_file *h)
{
	int fd[2];
	bool same;

	is_int(sends(h, 1, &same), BOOTSTRAP_READY, "a peer that asks for the helper");
	ok(same, "gets it");
	is_int(sends(h, 5, &same), BOOTSTRAP_READY, "also again, for the next place");
	ok(same, "complete each time");
	is_int(sends(h, 1000, &same), BOOTSTRAP_FAILED, "but not for ever");
	is_int(err_status(), ST_PEER, "that is the peer's fault");
	conns_socket(fd);
	if (io_write(fd[1], "img-tools/3 send\n", 17) < 0)
		abort();
	is_int(bootstrap_run(fd[0], h, &(struct bootstrap_limits){ 30000, 50 }, arch),
		BOOTSTRAP_FAILED, "a peer that asks and does not take");
	is_int(err_status(), ST_PEER, "is given up");
	close(fd[0]);
	close(fd[1]);
	conns_socket(fd);
	if (io_write(fd[1], "img-tools/3 send\n", 17) < 0)
		abort();
	close(fd[1]);
	is_int(bootstrap_run(fd[0], h, &patient, arch), BOOTSTRAP_FAILED,
		"a peer that asks and goes");
	is_int(err_status(), ST_PEER, "is lost");
	close(fd[0]);
}

static void test_timeout(void)
{
	int64_t began = io_now_ms();
	int fd[2];

	conns_socket(fd);
	is_int(bootstrap_run(fd[0], NULL, &(struct bootstrap_limits){ 100, 0 }, arch),
		BOOTSTRAP_FAILED, "a silent peer");
	ok(io_now_ms() - began >= 99, "had its time");
	is_int(err_status(), ST_PEER, "and is given up");
	close(fd[0]);
	close(fd[1]);
}

static void *run_dialogue(void *arg)
{
	struct peer *p = arg;

	p->same = bootstrap_run(p->fd, p->h, &(struct bootstrap_limits){ 0, 0 }, arch) ==
			  BOOTSTRAP_FAILED &&
		  err_status() == ST_FAILED && strcmp(err_text(), "interrupted") == 0;
	return NULL;
}

static int cancelled(void)
{
	struct peer p = { .sends = 0 };
	int fd[2];
	pthread_t t;

	if (cancel_init() < 0)
		return 1;
	conns_socket(fd);
	p.fd = fd[0];
	t = conns_start(run_dialogue, &p);
	cancel_set();
	conns_join(t);
	return p.same ? 0 : 2;
}

/* Whether every shell passes the command to sh unchanged. */
static bool is_plain(const char *command, const char *before)
{
	size_t n = strlen(before), len = strlen(command);

	return len > n + 1 && len < 4096 && strncmp(command, before, n) == 0 &&
	       command[len - 1] == '\'' && strcspn(command + n, "'\\!\n\r") == len - n - 1;
}

static void test_command(const struct helper_file *h)
{
	static const char *const bad[] = { "img-helper", "", "/a'b", "/a\\b", "/a!b", "/a\nb",
		"/a\"b", "/a$b", "/a`b", "/a b", "/a\tb", "/a*b", "/a\377b" };
	char *c;
	unsigned i, refused = 0;

	c = bootstrap_command(h, &(struct bootstrap_way){ .as_root = false });
	ok(c && is_plain(c, "sh -c '"), "the script is one word in single quotes");
	ok(c && strstr(c, h->hash) && strstr(c, h->arch), "that knows the helper");
	free(c);
	c = bootstrap_command(
		h, &(struct bootstrap_way){ .as_root = true, .config = "/etc/my.conf" });
	ok(c && is_plain(c, "sudo -n sh -c '"), "root's as well");
	ok(c && !strstr(c, "HOME") && !strstr(c, "/tmp"), "which goes to no place of a user");
	free(c);
	c = bootstrap_command(h, &(struct bootstrap_way){ .path = "/opt/helper" });
	ok(c && is_plain(c, "sh -c '") && strstr(c, "\"/opt/helper\""),
		"and that of a given helper");
	ok(c && !strstr(c, "send"), "which is not sent then");
	free(c);
	c = bootstrap_command(
		h, &(struct bootstrap_way){
			   .as_root = true, .path = "/opt/helper", .config = "/etc/my.conf" });
	ok(c && is_plain(c, "sh -c '"), "also root's");
	ok(c && strstr(c, "exec sudo -n \"$f\" --serve $c") &&
			strstr(c, "sudo") == strstr(c, "sudo -n \"$f\""),
		"for which sudo runs nothing else");
	ok(c && strstr(c, "--config /etc/my.conf"), "with a configuration");
	free(c);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err_clear();
		c = bootstrap_command(h, &(struct bootstrap_way){ .path = bad[i] });
		refused += !c && err_status() == ST_USAGE;
		free(c);
		err_clear();
		c = bootstrap_command(
			h, &(struct bootstrap_way){ .as_root = true, .config = bad[i] });
		refused += !c && err_status() == ST_USAGE;
		free(c);
	}
	is_int(refused, 2 * i, "a path that some shell would read is refused");
}

int main(void)
{
	struct helper_file h = {
		.size = 1500000, .hash = "0123456789abcdef0123456789abcdef", .arch = "x86_64"
	};

	signal(SIGPIPE, SIG_IGN);
	is_int(conns_child(cancelled), 0, "a cancel ends the dialogue");
	h.bytes = malloc(h.size);
	if (!h.bytes)
		abort();
	conns_fill(h.bytes, h.size, 1, false);
	test_ready();
	test_failures();
	test_arch();
	test_noise("noise\n", "endless noise");
	test_noise("noise", "without a line's end");
	test_noise("img-tools/3 \n", "in lines of ours");
	test_send(&h);
	test_timeout();
	test_command(&h);
	helper_file_fini(&h);
	return tap_done();
}
