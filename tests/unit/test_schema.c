/*
 * The schema of each operation: what is refused, and which rights a request
 * needs.  `test_schema keys` prints the keys of all operations, with which
 * manuals.bats compares img-protocol(7).
 */
#include <stdarg.h>
#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/op/op.h"
#include "tests/unit/tap.h"

static const char *const types[] = { [KEY_TEXT] = "text",
	[KEY_PATH] = "path",
	[KEY_NAME] = "name",
	[KEY_FLAG] = "flag",
	[KEY_U64] = "number",
	[KEY_WORD] = "word" };

/* A value that is not of the type; NULL: every value is. */
static const char *const wrong[] = { [KEY_TEXT] = NULL,
	[KEY_PATH] = "",
	[KEY_NAME] = "a/b",
	[KEY_FLAG] = "yes",
	[KEY_U64] = "-1",
	[KEY_WORD] = "sometimes" };

/* The least that an operation takes, and which of its keys are required. */
static const struct least {
	const char *op, *request, *required[3];
} least[] = {
	{ "info", "path=/x", { "path" } },
	{ "list", "", { NULL } },
	{ "storage", "", { NULL } },
	{ "digest", "path=/x", { "path" } },
	{ "check", "path=/x", { "path" } },
	{ "create", "path=/x size=1", { "path", "size" } },
	{ "resize", "path=/x size=1", { "path", "size" } },
	{ "resizefs", "path=/x", { "path" } },
	{ "delete", "path=/x", { "path" } },
	{ "rename", "path=/x name=y", { "path", "name" } },
	{ "archive", "path=/x", { "path" } },
	{ "unarchive", "path=/x", { "path" } },
	{ "clean", "", { NULL } },
	{ "snap", "path=/x", { "path" } },
	{ "snapshots", "path=/x", { "path" } },
	{ "watch", "path=/x", { "path" } },
	{ "read", "path=/x", { "path" } },
	{ "write", "path=/x", { "path" } },
	{ "copy", "source=/x path=/y", { "source", "path" } },
	{ "commit", "path=/x", { "path" } },
};

#define R RIGHT_READ
#define W RIGHT_WRITE
#define C RIGHT_CREATE
#define D RIGHT_DELETE
#define S RIGHT_SNAPSHOT
#define X RIGHT_EXECUTE

static const struct need {
	const char *op, *request;
	unsigned rights;
} needs[] = {
	{ "info", "path=/x", R },
	{ "list", "", R },
	{ "list", "path=/x recursive=1", R },
	{ "storage", "", R },
	{ "digest", "path=/x live=1 jobs=2 progress=1", R },
	{ "check", "path=/x", R },
	{ "create", "path=/x size=1 sparse=1 thin=pool", C },
	{ "create", "path=/x size=1 dry_run=0", C },
	{ "create", "path=/x size=1 dry_run=1", R },
	{ "resize", "path=/x size=1 how=less shrink=1 as_raw=1", W },
	{ "resize", "path=/x size=1 how=more dry_run=1", R },
	{ "resize", "path=/x size=1 fs=1 in_place=1", W },
	{ "resizefs", "path=/x size=1 shrink=1 in_place=1 allow_links=1", W },
	{ "resizefs", "path=/x dry_run=1", R },
	{ "delete", "path=/x force=1 allow_links=1", D },
	{ "delete", "path=/x force=1 dry_run=1", R },
	{ "rename", "path=/x name=y", C | D },
	{ "rename", "path=/x name=y dry_run=1", R },
	{ "archive", "path=/x", R | C | D },
	{ "archive", "path=/x keep=0", R | C | D },
	{ "archive", "path=/x keep=1", R | C },
	{ "archive", "path=/x dry_run=1", R },
	{ "unarchive", "path=/x", R | C | D },
	{ "unarchive", "path=/x keep=1", R | C },
	{ "clean", "", D },
	{ "clean", "path=/x dry_run=1", R },
	{ "snap", "path=/x name=y", S | C },
	{ "snap", "path=/x dry_run=1", R },
	{ "snap", "path=/x path=/y pre=freeze", S | C | X },
	{ "snap", "path=/x qmp=/y", S | C | X },
	{ "snap", "path=/x libvirt=y dry_run=1", R },
	{ "snapshots", "path=/x path=/y", R | S },
	{ "snapshots", "path=/x path=/y libvirt=z", R | S | X },
	{ "snapshots", "path=/x path=/y post=thaw", R | S | X },
	{ "snapshots", "path=/x path=/y post=thaw dry_run=1", R },
	{ "read", "path=/x taken=1", R },
	{ "watch", "path=/x once=1 reserve=1 max=1 min_free=1", R },
	{ "watch", "path=/x path=/y extend=1", R | W },
	{ "watch", "path=/x extend=1 dry_run=1", R },
	{ "watch", "path=/x extend=1 qmp=/s", R | W | X },
	{ "watch", "path=/x libvirt=web", R | X },
	{ "read", "path=/x", R },
	{ "read", "stdin=1", 0 },
	{ "read", "path=/x stdin=0 snapshot=0 live=1 compress=auto", R },
	{ "read", "path=/x snapshot=1 snapshot_size=9", R | S },
	{ "read", "path=/x snapshot=1 pre=freeze", R | S | X },
	{ "read", "path=/x snapshot=1 qmp=/y", R | S | X },
	{ "read", "path=/x post=thaw", R | X },
	{ "read", "path=/x snapshot=1 pre=freeze post=thaw dry_run=1", R },
	{ "write", "path=/x base=y capacity=1 sparse=1 archive=1", C },
	{ "write", "stdout=1", 0 },
	{ "write", "path=/x overwrite=1", C | W | D },
	{ "write", "path=/x overwrite=0 in_place=0", C },
	{ "write", "path=/x in_place=1", W },
	{ "write", "path=/x in_place=1 overwrite=1", W | D },
	{ "write", "path=/x overwrite=1 dry_run=1", R },
	{ "copy", "source=/x path=/y", R | C },
	{ "copy", "source=/x stdout=1", R },
	{ "copy", "stdin=1 path=/y", C },
	{ "copy", "stdin=1 stdout=1", 0 },
	{ "copy", "source=/x path=/y in_place=1", R | W },
	{ "copy", "source=/x path=/y snapshot=1 pre=a overwrite=1", R | C | W | D | S | X },
	{ "copy", "source=/x path=/y snapshot=1 pre=a overwrite=1 dry_run=1", R },
	{ "commit", "path=/x top_layer=1 base_layer=2 progress=1", R | W },
	{ "commit", "path=/x top_layer=1 delete=1", R | W | D },
	{ "commit", "path=/x delete=1 dry_run=1", R },
	{ "commit", "path=/x top_layer=1 qmp=/run/q", R | W },
	{ "commit", "path=/x libvirt=web dry_run=1", R },
};

