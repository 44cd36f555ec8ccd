/* The table of fields: each is in all the forms that it names, and a bad one in none. */
#include <stdlib.h>
#include <string.h>

#include <libxml/parser.h>
#include <libxml/xpath.h>

#include "lib/base/err.h"
#include "lib/cli/record_grid.h"
#include "lib/cli/record_json.h"
#include "lib/cli/record_lines.h"
#include "lib/cli/record_xml.h"
#include "tests/unit/capture.h"
#include "tests/unit/tap.h"

static const unsigned views[] = { VIEW_INFO, VIEW_LIST | VIEW_NAMES, VIEW_LIST | VIEW_PATHS,
	VIEW_HOST, VIEW_DIRECTORY, VIEW_GROUP, VIEW_POOL };
#define VIEWS (sizeof(views) / sizeof(views[0]))

/* A valid value of each type, and an invalid one; NULL: there is none. */
static const struct {
	const char *good, *json, *bad;
	const char *json_item; /* in an object of a list */
} samples[] = {
	[FIELD_TEXT] = { "a text", "\"a text\"", NULL },
	[FIELD_TEXTS] = { "one", "[\"one\"]", NULL, "\"one\"" },
	[FIELD_SIZES] = { "2048", NULL, "9223372036854775808", "2048" },
	[FIELD_BYTES] = { "1536", "1536", "9223372036854775808" },
	[FIELD_NUMBER] = { "7", "7", "-7" },
	[FIELD_FRACTION] = { "0.500000", "0.5", "1.01" },
	[FIELD_BOOL] = { "1", "true", "2" },
	[FIELD_TIME] = { "1700000000.123456789", "\"1700000000.123456789\"", "1700000000.1" },
};

/* Whether no row of the view above has the key. */
static bool is_first_row(const struct field *f, unsigned view)
{
	const struct field *above;
	size_t at = 0;

	while ((above = fields_next(view, &at)) != f)
		if (strcmp(above->key, f->key) == 0)
			return false;
	return true;
}

/* The record of all keys of a view, with a bad value of one field, or of none (NULL). */
static void make_record(struct kv *kv, unsigned view, const struct field *bad)
{
	struct buf bytes = BUF_INIT;
	const struct field *f;
	size_t at = 0;

	if (bad)
		kv_add(&bytes, bad->key, samples[bad->type].bad);
	while ((f = fields_next(view, &at)))
		if (is_first_row(f, view))
			kv_add(&bytes, f->key, samples[f->type].good);
	if (kv_parse(kv, bytes.data, bytes.len) < 0)
		abort();
	buf_fini(&bytes);
}

/*
 * The member "a.b", "a?.b" or "a" of the object, or "a[].b" of the first in its list, as text;
 * "(none)" if it is not there.
 */
static char *member(const json_t *o, const char *name)
{
	char part[64];
	size_t len;

	while (o && strchr(name, '.')) {
		len = strcspn(name, "?.[");
		snprintf(part, sizeof(part), "%.*s", (int)len, name);
		o = json_object_get(o, part);
		if (name[len] == '[')
			o = json_array_get(o, 0);
		name = strchr(name, '.') + 1;
	}
	o = json_object_get(o, name);
	return o ? json_dumps(o, JSON_ENCODE_ANY | JSON_COMPACT) : strdup("(none)");
}

/* Whether the object has the member with which the name begins. */
static bool has_first(const json_t *o, const char *name)
{
	char part[64];

	snprintf(part, sizeof(part), "%.*s", (int)strcspn(name, "?.["), name);
	return json_object_get(o, part) != NULL;
}

static void test_json(unsigned view)
{
	json_t *array = json_array(), *empty = json_object();
	struct kv kv, none = KV_INIT;
	const struct field *f;
	size_t at = 0;
	char *got;

	make_record(&kv, view, NULL);
	is_int(record_json_append(array, &kv, view), 0, "a full record as an element of an array");
	is_int(record_json(empty, &none, view), 0, "an empty one as an object");
	while ((f = fields_next(view, &at))) {
		if (!f->json)
			continue;
		if (strstr(f->json, "[]."))
			ok(!has_first(empty, f->json), "a list without values does not exist");
		else
			ok(has_first(empty, f->json), "an empty record has the member");
		got = member(json_array_get(array, 0), f->json);
		is_str(got,
			strstr(f->json, "[].") ? samples[f->type].json_item : samples[f->type].json,
			f->json);
		free(got);
	}
	json_decref(array);
	json_decref(empty);
	kv_fini(&kv);
}

