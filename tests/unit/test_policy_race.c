/* limits: another thread swaps names while paths are resolved; none may lead outside. */
#include <errno.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/store/place.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

#define TRIES 200000 /* the default of IMG_TRIES, as memcheck is slow */

/* The names of each pair are exchanged, again and again. */
static const char *const pair[][2] = {
	{ "in/dir", "in/link" },   /* a directory and a link to one outside */
	{ "in/file", "in/flink" }, /* a file and a link to one outside */
	{ "in/a/b", "out/b" },	  /* a directory that is moved while a path goes through its ".." */
	{ "in/abs", "in/alink" }, /* a directory and an absolute link */
};

static const char *const path[] = { "in/dir/f", "in/file", "in/a/b/../../f", "in/abs/f",
	"in/dir/../dir/f", "in/a/b/../../dir/f" };

#define PAIRS (sizeof(pair) / sizeof(pair[0]))
#define PATHS (sizeof(path) / sizeof(path[0]))

static atomic_bool stop;
static atomic_ulong swaps;

static void *swap(void *arg)
{
	size_t i;

	(void)arg;
	for (i = 0; !atomic_load(&stop); i = (i + 1) % PAIRS) {
		if (syscall(SYS_renameat2, AT_FDCWD, pair[i][0], AT_FDCWD, pair[i][1],
			    RENAME_EXCHANGE) < 0) {
			perror("# renameat2");
			break;
		}
		atomic_fetch_add(&swaps, 1);
	}
	return NULL;
}

/* The results of the tries. */
struct tally {
	unsigned inside, outside, refused, absent, again, other;
};

/* The only byte of a file tells where it is: 'i' inside, 'o' outside. */
static void count_fd(struct tally *t, int fd)
{
	char b = '?';

	if (io_read(fd, &b, 1) != 1)
		b = '?';
	close(fd);
	if (b == 'i')
		t->inside++;
	else if (b == 'o')
		t->outside++;
	else
		t->other++;
}

static void count_error(struct tally *t)
{
	if (err_errno() == EAGAIN)
		t->again++; /* refused: renamed too often */
	else if (err_status() == ST_REFUSED)
		t->refused++;
	else if (err_status() == ST_ABSENT)
		t->absent++;
	else
		t->other++;
	err_clear();
}

static void try_open(struct tally *t, const struct policy *l, const char *p)
{
	int fd = policy_open(l, p, O_RDONLY | O_NONBLOCK);

	if (fd >= 0)
		count_fd(t, fd);
	else
		count_error(t);
}

/* A place has a descriptor of the directory; a link at the name is not followed. */
static void try_place(struct tally *t, const struct policy *l, const char *p)
{
	struct place place;
	int fd;

	if (place_open(&place, l, p) < 0) {
		count_error(t);
		return;
	}
	fd = openat(place.dir, place.name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		count_fd(t, fd);
	else if (errno == ELOOP)
		t->refused++;
	else
		t->absent++;
	place_close(&place);
}

static void report(const char *what, const struct tally *t)
{
	printf("# %s: %u inside, %u outside, %u refused, %u absent, %u gave up, %u other\n", what,
		t->inside, t->outside, t->refused, t->absent, t->again, t->other);
}

static void check(const char *what, const struct tally *t)
{
	report(what, t);
	is_int(t->outside, 0, "none led outside");
	is_int(t->absent + t->other, 0, "no other outcome");
	ok(t->inside > 100, "some led inside");
	ok(t->refused > 100, "some were refused");
}

static struct policy limits_of(const char *dir)
{
	struct policy l = POLICY_INIT;
	struct config c = CONFIG_INIT;
	char text[600];

	snprintf(text, sizeof(text), "[storage]\ndirectory = %s/%s\n", scratch_dir, dir);
	if (config_parse(&c, "test", text, strlen(text)) < 0 || policy_init(&l, &c, "test") < 0) {
		printf("# %s\n", err_text());
		exit(99);
	}
	config_fini(&c);
	return l;
}

int main(void)
{
	struct policy limited, user = POLICY_INIT, none = POLICY_INIT;
	struct tally open_tally = { 0 }, place_tally = { 0 }, also_tally = { 0 },
		     free_tally = { 0 };
	pthread_t thread;
	const char *fewer = getenv("IMG_TRIES");
	unsigned i, tries = fewer ? (unsigned)atoi(fewer) : TRIES;

	scratch_open();
	is_int(scratch_run(
		       "mkdir -p in/dir in/a/b in/abs out/b && printf o >f && printf o >out/f && "
		       "printf i >in/f && printf i >in/dir/f && printf i >in/abs/f && "
		       "printf i >in/file && ln -s ../out in/link && ln -s ../out/f in/flink && "
		       "ln -s $PWD/out in/alink && printf i >in/a/b/f"),
		0, "made");
	limited = limits_of("in");
	user.also = &limited; /* as in a helper whose user has no configuration */
	is_int(pthread_create(&thread, NULL, swap, NULL), 0, "a thread that swaps");
	while (atomic_load(&swaps) < 10)
		;
	for (i = 0; i < tries; i++) {
		try_open(&open_tally, &limited, path[i % PATHS]);
		if (i % 4 == 0)
			try_place(&place_tally, &limited, path[i / 4 % PATHS]);
		else if (i % 4 == 1)
			try_open(&also_tally, &user, path[i / 4 % PATHS]);
		else if (i % 4 == 2)
			try_open(&free_tally, &none, path[i / 4 % PATHS]);
	}
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	printf("# %lu swaps\n", atomic_load(&swaps));
	ok(atomic_load(&swaps) > 1000, "swapped all the time");
	check("opened", &open_tally);
	check("as a place", &place_tally);
	check("by a wider limit", &also_tally);
	report("without limits", &free_tally);
	ok(free_tally.outside > 100, "without limits it does lead outside");
	policy_fini(&limited);
	scratch_close(tap_failed);
	return tap_done();
}
