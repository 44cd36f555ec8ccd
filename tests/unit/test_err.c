/* The error record: mapping of errno, truncation, wrapping, threads. */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "lib/base/err.h"
#include "tests/unit/tap.h"

static void test_set(void)
{
	err_clear();
	is_int(err_status(), ST_OK, "nothing is recorded at first");
	is_str(err_text(), "", "an empty text at first");
	errno = EINTR;
	is_int(err_set(ST_BUSY, "open '%s': in use", "a"), -1, "err_set returns -1");
	is_int(errno, EINTR, "err_set keeps errno");
	is_int(err_status(), ST_BUSY, "the status is kept");
	is_int(err_errno(), 0, "err_set() records no errno");
	is_str(err_text(), "open 'a': in use", "the text is kept");
	err_set(ST_FAILED, "again: %s", err_text());
	is_str(err_text(), "again: open 'a': in use", "the recorded text may be an argument");
}

static void test_sys(void)
{
	errno = ENOSPC;
	is_int(err_sys("write '%s'", "x"), -1, "err_sys returns -1");
	is_int(err_status(), ST_NOROOM, "ENOSPC is ST_NOROOM");
	is_int(err_errno(), ENOSPC, "the errno is kept");
	is_str(err_text(), "write 'x': No space left on device", "text and reason");
	is_int(err_wrap("copy"), -1, "err_wrap returns -1");
	is_str(err_text(), "copy: write 'x': No space left on device", "wrapped");
	is_int(err_status(), ST_NOROOM, "wrapping keeps the status");
	is_int(err_errno(), ENOSPC, "wrapping keeps the errno");
}

static void test_mapping(void)
{
	static const struct {
		int sys;
		enum status want;
	} row[] = {
		{ 0, ST_FAILED },
		{ EIO, ST_FAILED },
		{ ENOENT, ST_ABSENT },
		{ ENOTDIR, ST_ABSENT },
		{ EACCES, ST_REFUSED },
		{ EPERM, ST_REFUSED },
		{ ELOOP, ST_REFUSED },
		{ EROFS, ST_REFUSED },
		{ EXDEV, ST_REFUSED },
		{ EISDIR, ST_REFUSED },
		{ EEXIST, ST_EXISTS },
		{ ENOTEMPTY, ST_EXISTS },
		{ EBUSY, ST_BUSY },
		{ ETXTBSY, ST_BUSY },
		{ ENOSPC, ST_NOROOM },
		{ EDQUOT, ST_NOROOM },
		{ ECONNRESET, ST_PEER },
		{ ECONNREFUSED, ST_PEER },
		{ ENOTCONN, ST_PEER },
		{ ECONNABORTED, ST_PEER },
		{ EPIPE, ST_FAILED },
	};
	size_t i;
	int wrong = 0;

	for (i = 0; i < sizeof(row) / sizeof(*row); i++)
		if (err_status_of(row[i].sys) != row[i].want) {
			printf("# %s\n", strerror(row[i].sys));
			wrong++;
		}
	is_int(wrong, 0, "every errno stands for its status");
}

static void test_cut(void)
{
	char name[3 * ERR_TEXT_MAX];
	size_t len;

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	err_set(ST_FAILED, "%s", name);
	is_int(strlen(err_text()), ERR_TEXT_MAX - 1, "a long text is truncated");
	errno = EIO;
	err_sys("open '%s'", name);
	len = strlen(err_text());
	ok(len < ERR_TEXT_MAX, "a long text with a reason fits");
	is_str(err_text() + len - strlen(": Input/output error"), ": Input/output error",
		"the reason survives the truncation");
	err_set(ST_FAILED, "why");
	err_wrap("%s", name);
	is_str(err_text() + strlen(err_text()) - 5, ": why", "a long prefix leaves the text");
	err_set(ST_FAILED, "%s", name);
	err_wrap("HOST:PATH");
	ok(strncmp(err_text(), "HOST:PATH: nnn", 14) == 0, "a long text leaves the prefix");
}

static void *other_thread(void *arg)
{
	struct err *out = arg;

	err_set(ST_CORRUPT, "there");
	err_take(out);
	return err_status() == ST_OK ? arg : NULL;
}

static void test_threads(void)
{
	struct err taken;
	void *cleared = NULL;
	pthread_t t;

	err_set(ST_USAGE, "here");
	if (!ok(pthread_create(&t, NULL, other_thread, &taken) == 0, "a thread starts"))
		return;
	pthread_join(t, &cleared);
	ok(cleared == &taken, "err_take clears the record");
	is_str(err_text(), "here", "a record belongs to its thread");
	err_put(&taken);
	is_str(err_text(), "there", "err_put brings it over");
	is_int(err_status(), ST_CORRUPT, "with its status");
	err_clear();
	is_int(err_status(), ST_OK, "err_clear clears the status");
	is_str(err_text(), "", "and the text");
}

int main(void)
{
	test_set();
	test_sys();
	test_mapping();
	test_cut();
	test_threads();
	return tap_done();
}