static const struct op *find(const char *name)
{
	const struct op *op;

	for (op = op_table; op->name; op++)
		if (strcmp(op->name, name) == 0)
			return op;
	abort();
}

/* "key=value key=value" and one pair more, if key is not NULL, as a request of op. */
static struct kv make(const char *op, const char *text, const char *key, const char *value)
{
	char words[512], *word, *save, *equals;
	struct buf b = BUF_INIT;
	struct kv kv;

	kv_add(&b, "op", op);
	snprintf(words, sizeof(words), "%s", text);
	for (word = strtok_r(words, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
		equals = strchr(word, '=');
		*equals = '\0';
		if (!key || strcmp(word, key) != 0)
			kv_add(&b, word, equals + 1);
	}
	if (key)
		kv_add(&b, key, value);
	if (kv_parse(&kv, b.data, b.len) < 0)
		abort();
	buf_fini(&b);
	return kv;
}

/* As schema_check() of such a request; its key's pair of text is replaced (value NULL: removed). */
static int check(const char *op, const char *text, const char *key, const char *value)
{
	struct kv kv = make(op, text, key, value);
	int r;

	err_clear();
	r = schema_check(&find(op)->schema, op, &kv);
	kv_fini(&kv);
	return r;
}

/* Good until the next call. */
static const char *__attribute__((format(printf, 1, 2))) text_of(const char *fmt, ...)
{
	static char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return text;
}

static void test_types(const struct least *l)
{
	const struct op_key *key;
	int bad = 0;
	size_t i;

	for (i = 0; (key = schema_key(&find(l->op)->schema, i)); i++) {
		const char *value = wrong[key->type];
		const char *begins = text_of("protocol error: %s with '%s", l->op, key->name);

		bad += (key->type == KEY_WORD) != (key->words != NULL);
		if (!value)
			continue;
		if (check(l->op, l->request, key->name, value) != -1 || err_status() != ST_PEER ||
			strncmp(err_text(), begins, strlen(begins)) != 0) {
			printf("# %s of %s: '%s'\n", key->name, l->op, err_text());
			bad++;
		}
	}
	is_int(bad, 0, text_of("%s: values of a wrong type", l->op));
}

static const struct op_key *key_of(const char *op, const char *name)
{
	const struct op_key *key;
	size_t i;

	for (i = 0; (key = schema_key(&find(op)->schema, i)); i++)
		if (strcmp(key->name, name) == 0)
			return key;
	abort();
}

static void test_least(const struct least *l)
{
	char twice[128];
	int i;

	is_int(check(l->op, l->request, NULL, NULL), 0, text_of("%s %s", l->op, l->request));
	is_int(check(l->op, l->request, "same", "1"), -1, "and a key that nobody knows");
	is_int(err_status(), ST_PEER, "is the peer's fault");
	is_str(err_text(), text_of("protocol error: %s with an unknown key 'same'", l->op),
		"and named");
	for (i = 0; i < 3 && l->required[i]; i++) {
		is_int(check(l->op, l->request, l->required[i], NULL), -1,
			"without a required one");
		is_str(err_text(),
			text_of("protocol error: %s without '%s'", l->op, l->required[i]),
			"which is named");
	}
	if (i && key_of(l->op, l->required[0])->repeats) {
		snprintf(twice, sizeof(twice), "%s %s", l->request, l->request);
		is_int(check(l->op, twice, NULL, NULL), 0, "with several of them");
	} else if (i) {
		snprintf(twice, sizeof(twice), "%s %s", l->request, l->request);
		is_int(check(l->op, twice, NULL, NULL), -1, "with everything twice");
		is_str(err_text(),
			text_of("protocol error: %s with '%s' twice", l->op, l->required[0]),
			"which is named, too");
	}
	test_types(l);
}

static void test_either(void)
{
	is_int(check("read", "path=/x stdin=1", NULL, NULL), -1, "a path and standard input");
	is_str(err_text(), "protocol error: read with both 'path' and 'stdin'",
		"exclude each other");
	is_int(check("write", "", NULL, NULL), -1, "neither path nor standard output");
	is_str(err_text(), "protocol error: write without 'path'", "is nothing");
	is_int(check("write", "stdout=0", NULL, NULL), -1, "as is a flag that is not set");
	is_int(check("copy", "stdin=1 stdout=1", NULL, NULL), 0, "both ends may be the user's");
	is_int(check("info", "path=/x", "op", "info"), -1, "the operation twice");
	is_int(check("snap", "path=/x path=/y", NULL, NULL), 0, "several paths");
	is_int(check("snap", "path=/x size=1 size=1", NULL, NULL), -1, "and another key twice");
}

static void test_values(void)
{
	is_int(check("create", "path=/x size=18446744073709551615", NULL, NULL), 0, "the largest");
	is_int(check("create", "path=/x size=18446744073709551616", NULL, NULL), -1, "one more");
	is_str(err_text(),
		"protocol error: create with 'size' that is not a number: '18446744073709551616'",
		"is shown");
	is_int(check("create", "path=/x size=", NULL, NULL), -1, "nothing is no number");
	is_int(check("read", "path=/x compress=never", NULL, NULL), 0, "a word");
	is_int(check("read", "path=/x compress=neve", NULL, NULL), -1, "a part of one");
	is_int(check("write", "path=/x base=", NULL, NULL), 0, "a source without a name");
	is_int(check("write", "path=/x compression=zstd", NULL, NULL), -1, "a codec of later");
}

static void test_needs(void)
{
	size_t i;

	for (i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		const struct need *n = &needs[i];
		const struct schema *s = &find(n->op)->schema;
		struct kv kv = make(n->op, n->request, NULL, NULL);

		if (schema_check(s, n->op, &kv) < 0)
			printf("# %s\n", err_text());
		is_int(schema_needs(s, &kv), n->rights, text_of("%s %s", n->op, n->request));
		if (schema_allow(s, n->op, &kv, n->rights) < 0 ||
			(n->rights && schema_allow(s, n->op, &kv, RIGHT_ALL & ~n->rights) == 0))
			ok(0, "and nothing else decides");
		kv_fini(&kv);
	}
}

static void test_allow(void)
{
	struct kv kv = make("copy", "source=/x path=/y overwrite=1 pre=a", NULL, NULL);

	is_int(schema_allow(&find("copy")->schema, "copy", &kv, R | C | W), -1, "too few rights");
	is_int(err_status(), ST_REFUSED, "are a refusal");
	is_str(err_text(), "this helper may not do that: copy needs the right to delete, execute",
		"that says which");
	kv_fini(&kv);
}

static void print_keys(void)
{
	const struct op_key *key, *other;
	const struct op *op;
	size_t i, j;

	for (op = op_table; op->name; op++)
		for (i = 0; (key = schema_key(&op->schema, i)); i++) {
			bool required = key->required || key->instead;

			for (j = 0; (other = schema_key(&op->schema, j)); j++)
				if (other->instead && strcmp(other->instead, key->name) == 0)
					required = true;
			printf("%s %s %s %s\n", op->name, key->name, types[key->type],
				required ? "required" : "optional");
		}
}

int main(int argc, char **argv)
{
	size_t i;

	if (argc > 1 && strcmp(argv[1], "keys") == 0) {
		print_keys();
		return 0;
	}
	for (i = 0; i < sizeof(least) / sizeof(least[0]); i++) {
		is_str(least[i].op, op_table[i].name, "an operation");
		test_least(&least[i]);
	}
	ok(!op_table[i].name, "there are no more");
	test_either();
	test_values();
	test_needs();
	test_allow();
	return tap_done();
}
