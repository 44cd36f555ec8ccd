/* json: texts that are not UTF-8, numbers from a peer, the record of an image. */
#include <string.h>

#include "lib/base/err.h"
#include "lib/cli/info_show.h"
#include "lib/cli/json.h"
#include "lib/cli/results.h"
#include "tests/unit/capture.h"
#include "tests/unit/tap.h"

static char *dumped;

/* The object as compact text with sorted keys. */
static const char *dump(const json_t *o)
{
	free(dumped);
	dumped = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
	return dumped;
}

static void record(struct kv *kv, const char *bytes, size_t n)
{
	if (kv_parse(kv, bytes, n) < 0)
		abort();
}

static void test_text(void)
{
	json_t *o = json_object();

	json_set_text(o, "name", "a \"b\" \033[31m \xc3\xa4");
	is_str(dump(o), "{\"name\":\"a \\\"b\\\" \\u001B[31m \xc3\xa4\"}", "a text is escaped");
	json_set_text(o, "name", NULL);
	is_str(dump(o), "{\"name\":null}", "none is null");
	json_set_text(o, "name", "");
	is_str(dump(o), "{\"name\":\"\"}", "an empty one is not");
	json_set_text(o, "name", "x\377y");
	is_str(dump(o), "{\"name\":\"x\xef\xbf\xbdy\",\"name_hex\":\"78ff79\"}",
		"text that is not UTF-8 is made valid, and also given in hexadecimal");
	json_set_text(o, "other", "\xed\xa0\x80");
	ok(strstr(dump(o), "\"other_hex\":\"eda080\"") != NULL, "surrogates are not UTF-8");
	json_decref(o);
}

static void test_numbers(void)
{
	static const char bytes[] = "a=0\0b=9223372036854775807\0c=9223372036854775808\0d=-1\0"
				    "e=1\0f=2\0g=\0x=1\0x=two\0x=th\377ee";
	json_t *o = json_object();
	struct kv kv;

	record(&kv, bytes, sizeof(bytes));
	is_int(json_set_u64(o, "v", &kv, "a"), 0, "a number");
	is_str(dump(o), "{\"v\":0}", "is one");
	is_int(json_set_u64(o, "v", &kv, "b"), 0, "the largest");
	is_str(dump(o), "{\"v\":9223372036854775807}", "is exact");
	is_int(json_set_u64(o, "v", &kv, "c"), -1, "a larger one");
	is_int(err_status(), ST_PEER, "is the peer's fault");
	is_int(json_set_u64(o, "v", &kv, "d"), -1, "as is a negative one");
	is_int(json_set_u64(o, "v", &kv, "g"), -1, "and an empty one");
	is_int(json_set_u64(o, "v", &kv, "none"), 0, "none at all");
	is_str(dump(o), "{\"v\":null}", "is null");
	is_int(json_set_bool(o, "v", &kv, "e"), 0, "a flag");
	is_str(dump(o), "{\"v\":true}", "that is set");
	is_int(json_set_bool(o, "v", &kv, "a"), 0, "one");
	is_str(dump(o), "{\"v\":false}", "that is not");
	is_int(json_set_bool(o, "v", &kv, "none"), 0, "one that is not there");
	is_str(dump(o), "{\"v\":false}", "is not set, either");
	is_int(json_set_bool(o, "v", &kv, "f"), -1, "2 is no flag");
	json_set_texts(o, "v", &kv, "x");
	is_str(dump(o),
		"{\"v\":[\"1\",\"two\",\"th\xef\xbf\xbd"
		"ee\"],\"v_hex\":[\"31\",\"74776f\",\"7468ff6565\"]}",
		"all values of a key, and their bytes if one is not UTF-8");
	json_object_del(o, "v_hex");
	json_set_texts(o, "v", &kv, "none");
	is_str(dump(o), "{\"v\":[]}", "or none");
	kv_fini(&kv);
	json_decref(o);
}