/* The XPath of what a field becomes below the root. */
static void xpath_of(const struct field *f, char *path, size_t size)
{
	const char *at = strchr(f->xml, '@');
	size_t len = strlen(f->xml);

	if (at)
		snprintf(path, size, "/record%s%.*s[@%s]", at == f->xml ? "" : "/",
			(int)(at - f->xml), f->xml, at + 1);
	else
		snprintf(path, size, "/record/%s%s", f->xml,
			f->xml[len - 1] == '/' ? samples[f->type].good : "");
}

static void test_xml(unsigned view)
{
	xmlXPathContext *context;
	xmlXPathObject *found;
	const struct field *f;
	char path[128];
	xmlDoc *doc;
	struct kv kv;
	struct xml x;
	size_t at = 0;

	make_record(&kv, view, NULL);
	if (xml_begin(&x) < 0)
		abort();
	is_int(record_xml(&x, "record", &kv, view), 0, "a full record as XML");
	capture_begin();
	xml_end(&x);
	capture_end();
	doc = xmlReadMemory(capture_text, (int)capture_len, NULL, NULL, XML_PARSE_NONET);
	context = xmlXPathNewContext(doc);
	while ((f = fields_next(view, &at))) {
		if (!f->xml)
			continue;
		xpath_of(f, path, sizeof(path));
		found = xmlXPathEvalExpression((const xmlChar *)path, context);
		ok(found && found->nodesetval && found->nodesetval->nodeNr == 1, path);
		xmlXPathFreeObject(found);
	}
	xmlXPathFreeContext(context);
	xmlFreeDoc(doc);
	kv_fini(&kv);
}

static void test_lines(unsigned view)
{
	const struct field *f;
	char begin[64];
	struct table t;
	struct kv kv;
	size_t at = 0;

	make_record(&kv, view, NULL);
	table_init(&t);
	table_rowf(&t, "first", "line");
	is_int(record_lines(&t, &kv, view), 0, "a full record as lines");
	capture_begin();
	table_print(&t);
	capture_end();
	while ((f = fields_next(view, &at))) {
		if (!f->line)
			continue;
		snprintf(begin, sizeof(begin), "\n%s ", f->line);
		ok(strstr(capture_text, begin) != NULL, f->line);
	}
	table_fini(&t);
	kv_fini(&kv);
}

static void test_columns(unsigned view)
{
	const struct field *f, *last = NULL;
	unsigned columns = 0;
	struct grid g;
	struct kv kv;
	size_t at = 0;

	make_record(&kv, view, NULL);
	record_grid_head(&g, view);
	is_int(record_grid_row(&g, &kv, view), 0, "a full record as a row");
	is_int(g.count, 2 * g.columns, "with a cell for each heading");
	capture_begin();
	grid_print(&g);
	capture_end();
	while ((f = fields_next(view, &at))) {
		if (!f->column)
			continue;
		columns++;
		ok(strstr(capture_text, f->column) != NULL, f->column);
		if (!last && f->type == FIELD_TEXT)
			last = f;
	}
	is_int(columns, g.columns, "each column has space");
	if (last) {
		*strchr(capture_text, '\n') = '\0';
		is_str(strrchr(capture_text, ' ') + 1, last->column, "the name comes last");
	}
	grid_fini(&g);
	kv_fini(&kv);
}

