/*
 * verify_pair: each host reads its image; only the digests are compared here.
 */
#include "lib/cli/verify_pair.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/cli/json.h"
#include "lib/cli/progress.h"

static bool has_format(const struct verify_side *s, const char *name)
{
	const char *format = kv_get(&s->found, "format");

	return format && strcmp(format, name) == 0;
}

static bool is_archive(const struct verify_side *s)
{
	return kv_get(&s->found, "compression") != NULL;
}

static bool is_qcow2(const struct verify_side *s)
{
	return has_format(s, "qcow2");
}

/* Refuses what could only be compared as bytes that can never be equal.  0, or -1 recorded. */
static int check_comparable(const struct verify_side *s, const struct verify_side *other)
{
	const char *format = kv_get(&other->found, "format");

	/* Without a format it is damaged, which the digest's request will tell. */
	if (!is_qcow2(s) || is_qcow2(other) || !format)
		return 0;
	if (is_archive(s))
		return err_set(ST_REFUSED,
			"%s: is an archive of a qcow2 image, whose layers cannot be read (see "
			"img-unarchive, and --as-is)",
			s->loc.text);
	if (!has_format(other, "raw"))
		return err_set(ST_REFUSED,
			"%s: is a %s image, whose content cannot be compared with that of a "
			"qcow2 image (see --as-is)",
			other->loc.text, format);
	return 0;
}

/*
 * Learns what both are, before one of them is read for hours, and decides what is compared.  0, or
 * -1 recorded.
 */
static int choose_content(struct verify_side *a, struct verify_side *b, struct verify_want *w)
{
	if (verify_side_ask_format(a) < 0 || verify_side_ask_format(b) < 0 ||
		verify_side_get_format(a) < 0 || verify_side_get_format(b) < 0)
		return -1;
	if (w->as_is)
		return 0;
	if (check_comparable(a, b) < 0 || check_comparable(b, a) < 0)
		return -1;
	w->flatten = (is_qcow2(a) || is_qcow2(b)) && !(is_qcow2(a) && is_archive(a)) &&
		     !(is_qcow2(b) && is_archive(b));
	if (is_qcow2(a) && is_qcow2(b) && !w->flatten)
		log_note(
			"the qcow2 images are compared as files, not as what a guest sees, because "
			"%s is an archive",
			is_archive(a) ? a->loc.text : b->loc.text);
	return 0;
}

static int compare_contents(
	const struct cli *c, const struct verify_side *a, const struct verify_side *b)
{
	bool equal = hash_equal(&a->content, &b->content);
	json_t *o;

	if (c->json) {
		o = json_object();
		json_set_text(o, "location", a->loc.text);
		json_set_text(o, "location2", b->loc.text);
		json_object_set_new(o, "equal", json_boolean(equal));
		json_object_set_new(o, "capacity", json_integer((json_int_t)a->capacity));
		json_object_set_new(o, "capacity2", json_integer((json_int_t)b->capacity));
		if (json_print(o) < 0)
			return -1;
	}
	if (!equal)
		return err_set(ST_CORRUPT, "%s and %s: contents differ", a->loc.text, b->loc.text);
	if (a->capacity != b->capacity)
		log_note("%s is longer than %s, but only by zeros",
			a->capacity > b->capacity ? a->loc.text : b->loc.text,
			a->capacity > b->capacity ? b->loc.text : a->loc.text);
	return 0;
}

/* What the two threads that wait for the digests share. */
struct waiting {
	struct verify_side *side[2];
	struct err why; /* of the first failure */
	atomic_bool has_failed;
};

/* Waits for one.  If it fails, the other is given up: it may have to be read for hours yet. */
static void wait_for_digest(struct waiting *w, int i)
{
	if (verify_side_get_digest(w->side[i]) == 0 || atomic_exchange(&w->has_failed, true))
		return;
	err_take(&w->why);
	conn_stop(peer_conn(w->side[!i]->peer));
}

static void *wait_for_second(void *arg)
{
	wait_for_digest(arg, 1);
	err_clear();
	return NULL;
}

static int get_digests(struct verify_side *a, struct verify_side *b)
{
	struct waiting w = { .side = { a, b }, .why = { .status = ST_OK } };
	pthread_t second;

	if (pthread_create(&second, NULL, wait_for_second, &w) != 0)
		return err_set(ST_FAILED, "cannot start a thread");
	wait_for_digest(&w, 0);
	pthread_join(second, NULL);
	err_clear();
	if (!w.has_failed)
		return 0;
	err_put(&w.why);
	return -1;
}

int verify_pair(struct cli *c, const struct verify_want *w)
{
	struct verify_want want = { .live = w->live, .as_is = w->as_is };
	struct verify_side a, b;
	int r;

	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	progress_begin(c);
	progress_item(c->args[0], 1, 1);
	r = verify_side_parse(&a, c->args[0]);
	if (r == 0)
		r = verify_side_parse(&b, c->args[1]);
	if (r == 0)
		r = verify_side_open(&a, c, progress_is_on());
	if (r == 0)
		r = verify_side_open(&b, c, false);
	if (r == 0)
		r = choose_content(&a, &b, &want);
	if (r == 0)
		r = verify_side_ask_digest(&a, &want);
	if (r == 0)
		r = verify_side_ask_digest(&b, &want);
	if (r == 0)
		r = get_digests(&a, &b);
	if (r == 0)
		progress_total(a.capacity);
	progress_clear();
	if (r == 0)
		r = compare_contents(c, &a, &b);
	progress_end(r == 0);
	verify_side_fini(&a);
	verify_side_fini(&b);
	return r;
}
