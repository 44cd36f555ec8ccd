/*
 * progress: the rate is that of the last few samples, so that it follows a link
 * that becomes faster or slower.
 */
#include "lib/cli/progress.h"

#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/base/io.h"
#include "lib/base/log.h"
#include "lib/base/size.h"
#include "lib/base/text.h"

#define WINDOW 16 /* samples that the rate is taken over */
#define LIVE_MS 200
#define LAST_MS 5000 /* that the reader has for the last object */
#define LINE_SIZE 160

static struct {
	enum { OFF, LIVE, JSON } mode;
	pthread_mutex_t lock;
	int64_t shown_ms;
	struct {
		int64_t ms;
		uint64_t done;
	} sample[WINDOW];
	unsigned samples;
	struct wire_progress last; /* as it was last told */
	uint64_t wire, rate;
	char item[64];	      /* "2/5 web.img: ", or "" */
	char line[LINE_SIZE]; /* the live line on the terminal; "" if there is none */
} state = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Drops it if the reader takes nothing for so long. */
static void put_text(const char *s, int wait_ms)
{
	struct pollfd p = { STDERR_FILENO, POLLOUT, 0 };

	if (poll(&p, 1, wait_ms) == 0)
		return;
	if (io_write(STDERR_FILENO, s, strlen(s)) < 0)
		state.mode = OFF; /* nobody reads it */
}

void progress_clear(void)
{
	pthread_mutex_lock(&state.lock);
	if (state.mode == LIVE && state.line[0]) {
		put_text("\r\033[K", 0);
		state.line[0] = '\0';
	}
	pthread_mutex_unlock(&state.lock);
}

/* Adds a sample; returns the bytes per second since the oldest. */
static uint64_t add_sample(int64_t now, uint64_t done)
{
	unsigned n = state.samples < WINDOW ? state.samples : WINDOW;
	unsigned oldest = state.samples < WINDOW ? 0 : state.samples % WINDOW;
	int64_t since = n ? state.sample[oldest].ms : now; /* the first sample has no rate */
	uint64_t from = n ? state.sample[oldest].done : 0;

	state.sample[state.samples % WINDOW].ms = now;
	state.sample[state.samples++ % WINDOW].done = done;
	if (now <= since || done < from)
		return 0;
	return (done - from) * 1000 / (uint64_t)(now - since);
}

/* The seconds that are left; false: unknown. */
static bool time_left(const struct wire_progress *p, uint64_t rate, uint64_t *seconds)
{
	if (!p->total || (!rate && p->done < p->total))
		return false;
	*seconds = p->done < p->total ? p->left / rate : 0;
	return true;
}

static void put_json_line(const char *phase, int wait_ms)
{
	const struct wire_progress *p = &state.last;
	uint64_t seconds;
	char total_text[24] = "null", eta[24] = "null", near[24] = "null", sizes[160] = "";
	char line[LINE_SIZE * 3];

	if (p->total)
		snprintf(total_text, sizeof(total_text), "%" PRIu64, p->total);
	if (time_left(p, state.rate, &seconds))
		snprintf(eta, sizeof(eta), "%" PRIu64, seconds);
	if (p->threshold != UINT64_MAX)
		snprintf(near, sizeof(near), "%" PRIu64, p->threshold);
	if (p->physical)
		snprintf(sizes, sizeof(sizes),
			", \"capacity\": %" PRIu64 ", \"allocation\": %" PRIu64
			", \"physical\": %" PRIu64 ", \"threshold\": %s",
			p->capacity, p->allocation, p->physical, near);
	snprintf(line, sizeof(line),
		"{\"phase\": \"%s\", \"done\": %" PRIu64 ", \"total\": %s, \"rate\": %" PRIu64
		", \"wire\": %" PRIu64 ", \"eta\": %s%s}\n",
		phase, p->done, total_text, state.rate, state.wire, eta, sizes);
	put_text(line, wait_ms);
}

/* How much of the line is shown: a line that wraps could not be redrawn. */
static size_t columns_of_terminal(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col - 1U;
	return LINE_SIZE;
}

/* "1:05" or "2:00:59". */
static const char *time_text(uint64_t seconds, char out[24])
{
	if (seconds >= 3600)
		snprintf(out, 24, "%" PRIu64 ":%02u:%02u", seconds / 3600,
			(unsigned)(seconds / 60 % 60), (unsigned)(seconds % 60));
	else
		snprintf(out, 24, "%u:%02u", (unsigned)(seconds / 60), (unsigned)(seconds % 60));
	return out;
}

