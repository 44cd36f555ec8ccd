/*
 * fields: what the records of a helper hold, and where each value is shown.
 *
 * One table, in fields.c, drives the JSON (record_json.h), the XML (record_xml.h),
 * the lines of img-info (record_lines.h) and the columns of lists (record_grid.h).
 * To show a new key, add a row.  Every form shows its rows in the table's order; a
 * key that a form needs at another position has a second row there.
 */
#ifndef IMG_FIELDS_H
#define IMG_FIELDS_H

#include "lib/base/buf.h"
#include "lib/base/kv.h"

enum field_type {
	FIELD_TEXT,  /* any bytes */
	FIELD_TEXTS, /* a text for each time that the key is in the record */
	FIELD_SIZES, /* an amount for each time; "": not known */
	FIELD_BYTES, /* an amount; like a number at most INT64_MAX */
	FIELD_NUMBER,
	FIELD_FRACTION, /* from 0 to 1 */
	FIELD_BOOL,	/* absent: false */
	FIELD_TIME	/* seconds since 1970, ".", nine digits */
};

/* Which record of which command; a set of them is "any of these". */
enum field_view {
	VIEW_INFO = 1 << 0,	 /* an image, all of it */
	VIEW_LIST = 1 << 1,	 /* an image as an entry of a container */
	VIEW_NAMES = 1 << 2,	 /* the column that names it: below a container, */
	VIEW_PATHS = 1 << 3,	 /* or on a host */
	VIEW_HOST = 1 << 4,	 /* img-storage: the host itself */
	VIEW_DIRECTORY = 1 << 5, /* where images can be */
	VIEW_GROUP = 1 << 6,	 /* a volume group */
	VIEW_POOL = 1 << 7,	 /* a thin pool */
	VIEW_LAYER = 1 << 8,	 /* what only a layer of a chain has */
	VIEW_CHAIN = 1 << 9,	 /* the columns of a layer */
	/* A layer in the XML of a chain, part by part. */
	VIEW_SIZES = 1 << 10,
	VIEW_OWNER = 1 << 11, /* permissions and times */
	VIEW_FEATURES = 1 << 12
};

struct field {
	const char *key; /* in the record */
	enum field_type type;
	unsigned views;
	/*
	 * JSON: "MEMBER", or "OBJECT.MEMBER" of an object in the object; "OBJECT?.MEMBER"
	 * if that object is null when the record has none of its members.  "LIST[].MEMBER"
	 * of FIELD_TEXTS and FIELD_SIZES: the nth value belongs to the nth object of a list,
	 * "" is null; without a value there is no list.
	 */
	const char *json;
	/*
	 * XML: "ELEMENT", "PARENT/ELEMENT", "ELEMENT@ATTRIBUTE", or "@ATTRIBUTE" of the
	 * record's own element.  "PARENT/": in PARENT an empty element for each of the
	 * texts, which is its name.
	 */
	const char *xml;
	const char *xml_unit; /* of FIELD_BYTES; NULL: "bytes" */
	const char *xml_with; /* only if the record has this key, too; or NULL */
	const char *line;     /* the title of its line, or NULL */
	const char *column;   /* the heading of its column, or NULL */
	bool is_rare;	      /* a table in which no record has it is printed without the column */
	/* Appends what a person reads (nothing: no line, or "-"); NULL: by the type. */
	void (*text)(struct buf *out, const struct field *f, const struct kv *record);
};

/* The first row of these views at *at or after it, or NULL; moves *at past it. */
const struct field *fields_next(unsigned views, size_t *at);

/*
 * Validates every value that a record has for these views.  0, or -1 with ST_PEER
 * recorded.  Each of the forms does so before it shows anything of a record.
 */
int fields_check(unsigned views, const struct kv *record);

#endif
