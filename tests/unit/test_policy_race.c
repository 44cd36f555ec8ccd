/*
 * policy: another thread swaps names while paths are resolved, by themselves and as places;
 * none may lead outside.
 */
#include <errno.h>
#include <linux/fs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>

#include "lib/base/err.h"
#include "lib/base/io.h"
#include "lib/store/file/file_place.h"
#include "tests/unit/places.h"
#include "tests/unit/scratch.h"
#include "tests/unit/tap.h"

#define TRIES 200000 /* the default of IMG_TRIES, as memcheck is slow */

/* The names of each pair are exchanged, again and again. */
static const char *const pair[][2] = {
	{ "in/dir", "in/link" },   /* a directory and a link to one outside */
	{ "in/file", "in/flink" }, /* a file and a link to one outside */
	{ "in/a/b", "out/b" },	  /* a directory that is moved while a path goes through its ".." */
	{ "in/abs", "in/alink" }, /* a directory and an absolute link */
	{ "in/one", "in/two" },	  /* two files */
};

static const char *const path[] = { "in/dir/f", "in/file", "in/a/b/../../f", "in/abs/f",
	"in/dir/../dir/f", "in/a/b/../../dir/f", "in/one" };

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
	unsigned inside, outside, refused, replaced, absent, again, other;
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
		t->again++; /* gave up: renamed too often */
	else if (err_status() == ST_REFUSED)
		t->refused++;
	else if (err_status() == ST_BUSY)
		t->replaced++; /* by another file, after the place was opened */
	else if (err_status() == ST_ABSENT)
		t->absent++;
	else
		t->other++;
	err_clear();
}

static void count(struct tally *t, int fd)
{
	if (fd >= 0)
		count_fd(t, fd);
	else
		count_error(t);
}

static void try_open(struct tally *t, const struct policy *policy, const char *p)
{
	count(t, policy_open(policy, p, O_RDONLY | O_NONBLOCK));
}

static void try_recorded(struct tally *t, const struct policy *policy, const char *p)
{
	char spelled[600];

	snprintf(spelled, sizeof(spelled), "%s/%s", scratch_dir, p);
	count(t, policy_open_recorded(policy, spelled, O_RDONLY | O_NONBLOCK));
}

/* A place holds the file that its path led to, or the directory in which that has its name. */
static void try_place(struct tally *t, const struct policy *policy, const char *p)
{
	struct place *place = place_open(policy, p);

	count(t, place ? file_place_open(place, O_RDONLY | O_NONBLOCK) : -1);
	place_close(place);
}

static void report(const char *what, const struct tally *t)
{
	printf("# %s: %u inside, %u outside, %u refused, %u replaced, %u absent, %u gave up, "
	       "%u other\n",
		what, t->inside, t->outside, t->refused, t->replaced, t->absent, t->again,
		t->other);
}

static void check(const char *what, const struct tally *t)
{
	report(what, t);
	is_int(t->outside, 0, "none led outside");
	is_int(t->absent + t->other, 0, "no other outcome");
	ok(t->inside > 100, "some led inside");
	ok(t->refused > 100, "some were refused");
}

int main(void)
{
	struct policy limited, user = POLICY_INIT, none = POLICY_INIT;
	struct tally open_tally = { 0 }, place_tally = { 0 }, also_tally = { 0 },
		     recorded_tally = { 0 }, free_tally = { 0 };
	int fds;
	pthread_t thread;
	const char *fewer = getenv("IMG_TRIES");
	unsigned i, tries = fewer ? (unsigned)atoi(fewer) : TRIES;

	scratch_open();
	is_int(scratch_run(
		       "mkdir -p in/dir in/a/b in/abs out/b && printf o >f && printf o >out/f && "
		       "printf i >in/f && printf i >in/dir/f && printf i >in/abs/f && "
		       "printf i >in/file && ln -s ../out in/link && ln -s ../out/f in/flink && "
		       "ln -s $PWD/out in/alink && printf i >in/a/b/f && printf i >in/one && "
		       "printf i >in/two"),
		0, "made");
	limited = places_policy("[storage]\ndirectory = %s/in\n", scratch_dir);
	user.also = &limited; /* as in a helper whose user has no configuration */
	is_int(pthread_create(&thread, NULL, swap, NULL), 0, "a thread that swaps");
	fds = places_descriptors();
	while (atomic_load(&swaps) < 10)
		;
	for (i = 0; i < tries; i++) {
		try_open(&open_tally, &limited, path[i % PATHS]);
		if (i % 4 == 0)
			try_place(&place_tally, &limited, path[i / 4 % PATHS]);
		else if (i % 4 == 1)
			try_open(&also_tally, &user, path[i / 4 % PATHS]);
		else if (i % 4 == 3)
			try_recorded(&recorded_tally, &limited, path[i / 4 % PATHS]);
		else
			try_open(&free_tally, &none, path[i / 4 % PATHS]);
	}
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	printf("# %lu swaps\n", atomic_load(&swaps));
	ok(atomic_load(&swaps) > 1000, "swapped all the time");
	check("opened", &open_tally);
	check("as a place", &place_tally);
	check("by a wider policy", &also_tally);
	check("as a recorded name", &recorded_tally);
	report("without a policy", &free_tally);
	ok(free_tally.outside > 100, "without a policy some led outside");
	is_int(places_descriptors(), fds, "no descriptor is left open");
	policy_fini(&limited);
	scratch_close(tap_failed);
	return tap_done();
}
