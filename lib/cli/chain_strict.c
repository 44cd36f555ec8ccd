/*
 * chain_strict: the metadata come before the disk, so all records are kept until the last one.
 */
#include "lib/cli/chain_strict.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/err.h"
#include "lib/cli/layer_source.h"
#include "lib/cli/record_xml.h"
#include "lib/store/chain.h"

/* A placeholder, as all of the domain but its disk. */
#define MEMORY_BYTES (1u << 30)

/* libvirt's name of a format; NULL: it has none. */
static const char *libvirt_format(const char *format)
{
	static const char *const names[] = { "raw", "dir", "bochs", "cloop", "dmg", "iso", "vpc",
		"vdi", "fat", "vhd", "ploop", "luks", "cow", "qcow", "qcow2", "qed", "vmdk" };
	size_t i;

	if (!format)
		return NULL;
	if (strcmp(format, "parallels") == 0)
		return "ploop";
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(format, names[i]) == 0)
			return names[i];
	return NULL;
}

static bool is_one_of(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(text, *words) == 0)
			return true;
	return false;
}

static bool is_octal(const char *text)
{
	return *text && !text[strspn(text, "01234567")] && strlen(text) <= 8;
}

/* Whether the schema of volumes allows the pair, other than a format. */
static bool is_allowed(const struct kv_pair *pair)
{
	static const char *const attributes[] = { "compression", "unfinished", "mounted", "in_use",
		NULL };
	static const char *const times[] = { "atime", "mtime", "ctime", NULL };
	static const char *const features[] = { "lazy_refcounts", "extended_l2", NULL };
	static const char *const compats[] = { "0.10", "1.1", NULL };

	if (strcmp(pair->key, "feature") == 0)
		return is_one_of(pair->value, features);
	if (strcmp(pair->key, "compat") == 0)
		return is_one_of(pair->value, compats);
	if (strcmp(pair->key, "mode") == 0)
		return is_octal(pair->value);
	if (is_one_of(pair->key, times))
		return *pair->value != '-';
	return !is_one_of(pair->key, attributes);
}

/* A copy of a record, without what libvirt has no words for if is_clean is set.  0, or -1. */
static int copy_record(struct kv *out, const struct kv *in, bool is_clean)
{
	struct buf b = BUF_INIT;
	const char *value, *format;
	size_t i;
	int r;

	for (i = 0; i < in->count; i++) {
		value = in->pair[i].value;
		if (is_clean && !is_allowed(&in->pair[i]))
			continue;
		if (is_clean && strcmp(in->pair[i].key, "format") == 0) {
			format = kv_get(in, "compression") ? NULL : libvirt_format(value);
			value = format ? format : "unknown";
		}
		kv_add(&b, in->pair[i].key, value);
	}
	r = buf_failed(&b);
	if (r == 0)
		r = kv_parse(out, b.data, b.len);
	buf_fini(&b);
	return r;
}

int chain_strict_add(struct chain_strict *c, const struct kv *record)
{
	const char *kind = kv_get(record, "kind");
	struct kv *layers, *originals;

	if (kind && (strcmp(kind, "directory") == 0 || strcmp(kind, "group") == 0))
		return err_set(ST_REFUSED, "is not an image");
	/* A layer that is one too many has a record, too. */
	if (c->count > CHAIN_LAYERS_MAX)
		return err_set(ST_PEER, "protocol error: more than %d layers", CHAIN_LAYERS_MAX);
	layers = realloc(c->layers, (c->count + 1) * sizeof(*layers));
	c->layers = layers ? layers : c->layers;
	originals = realloc(c->originals, (c->count + 1) * sizeof(*originals));
	c->originals = originals ? originals : c->originals;
	if (!layers || !originals)
		return err_set(ST_FAILED, "out of memory");
	if (copy_record(&layers[c->count], record, true) < 0)
		return -1;
	if (copy_record(&originals[c->count], record, false) < 0) {
		kv_fini(&layers[c->count]);
		return -1;
	}
	c->count++;
	return 0;
}

/* The source of layer n, which may be one that the layer above only names.  Whether it is one. */
static bool source_of(const struct chain_strict *c, unsigned n, struct layer_source *s)
{
	struct layer_source named;

	if (n >= c->count && !(c->is_single && n == 1))
		return false;
	if (n >= c->count)
		return layer_source_next(s, &c->layers[0]);
	layer_source_of(s, &c->layers[n]);
	/* Of a layer that cannot be shown, the format is the one that is recorded for it. */
	if (n && !s->format && layer_source_next(&named, &c->layers[n - 1]))
		s->format = named.format;
	return true;
}

