/*
 * record_lines: unlike in columns there is space for the exact number of bytes.
 */
#include "lib/cli/record_lines.h"

#include <inttypes.h>

#include "lib/base/size.h"
#include "lib/cli/field_text.h"

static void add_bytes(struct table *t, const struct field *f, const struct kv *r)
{
	char human[SIZE_HUMAN];
	uint64_t n;

	if (kv_get_u64(r, f->key, &n) <= 0)
		return;
	if (n < 1024)
		table_rowf(t, f->line, "%" PRIu64 " bytes", n);
	else
		table_rowf(t, f->line, "%s (%" PRIu64 " bytes)", size_human(n, human), n);
}

static void add_texts(struct table *t, const struct field *f, const struct kv *r)
{
	const char *text;
	size_t at = 0;

	while ((text = kv_each(r, f->key, &at)))
		table_rowf(t, f->line, "%s", text);
}

static void add_line(struct table *t, const struct field *f, const struct kv *r)
{
	struct buf text = BUF_INIT;

	if (!f->text && f->type == FIELD_BYTES) {
		add_bytes(t, f, r);
	} else if (!f->text && f->type == FIELD_TEXTS) {
		add_texts(t, f, r);
	} else if (!f->text && f->type == FIELD_TIME) {
		table_time(t, f->line, kv_get(r, f->key));
	} else if (f->text || kv_get(r, f->key)) {
		field_text(&text, f, r);
		if (text.len || !f->text)
			table_rowf(t, f->line, "%s", buf_str(&text));
		t->text.failed = t->text.failed || text.failed;
	}
	buf_fini(&text);
}

int record_lines(struct table *t, const struct kv *record, unsigned views)
{
	const struct field *f;
	size_t at = 0;

	if (fields_check(views, record) < 0)
		return -1;
	while ((f = fields_next(views, &at)))
		if (f->line)
			add_line(t, f, record);
	return 0;
}