/* Shows the line, cut to the terminal's width, but not within a character. */
static void put_line(void)
{
	size_t fit = columns_of_terminal();

	if (fit < strlen(state.line)) {
		while (fit > 0 && (state.line[fit] & 0xc0) == 0x80)
			fit--;
		state.line[fit] = '\0';
	}
	put_text("\r", 0);
	put_text(state.line, 0);
	put_text("\033[K", 0);
}

/* The columns keep their places while the numbers in them change. */
static void put_live_line(
	const char *phase, const struct wire_progress *p, uint64_t wire, uint64_t r)
{
	uint64_t seconds;
	char a[SIZE_HUMAN], b[SIZE_HUMAN], c[SIZE_HUMAN], d[SIZE_HUMAN], e[SIZE_HUMAN];
	char percent[8] = "", time[24];
	char of[SIZE_HUMAN + 8] = "", eta[40] = "", over[2 * SIZE_HUMAN + 24] = "",
			     speed[SIZE_HUMAN + 16] = "";

	if (p->total) {
		snprintf(percent, sizeof(percent), "%3u%%  ",
			(unsigned)((double)p->done * 100 / (double)p->total));
		snprintf(of, sizeof(of), " of %s", size_human(p->total, b));
	}
	if (p->done < p->total && time_left(p, r, &seconds))
		snprintf(eta, sizeof(eta), "  %7s left", time_text(seconds, time));
	if (r || state.samples > 1)
		snprintf(speed, sizeof(speed), "  %8s/s", size_human(r, c));
	if (wire)
		snprintf(over, sizeof(over), "  %8s sent", size_human(wire, d));
	else if (p->physical) /* of the layer that is changed */
		snprintf(over, sizeof(over), "  %8s used of %s", size_human(p->allocation, d),
			size_human(p->physical, e));
	if (snprintf(state.line, sizeof(state.line), "%s%-5s %s%8s%s%s%s%s", state.item, phase,
		    percent, size_human(p->done, a), of, speed, over, eta) < 0)
		return;
	put_line();
}

void progress_item(const char *name, int index, int count)
{
	char safe[32];

	pthread_mutex_lock(&state.lock);
	if (state.mode != JSON) /* which is read by programs, so the images share one limit */
		state.shown_ms = 0;
	state.samples = 0;
	memset(&state.last, 0, sizeof(state.last));
	state.wire = state.rate = 0;
	state.item[0] = '\0';
	if (count > 1)
		snprintf(state.item, sizeof(state.item), "%d/%d %s: ", index, count,
			text_safe(name, safe, sizeof(safe)));
	if (state.mode == LIVE && *name) {
		snprintf(state.line, sizeof(state.line), "%sconnecting", state.item);
		put_line();
	}
	pthread_mutex_unlock(&state.lock);
}

void progress_total(uint64_t total)
{
	pthread_mutex_lock(&state.lock);
	state.last.total = total;
	pthread_mutex_unlock(&state.lock);
}

void progress_begin(const struct cli *c)
{
	bool always = c->progress == CLI_PROGRESS_ALWAYS;

	state.mode = OFF;
	state.shown_ms = 0;
	if (c->progress == CLI_PROGRESS_JSON)
		state.mode = JSON;
	else if (always || (c->progress == CLI_PROGRESS_AUTO && !c->quiet && isatty(STDERR_FILENO)))
		state.mode = LIVE;
	progress_item("", 1, 1);
	if (state.mode == LIVE)
		log_before(progress_clear);
}

bool progress_is_on(void)
{
	return state.mode != OFF;
}

void progress_show(void *arg, const char *phase, const struct wire_progress *p, uint64_t wire)
{
	int64_t now = io_now_ms();

	(void)arg;
	pthread_mutex_lock(&state.lock);
	state.last = *p;
	if (p->total && p->done > p->total)
		state.last.done = p->total;
	state.wire = wire;
	if (state.mode != OFF &&
		now - state.shown_ms >= (state.mode == JSON ? PROGRESS_JSON_MS : LIVE_MS)) {
		state.rate = add_sample(now, p->data);
		state.shown_ms = now;
		if (state.mode == JSON)
			put_json_line(phase, 0);
		else
			put_live_line(phase, &state.last, wire, state.rate);
	}
	pthread_mutex_unlock(&state.lock);
}

void progress_end(bool is_done)
{
	struct wire_progress *p = &state.last;

	log_before(NULL); /* takes the log's lock, which is held when progress_clear() is called */
	progress_clear();
	pthread_mutex_lock(&state.lock);
	if (is_done) {
		p->done = p->total ? p->total : p->done;
		p->left = 0;
	}
	if (state.mode == JSON)
		put_json_line(is_done ? "done" : "failed", LAST_MS);
	state.mode = OFF;
	pthread_mutex_unlock(&state.lock);
}
