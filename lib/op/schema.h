/*
 * schema: which keys a request may have, and which rights it needs.
 *
 * Each operation in the table of op.c lists its keys.  The server checks a
 * request against that list once, before the operation runs, so an operation
 * reads its keys without looking for errors.  The rights that a request needs
 * are computed from the keys that it has; a helper that has fewer rights
 * refuses the request.  Nothing here blocks.
 */
#ifndef IMG_SCHEMA_H
#define IMG_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/kv.h"

/* What an operation does to the images of this host.  A set of these is an unsigned. */
enum schema_right {
	RIGHT_READ = 1 << 0,	 /* read an image, its description or a directory */
	RIGHT_WRITE = 1 << 1,	 /* change the content of an existing image */
	RIGHT_CREATE = 1 << 2,	 /* make an image */
	RIGHT_DELETE = 1 << 3,	 /* remove an image, or the name of one */
	RIGHT_SNAPSHOT = 1 << 4, /* take a snapshot */
	RIGHT_EXECUTE = 1 << 5,	 /* run a shell command of the client; pause a guest */
	RIGHT_ALL = (1 << 6) - 1
};

enum schema_type {
	KEY_TEXT, /* any bytes */
	KEY_PATH, /* not empty */
	KEY_NAME, /* no '/' */
	KEY_FLAG, /* 0 or 1; 0 is the same as absent */
	KEY_U64,  /* a decimal number */
	KEY_WORD  /* one of words */
};

struct op_key {
	const char *name; /* NULL ends a list */
	enum schema_type type;
	bool required;
	bool repeats;		  /* it may be there several times */
	const char *instead;	  /* a flag: the request needs either that or this key, not both */
	const char *const *words; /* ends with NULL */
	unsigned needs;		  /* rights that the key needs when it is set */
	unsigned spares;	  /* rights that are not needed when it is set */
};

#define SCHEMA_GROUPS_MAX 4

/* The keys of an operation, beside `op`; operations share groups of them. */
struct schema {
	unsigned needs; /* rights that every request needs, unless a key spares them */
	const struct op_key *groups[SCHEMA_GROUPS_MAX]; /* unused ones are NULL */
};

/*
 * Checks a request of the operation called op.  0, or -1 with ST_PEER recorded:
 * an unknown key, one that is there twice but does not repeat, a value of the wrong type, a
 * required key that is missing, two keys that exclude each other.  The message names the operation
 * and the key.
 */
int schema_check(const struct schema *s, const char *op, const struct kv *request);

/*
 * The rights that a checked request needs: those of the operation and of each
 * key that is set (a flag that is 1, any other key that is there), without
 * those that a key which is set spares.
 */
unsigned schema_needs(const struct schema *s, const struct kv *request);

/*
 * Whether the rights in has are enough for a checked request: 0, or -1 with
 * ST_REFUSED recorded, naming the operation and the rights that are missing.
 */
int schema_allow(const struct schema *s, const char *op, const struct kv *request, unsigned has);

/* The key with that number, counted from 0 over all groups; NULL after the last. */
const struct op_key *schema_key(const struct schema *s, size_t number);

#endif
