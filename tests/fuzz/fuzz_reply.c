/*
 * Arbitrary bytes as a record or reply of a peer: shown in every form and view, and
 * taken as what the two helpers of a copy answer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/parser.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/cli/chain_xml.h"
#include "lib/cli/record_grid.h"
#include "lib/cli/record_json.h"
#include "lib/cli/record_lines.h"
#include "lib/cli/record_xml.h"
#include "lib/job/copy_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
	if (!good)
		abort();
}

static FILE *was;
static char *text;
static size_t text_len;

static void begin(void)
{
	was = stdout;
	stdout = open_memstream(&text, &text_len);
	check(stdout != NULL);
}

static void end(void)
{
	fclose(stdout);
	stdout = was;
}

/* Whether making the lines safe for a terminal would change nothing. */
static void check_safe(char *s)
{
	char *line, *safe, *save;

	for (line = strtok_r(s, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		safe = text_safe_dup(line);
		check(safe && strcmp(safe, line) == 0);
		free(safe);
	}
}

/* What each command that shows records asks of the table of fields. */
static const unsigned all_views[] = { VIEW_INFO, VIEW_LIST | VIEW_NAMES, VIEW_LIST | VIEW_PATHS,
	VIEW_HOST, VIEW_DIRECTORY, VIEW_GROUP, VIEW_POOL };

/* A record is shown in every form or, if it is invalid, in none. */
static void check_result(int r, const struct kv *kv, unsigned views)
{
	check(r == 0 || err_status() == ST_PEER);
	check(r == fields_check(views, kv));
}

static void as_json(const struct kv *kv, unsigned views)
{
	json_t *array = json_array(), *back;
	char *dump;
	int r = record_json_append(array, kv, views);

	check_result(r, kv, views);
	check(json_array_size(array) == (r == 0));
	dump = json_dumps(array, JSON_COMPACT);
	check(dump != NULL);
	back = json_loads(dump, 0, NULL);
	check(back && json_equal(array, back));
	json_decref(back);
	json_decref(array);
	free(dump);
}

static void as_lines(const struct kv *kv, unsigned views)
{
	struct table t;

	table_init(&t);
	check_result(record_lines(&t, kv, views), kv, views);
	begin();
	check(table_print(&t) == 0);
	end();
	check_safe(text);
	free(text);
	table_fini(&t);
}

static void as_row(const struct kv *kv, unsigned views)
{
	struct grid g;

	record_grid_head(&g, views);
	check_result(record_grid_row(&g, kv, views), kv, views);
	begin();
	check(grid_print(&g) == 0);
	end();
	check_safe(text);
	free(text);
	grid_fini(&g);
}

/* Well-formed, with the root element that was asked for. */
static void as_xml(const struct kv *kv, unsigned views)
{
	const char *root = views == VIEW_INFO ? "volume" : "record";
	struct xml x;
	xmlDoc *doc;
	int r;

	check(xml_begin(&x) == 0);
	r = views == VIEW_INFO ? chain_xml_entry(&x, kv) : record_xml(&x, root, kv, views);
	check_result(r, kv, views);
	if (r < 0) {
		xml_drop(&x);
		return;
	}
	begin();
	check(xml_end(&x) == 0);
	end();
	doc = xmlReadMemory(text, (int)text_len, NULL, NULL,
		XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NONET);
	check(doc && xmlDocGetRootElement(doc));
	check(strcmp((const char *)xmlDocGetRootElement(doc)->name, root) == 0);
	xmlFreeDoc(doc);
	free(text);
}

static void drop(enum log_level level, const char *line, void *arg)
{
	(void)level;
	(void)line;
	(void)arg;
}

static void as_answers(const struct location *loc, const struct kv *kv)
{
	struct transfer t = { .from = *loc, .to = *loc };
	struct transfer_result res;

	memset(&res, 0, sizeof(res));
	log_route(drop, NULL);
	check(copy_answer_source(&t, kv, &res) == 0 || err_status() == ST_PEER);
	check(copy_answer_target(kv, &res) == 0 || err_status() == ST_PEER);
	if (copy_answer_counts(kv, &res) == 0)
		check(strlen(res.digest) == HASH_HEX - 1);
	else
		check(err_status() == ST_PEER);
	check(copy_answer_blocks(&t, kv, &res) == 0 || err_status() == ST_PEER);
	log_route(NULL, NULL);
	free(res.target);
	free(res.snapshot);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct location loc;
	struct kv kv;
	size_t i;

	err_clear();
	if (kv_parse(&kv, data, size) < 0)
		return 0;
	check(location_parse(&loc, "host:/x") == 0);
	for (i = 0; i < sizeof(all_views) / sizeof(all_views[0]); i++) {
		as_json(&kv, all_views[i]);
		as_lines(&kv, all_views[i]);
		as_row(&kv, all_views[i]);
		as_xml(&kv, all_views[i]);
	}
	as_answers(&loc, &kv);
	location_fini(&loc);
	kv_fini(&kv);
	return 0;
}
