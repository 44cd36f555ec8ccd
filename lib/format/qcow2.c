/*
 * qcow2: the fixed fields are read through a view of the header's bytes.  Extensions are read
 * through a view of their own, which ends where QEMU ends them: at the backing name, or with
 * the first cluster.  What QEMU refuses to open is refused, except unknown features, on which
 * the caller decides.
 */
#include "lib/format/qcow2.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/size.h"

#define V2_HEADER_SIZE 72
#define V3_HEADER_MIN 104
#define V3_HEADER_SIZE 112 /* as QEMU writes it */
#define CLUSTER_BITS_MIN 9
#define CLUSTER_BITS_MAX 21
#define REFCOUNT_ORDER_MAX 6
#define V2_REFCOUNT_ORDER 4
#define EXT_HEAD 8 /* bytes of the type and the length */
#define EXT_END 0
#define EXT_BACKING_FORMAT 0xe2792acau
#define EXT_FEATURE_NAMES 0x6803f857u
#define EXT_FEATURE_NAMES_SIZE 392  /* bytes that QEMU writes of it, */
#define EXT_FEATURE_NAMES_FROM 4096 /* if the first cluster has more than these */
#define EXT_BITMAPS 0x23852875u
#define EXT_BITMAPS_SIZE 24
#define EXT_DATA_FILE 0x44415441u
#define FEATURE_ENTRY (2 + QCOW2_FEATURE_NAME)

struct layout {
	uint32_t header; /* bytes of it; extensions follow */
	uint64_t backing_off;
	uint32_t backing_len;
};

static int refuse_header(const char *why)
{
	return err_set(ST_CORRUPT, "cannot read the qcow2 header: %s", why);
}

bool qcow2_is(const void *p, size_t n)
{
	return n >= 4 && memcmp(p, QCOW2_MAGIC, 4) == 0;
}

/* Parses the fields of both versions, and those of version 3. */
static int parse_fixed(struct qcow2 *q, struct layout *l, const void *p, size_t n)
{
	uint32_t version, bits, order = V2_REFCOUNT_ORDER;
	struct view v;

	view_init(&v, p, n);
	view_bytes(&v, 4);
	version = view_u32(&v);
	l->backing_off = view_u64(&v);
	l->backing_len = view_u32(&v);
	bits = view_u32(&v);
	q->size = view_u64(&v);
	q->crypt = view_u32(&v);
	q->l1_size = view_u32(&v);
	q->l1_off = view_u64(&v);
	q->refcount_off = view_u64(&v);
	q->refcount_clusters = view_u32(&v);
	q->snapshots = view_u32(&v);
	q->snapshots_off = view_u64(&v);
	l->header = V2_HEADER_SIZE;
	if (!view_bad(&v) && version != 2 && version != 3)
		return refuse_header("unknown version");
	if (version == 3) {
		q->incompatible = view_u64(&v);
		q->compatible = view_u64(&v);
		q->autoclear = view_u64(&v);
		order = view_u32(&v);
		l->header = view_u32(&v);
		if (l->header > V3_HEADER_MIN)
			q->compression = view_u8(&v);
	}
	if (view_bad(&v))
		return refuse_header("it is truncated");
	if (bits < CLUSTER_BITS_MIN || bits > CLUSTER_BITS_MAX)
		return refuse_header("impossible size of clusters");
	if (q->size > SIZE_LIMIT)
		return refuse_header("impossible size");
	if (order > REFCOUNT_ORDER_MAX)
		return refuse_header("impossible width of reference counts");
	q->version = (int)version;
	q->refcount_order = order;
	q->cluster_size = 1u << bits;
	if (l->header > V3_HEADER_SIZE)
		q->kept = l->header - V3_HEADER_SIZE;
	if (version == 3 && (l->header < V3_HEADER_MIN || l->header > q->cluster_size))
		return refuse_header("impossible length of the header");
	return 0;
}

static int parse_backing(struct qcow2 *q, const struct layout *l, const uint8_t *p, size_t n)
{
	if (l->backing_off == 0)
		return 0;
	if (l->backing_off > q->cluster_size || l->backing_len > q->cluster_size - l->backing_off)
		return refuse_header("the backing name is outside of the first cluster");
	if (l->backing_len > QCOW2_BACKING_MAX)
		return refuse_header("the backing name is too long");
	if (l->backing_off > n || l->backing_len > n - l->backing_off)
		return refuse_header("the backing name is cut short");
	memcpy(q->backing, p + l->backing_off, l->backing_len);
	return 0;
}

static void parse_feature_names(struct qcow2 *q, const uint8_t *p, size_t n)
{
	struct qcow2_name *name;

	for (q->names = 0; n >= FEATURE_ENTRY && q->names < QCOW2_NAMES_MAX;
		p += FEATURE_ENTRY, n -= FEATURE_ENTRY) {
		name = &q->name[q->names++];
		name->kind = p[0];
		name->bit = p[1];
		memcpy(name->text, p + 2, QCOW2_FEATURE_NAME);
		name->text[QCOW2_FEATURE_NAME] = '\0';
	}
}

