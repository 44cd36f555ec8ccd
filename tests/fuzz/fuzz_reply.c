/*
 * Arbitrary bytes as a record or reply of a peer: shown as JSON, as a table and
 * as XML, and read as the two sides' words in a transfer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxml/parser.h>

#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/cli/info_show.h"
#include "lib/cli/xml.h"
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

/* Whether each line is what it would be if it were made safe. */
static void check_safe(char *s)
{
	char *line, *safe, *save;

	for (line = strtok_r(s, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		safe = text_safe_dup(line);
		check(safe && strcmp(safe, line) == 0);
		free(safe);
	}
}

static void as_json(const struct location *loc, const struct kv *kv)
{
	json_t *o = info_show_json(loc, kv), *back;
	char *dump;

	if (!o) {
		check(err_status() == ST_PEER);
		return;
	}
	dump = json_dumps(o, JSON_COMPACT);
	check(dump != NULL);
	back = json_loads(dump, 0, NULL);
	check(back && json_equal(o, back));
	json_decref(back);
	json_decref(o);
	free(dump);
}

static void as_table(const struct location *loc, const struct kv *kv)
{
	int r;

	begin();
	r = info_show_table(loc, kv);
	end();
	check(r == 0 || err_status() == ST_PEER);
	check_safe(text);
	free(text);
}

/* Well-formed, and with no element that is not ours. */
static void as_xml(const struct kv *kv)
{
	struct xml x;
	xmlDoc *doc;

	check(xml_begin(&x) == 0);
	xml_volume(&x, kv);
	begin();
	check(xml_end(&x) == 0);
	end();
	doc = xmlReadMemory(text, (int)text_len, NULL, NULL,
		XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NONET);
	check(doc && xmlDocGetRootElement(doc));
	check(strcmp((const char *)xmlDocGetRootElement(doc)->name, "volume") == 0);
	xmlFreeDoc(doc);
	free(text);
}

static void drop(enum log_level level, const char *line, void *arg)
{
	(void)level;
	(void)line;
	(void)arg;
}

static void as_transfer(const struct location *loc, const struct kv *kv)
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
	check(copy_answer_blocks(kv, &res) == 0 || err_status() == ST_PEER);
	log_route(NULL, NULL);
	free(res.target);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct location loc;
	struct kv kv;

	err_clear();
	if (kv_parse(&kv, data, size) < 0)
		return 0;
	check(location_parse(&loc, "host:/x") == 0);
	as_json(&loc, &kv);
	as_table(&loc, &kv);
	as_xml(&kv);
	as_transfer(&loc, &kv);
	location_fini(&loc);
	kv_fini(&kv);
	return 0;
}