static void test_print(void)
{
	json_t *o = json_object();
	int r;

	json_set_text(o, "k", "v");
	capture_begin();
	r = json_print(o);
	is_str(capture_end(), "{\n  \"k\": \"v\"\n}\n", "a result ends in a newline");
	is_int(r, 0, "and is printed");
	o = json_object();
	json_set_text(o, "k\xc2\x9b",
		"\x7f \xc2\x80 \xe2\x80\xae \xef\xbb\xbf \xc3\xa4 \xf0\x9f\x98\x80\n");
	capture_begin();
	r = json_print_within(o, "  ");
	is_str(capture_end(),
		"  {\n    \"k\\u009B\": \"\\u007F \\u0080 \\u202E \\uFEFF \xc3\xa4 "
		"\xf0\x9f\x98\x80\\n\"\n  }",
		"what is unsafe for a terminal is escaped, and each line has its margin");
	is_int(r, 0, "and is printed");
	capture_begin();
	r = json_print(NULL);
	is_str(capture_end(), "", "nothing is printed");
	is_int(r, -1, "is an error");
}

/* The keys that the manual promises for every record. */
static const char *const promised[] = { "location", "host", "path", "name", "kind", "format",
	"compression", "unfinished", "capacity", "allocation", "physical", "filesystem",
	"partitions", "mounted", "mountpoints", "in_use", "used_by", "live", "snapshot",
	"permissions", "timestamps", "compat", "features", "cluster_size", "watermark", "backing",
	"volume", "data_file" };

static void test_info(void)
{
	static const char full[] =
		"path=/x\0name=x\0kind=file\0format=qcow2\0capacity=10\0"
		"fs.type=ext4\0fs.label=l\0fs.uuid=u\0mode=0600\0owner=0\0group=7\0"
		"mtime=1.000000002\0feature=a\0feature=b\0backing.recorded=b.img\0"
		"backing.format=raw\0mountpoint=/a\0mountpoint=/b\0mounted=1";
	struct location loc;
	struct kv kv = KV_INIT;
	unsigned i, missing = 0;
	json_t *o;

	if (location_parse(&loc, "host:/x") < 0)
		abort();
	o = results_object(loc.text);
	is_int(info_show_json(o, &loc, &kv), 0, "an empty record is shown");
	for (i = 0; i < sizeof(promised) / sizeof(promised[0]); i++)
		missing += !json_object_get(o, promised[i]);
	is_int(missing, 0, "an empty record has all keys");
	is_int(json_object_size(o), i, "and no others");
	json_decref(o);
	record(&kv, full, sizeof(full));
	o = results_object(loc.text);
	is_int(info_show_json(o, &loc, &kv), 0, "a full record is shown");
	is_int(json_object_size(o), i, "with as many");
	is_str(dump(json_object_get(o, "filesystem")),
		"{\"label\":\"l\",\"type\":\"ext4\",\"uuid\":\"u\"}", "its filesystem");
	is_str(dump(json_object_get(o, "permissions")),
		"{\"group\":7,\"label\":null,\"mode\":\"0600\",\"owner\":0}", "its permissions");
	is_str(dump(json_object_get(o, "timestamps")),
		"{\"access\":null,\"change\":null,\"modify\":\"1.000000002\"}", "its times");
	is_str(dump(json_object_get(o, "backing")),
		"{\"format\":\"raw\",\"path\":null,\"recorded\":\"b.img\"}", "its backing file");
	is_str(dump(json_object_get(o, "mountpoints")), "[\"/a\",\"/b\"]", "where it is mounted");
	json_decref(o);
	kv_fini(&kv);
	record(&kv, "mounted=yes", 12);
	o = results_object(loc.text);
	is_int(info_show_json(o, &loc, &kv), -1, "an invalid record");
	json_decref(o);
	is_int(err_status(), ST_PEER, "is the peer's fault");
	capture_begin();
	i = info_show_table(&loc, &kv) == -1;
	is_str(capture_end(), "", "and is not shown");
	is_int(i, 1, "in a table, either");
	kv_fini(&kv);
	location_fini(&loc);
}

int main(void)
{
	test_text();
	test_numbers();
	test_print();
	test_info();
	free(dumped);
	free(capture_text);
	return tap_done();
}