/* With its type and length, padded. */
static uint32_t extension_size(uint32_t len)
{
	return EXT_HEAD + (len + 7) / 8 * 8;
}

static int parse_extension(struct qcow2 *q, uint32_t type, const uint8_t *data, uint32_t len)
{
	switch (type) {
	case EXT_BACKING_FORMAT:
		if (len >= sizeof(q->backing_format))
			return refuse_header("the backing format's name is too long");
		memset(q->backing_format, 0, sizeof(q->backing_format));
		memcpy(q->backing_format, data, len);
		return 0;
	case EXT_DATA_FILE:
		if (len >= sizeof(q->data_file))
			return refuse_header("the data file's name is too long");
		memset(q->data_file, 0, sizeof(q->data_file));
		memcpy(q->data_file, data, len);
		return 0;
	case EXT_BITMAPS:
		if (len < EXT_BITMAPS_SIZE)
			return 0;
		q->bitmaps = get_be32(data);
		q->bitmaps_size = get_be64(data + 8);
		q->bitmaps_off = get_be64(data + 16);
		return 0;
	case EXT_FEATURE_NAMES:
		parse_feature_names(q, data, len);
		return 0;
	default:
		q->kept += extension_size(len);
		return 0;
	}
}

static int parse_extensions(struct qcow2 *q, const struct layout *l, const uint8_t *p, size_t n)
{
	uint64_t end = l->backing_off ? l->backing_off : q->cluster_size;
	const uint8_t *data;
	uint32_t type, len;
	struct view v;

	if (end > n)
		end = n;
	if (l->header >= end)
		return 0;
	view_init(&v, p + l->header, (size_t)end - l->header);
	while (v.left) {
		type = view_u32(&v);
		len = view_u32(&v);
		if (view_bad(&v) || type == EXT_END)
			return 0;
		data = view_bytes(&v, len);
		if (!data)
			return refuse_header("an extension is too long");
		if (parse_extension(q, type, data, len) < 0)
			return -1;
		if (len % 8)
			view_bytes(&v, 8 - len % 8 < v.left ? 8 - len % 8 : v.left);
	}
	return 0;
}

int qcow2_parse(struct qcow2 *q, const void *p, size_t n)
{
	struct layout l;

	memset(q, 0, sizeof(*q));
	if (!qcow2_is(p, n))
		return refuse_header("not a qcow2 image");
	if (parse_fixed(q, &l, p, n) < 0 || parse_backing(q, &l, p, n) < 0)
		return -1;
	return parse_extensions(q, &l, p, n);
}

unsigned qcow2_backing_room(const struct qcow2 *q, size_t format)
{
	uint64_t used = q->version == 2 ? V2_HEADER_SIZE : V3_HEADER_SIZE;

	used += q->kept + extension_size((uint32_t)format) + EXT_HEAD;
	if (q->version > 2 && q->cluster_size > EXT_FEATURE_NAMES_FROM)
		used += EXT_FEATURE_NAMES_SIZE;
	if (q->bitmaps)
		used += extension_size(EXT_BITMAPS_SIZE);
	if (used >= q->cluster_size)
		return 0;
	return q->cluster_size - used < QCOW2_BACKING_MAX ? (unsigned)(q->cluster_size - used)
							  : QCOW2_BACKING_MAX;
}

bool qcow2_has_data_file(const struct qcow2 *q)
{
	return q->incompatible & QCOW2_DATA_FILE;
}

const char *qcow2_unknown_feature(const struct qcow2 *q, unsigned i, char out[QCOW2_TEXT_MAX])
{
	unsigned n;

	if (i >= 64 || !((q->incompatible & ~QCOW2_INCOMPATIBLE_KNOWN) >> i & 1))
		return NULL;
	for (n = 0; n < q->names; n++)
		if (q->name[n].kind == 0 && q->name[n].bit == i && q->name[n].text[0]) {
			snprintf(out, QCOW2_TEXT_MAX, "%s", q->name[n].text);
			return out;
		}
	snprintf(out, QCOW2_TEXT_MAX, "unknown feature %u", i);
	return out;
}

const char *qcow2_feature(const struct qcow2 *q, unsigned i)
{
	static const char *const incompatible[] = { "dirty", "corrupt", "data_file",
		"compression_type", "extended_l2" };
	static const char *const compatible[] = { "lazy_refcounts" };
	const char *const *names = incompatible;
	size_t count = sizeof(incompatible) / sizeof(incompatible[0]);
	uint64_t bits = q->incompatible;

	if (i >= 64) {
		i -= 64;
		names = compatible;
		count = sizeof(compatible) / sizeof(compatible[0]);
		bits = q->compatible;
	}
	return i < count && bits >> i & 1 ? names[i] : NULL;
}
