/*
 * Arbitrary bytes as all that the process behind a QMP socket sends: the greeting, replies and
 * events.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/base/text.h"
#include "lib/host/guest_watch.h"
#include "lib/host/qmp_block.h"
#include "lib/host/qmp_job.h"
#include "lib/host/qmp_node.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char dir[64] = "/tmp/img-fuzz.XXXXXX", path[80];
static int listener = -1;
static const uint8_t *input;
static size_t input_len;

static void fuzz_check(bool good)
{
	if (!good)
		abort();
}

static void clean_up(void)
{
	unlink(path);
	rmdir(dir);
}

static void begin_once(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (listener >= 0)
		return;
	fuzz_check(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/qmp", dir);
	atexit(clean_up);
	memcpy(address.sun_path, path, strlen(path) + 1);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	fuzz_check(listener >= 0 &&
		   bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0 &&
		   listen(listener, 1) == 0);
}

/* Sends the input and then nothing, so that the client never waits for more. */
static void *serve(void *arg)
{
	int fd = accept(listener, NULL, NULL);
	char sink[4096];
	size_t at = 0;
	ssize_t n = 1;

	(void)arg;
	fuzz_check(fd >= 0);
	for (; at < input_len && n > 0; at += (size_t)n)
		n = send(fd, input + at, input_len - at, MSG_NOSIGNAL);
	shutdown(fd, SHUT_WR);
	while (read(fd, sink, sizeof(sink)) > 0)
		;
	close(fd);
	return NULL;
}

static void check_error(void)
{
	char *safe = text_safe_dup(err_text());

	fuzz_check(err_status() == ST_FAILED || err_status() == ST_BUSY);
	fuzz_check(safe && strcmp(safe, err_text()) == 0);
	free(safe);
}

static void check_job(struct qmp *q)
{
	struct qmp_job job;
	char *safe;
	int found;

	if (qmp_job_can_mask_protocol(q) < 0)
		check_error();
	found = qmp_job_find(q, "j", &job);
	if (found < 0)
		check_error();
	if (found <= 0)
		return;
	safe = text_safe_dup(job.error);
	fuzz_check(job.done <= job.total && safe && strcmp(safe, job.error) == 0);
	free(safe);
}

static void check_nodes(struct qmp *q)
{
	json_t *list = qmp_node_list(q);
	const char *above;

	if (!list)
		check_error();
	if (list && qmp_node_above(list, "p", &above) > 0)
		fuzz_check(above && qmp_node_end(list, above) <= INT64_MAX);
	json_decref(list);
}

static bool fuzz_has_space(void *arg, const struct stat *st)
{
	(void)arg;
	(void)st;
	return true;
}

/* As img-watch asks. */
static void watch(void)
{
	static const struct policy anything = POLICY_INIT;
	struct guest_watch g = { .policy = &anything, .socket = path };
	int n = 0;

	if (guest_watch_open(&g) < 0)
		check_error();
	while (n++ < 4 && guest_watch_take(&g) >= 0 && guest_watch_look(&g) == 0)
		if (g.live.count)
			guest_watch_set(&g, &g.live.disk[0], 4096);
	guest_watch_resume(&g, fuzz_has_space, NULL);
	guest_watch_close(&g);
}

static void use(struct qmp *q)
{
	static const struct policy anything = POLICY_INIT;
	struct live live = LIVE_INIT;
	json_t *event;
	size_t i;
	int n = 0;

	if (qmp_block_list(q, &anything, &live) < 0)
		check_error();
	for (i = 0; i < live.count; i++)
		fuzz_check(live.disk[i].node && live_find(&live, &live.disk[i].st));
	live_fini(&live);
	if (qmp_has_argument(q, "block-commit", "x") < 0)
		check_error();
	check_job(q);
	check_nodes(q);
	while (n <= QMP_EVENTS_MAX && qmp_event(q, NULL, -1, &event) == 1) {
		fuzz_check(json_is_string(json_object_get(event, "event")));
		json_decref(event);
		n++;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct policy anything = POLICY_INIT;
	pthread_t thread;
	struct qmp *q;

	begin_once();
	input = data;
	input_len = size;
	fuzz_check(pthread_create(&thread, NULL, serve, NULL) == 0);
	err_clear();
	watch();
	pthread_join(thread, NULL);
	fuzz_check(pthread_create(&thread, NULL, serve, NULL) == 0);
	err_clear();
	q = qmp_open(&anything, path, 0);
	if (q)
		use(q);
	else
		check_error();
	qmp_close(q);
	pthread_join(thread, NULL);
	return 0;
}