/* In the forms of the view; how many of them refuse it as the peer's fault. */
static int refusals(const struct kv *kv, unsigned view)
{
	json_t *array = json_array();
	struct table t;
	struct grid g;
	struct xml x;
	int refused = 0;

	err_clear();
	refused += record_json_append(array, kv, view) < 0 && err_status() == ST_PEER &&
		   json_array_size(array) == 0;
	err_clear();
	table_init(&t);
	refused += record_lines(&t, kv, view) < 0 && err_status() == ST_PEER && !t.text.len;
	err_clear();
	record_grid_head(&g, view);
	refused += record_grid_row(&g, kv, view) < 0 && err_status() == ST_PEER &&
		   g.count == g.columns;
	err_clear();
	if (xml_begin(&x) < 0)
		abort();
	refused += record_xml(&x, "record", kv, view) < 0 && err_status() == ST_PEER;
	xml_drop(&x);
	grid_fini(&g);
	table_fini(&t);
	json_decref(array);
	return refused;
}

static void test_hostile(unsigned view)
{
	const struct field *f;
	struct kv kv;
	size_t at = 0;

	while ((f = fields_next(view, &at))) {
		if (!samples[f->type].bad)
			continue;
		make_record(&kv, view, f);
		is_int(refusals(&kv, view), 4, f->key);
		kv_fini(&kv);
	}
}

/* What is no time and no fraction. */
static void test_values(void)
{
	static const char *const bad[] = { "mtime=", "mtime=1", "mtime=1.", "mtime=1.12345678",
		"mtime=1.1234567890", "mtime=.123456789", "mtime=1.12345678x", "mtime=+1.123456789",
		"snapshot.used=", "snapshot.used=nan", "snapshot.used=-0.1", "snapshot.used=0.5x" };
	static const char *const good[] = { "mtime=0.000000000", "mtime=-1.500000000",
		"snapshot.used=0", "snapshot.used=1.000000", "unknown=\377" };
	struct kv kv;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (kv_parse(&kv, bad[i], strlen(bad[i]) + 1) < 0)
			abort();
		is_int(fields_check(VIEW_INFO, &kv), -1, bad[i]);
		kv_fini(&kv);
	}
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (kv_parse(&kv, good[i], strlen(good[i]) + 1) < 0)
			abort();
		is_int(fields_check(VIEW_INFO, &kv), 0, good[i]);
		kv_fini(&kv);
	}
}

static bool is_same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

/* No form shows a value twice. */
static void test_once(unsigned view)
{
	const struct field *f, *other;
	size_t at = 0, next;

	while ((f = fields_next(view, &at)))
		for (next = at; (other = fields_next(view, &next));)
			if (is_same(f->key, other->key)) {
				ok(!is_same(f->json, other->json), "one member");
				ok(!is_same(f->line, other->line), "one line");
				ok(!is_same(f->column, other->column), "one column");
			}
}

/* Adds a row of this column alone to a grid of two, and "name". */
static void add_two_cells(struct grid *g, const char *rare)
{
	grid_cell(g, rare);
	grid_cell(g, "name");
}

static const char *print_grid(struct grid *g)
{
	capture_begin();
	grid_print(g);
	return capture_end();
}

static void begin_rare(struct grid *g)
{
	grid_init(g, 2);
	g->rare[0] = true;
	add_two_cells(g, "RARE");
}

/* A rare column is left out if nothing is in it, and it is known that nothing will be. */
static void test_rare_column(void)
{
	struct grid g;

	begin_rare(&g);
	add_two_cells(&g, "");
	is_str(print_grid(&g), "name\nname\n", "a column with nothing");
	grid_fini(&g);
	begin_rare(&g);
	add_two_cells(&g, NULL);
	add_two_cells(&g, "x");
	is_str(print_grid(&g), "RARE  name\n-     name\nx     name\n", "with something");
	grid_fini(&g);
	begin_rare(&g);
	while (!grid_is_full(&g))
		add_two_cells(&g, "");
	ok(strncmp(print_grid(&g), "RARE  name\n-     name\n", 22) == 0, "a piece of a table");
	add_two_cells(&g, "x");
	is_str(print_grid(&g), "x     name\n", "and what follows");
	grid_fini(&g);
}

int main(void)
{
	size_t i;

	for (i = 0; i < VIEWS; i++) {
		test_once(views[i]);
		test_json(views[i]);
		test_xml(views[i]);
		test_lines(views[i]);
		test_columns(views[i]);
		test_hostile(views[i]);
	}
	test_values();
	test_rare_column();
	free(capture_text);
	xmlCleanupParser();
	return tap_done();
}