static void write_format(struct xml *x, const char *format)
{
	xml_open(x, "format");
	xml_attribute(x, "type", format);
	xml_close(x);
}

static void write_volume(const struct chain_strict *c, struct xml *x)
{
	struct layer_source s;
	const char *format;

	record_xml_volume_open(x, &c->layers[0]);
	if (source_of(c, 1, &s) && s.path && layer_source_is_valid(&s)) {
		format = libvirt_format(s.format);
		xml_open(x, "backingStore");
		xml_text(x, "path", s.path);
		write_format(x, format ? format : "unknown");
		if (c->count > 1)
			record_xml(x, NULL, &c->layers[1], VIEW_OWNER);
		xml_close(x);
	}
	xml_close(x);
}

/* What the schemas do not allow in a disk. */
static void write_metadata(const struct chain_strict *c, struct xml *x)
{
	struct layer_source s;
	char index[16];
	unsigned i;

	xml_open(x, "metadata");
	xml_open(x, "chain");
	xml_attribute(x, "xmlns", CHAIN_STRICT_NAMESPACE);
	for (i = 0; i < c->count; i++) {
		const struct kv *r = &c->originals[i];

		layer_source_of(&s, r);
		snprintf(index, sizeof(index), "%u", i);
		xml_open(x, "layer");
		xml_attribute(x, "index", index);
		xml_attribute(x, "type", s.type);
		xml_text(x, "path", s.path ? s.path : s.recorded);
		xml_text(x, "error", kv_get(r, "error.message"));
		record_xml(x, NULL, r, VIEW_SIZES);
		if (s.format)
			write_format(x, s.format);
		record_xml(x, NULL, r, VIEW_OWNER | VIEW_FEATURES);
		xml_close(x);
	}
	xml_close(x);
	xml_close(x);
}

/* The layers below the image, nested. */
static void write_backing(const struct chain_strict *c, struct xml *x)
{
	struct layer_source s;
	bool is_open_ended = false;
	char index[16];
	unsigned n;

	for (n = 1; source_of(c, n, &s); n++) {
		is_open_ended = n >= c->count || layer_source_is_open_ended(&s, &c->layers[n]);
		if (!layer_source_is_valid(&s) || !libvirt_format(s.format)) {
			is_open_ended = true;
			break;
		}
		snprintf(index, sizeof(index), "%u", n);
		xml_open(x, "backingStore");
		xml_attribute(x, "type", s.type);
		xml_attribute(x, "index", index);
		write_format(x, libvirt_format(s.format));
		layer_source_xml(&s, x);
	}
	if (!is_open_ended) {
		xml_open(x, "backingStore");
		xml_close(x);
	}
	while (--n)
		xml_close(x);
}

static void write_domain(const struct chain_strict *c, struct xml *x)
{
	struct layer_source s;

	source_of(c, 0, &s);
	xml_open(x, "domain");
	xml_attribute(x, "type", "kvm");
	xml_text(x, "name", kv_get(&c->layers[0], "name"));
	write_metadata(c, x);
	xml_bytes(x, "memory", "bytes", MEMORY_BYTES);
	xml_open(x, "os");
	xml_text(x, "type", "hvm");
	xml_close(x);
	xml_open(x, "devices");
	xml_open(x, "disk");
	xml_attribute(x, "type", s.type);
	xml_attribute(x, "device", "disk");
	xml_open(x, "driver");
	xml_attribute(x, "name", "qemu");
	xml_attribute(x, "type", libvirt_format(s.format));
	xml_close(x);
	layer_source_xml(&s, x);
	write_backing(c, x);
	layer_source_target(x);
	xml_close(x);
	xml_close(x);
	xml_close(x);
}

void chain_strict_write(const struct chain_strict *c, struct xml *x, bool is_domain)
{
	if (!c->count)
		return;
	if (is_domain)
		write_domain(c, x);
	else
		write_volume(c, x);
}

void chain_strict_fini(struct chain_strict *c)
{
	while (c->count) {
		c->count--;
		kv_fini(&c->layers[c->count]);
		kv_fini(&c->originals[c->count]);
	}
	free(c->layers);
	free(c->originals);
	c->layers = c->originals = NULL;
}
