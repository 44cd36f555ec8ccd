/*
 * commit_mark: what the mark of an unfinished base says of the commit (lib/store/held.h).
 *
 *	CHILD:TOP:LAYER...
 *
 * CHILD is empty if no layer gets another backing file.  The layers are those that are committed,
 * from the top down.  Each is an absolute path or, without a '/', a name in the directory or group
 * of the base.  A byte other than a letter, a digit, or one of "_+./-" is "=" and two hexadecimal
 * digits.
 */
#ifndef IMG_COMMIT_MARK_H
#define IMG_COMMIT_MARK_H

#include "lib/store/chain.h"
#include "lib/store/held.h"

/* Absolute paths, without links, which are owned. */
struct commit_record {
	char *child; /* NULL: none */
	char *layer[CHAIN_LAYERS_MAX];
	unsigned count;
};

/* Adds a layer below the last one, or sets child, to a copy.  0, or -1 recorded. */
int commit_mark_add(struct commit_record *r, const char *path);
int commit_mark_set_child(struct commit_record *r, const char *path);

/*
 * Writes the record for the base at a path.  0, or -1 with ST_REFUSED recorded: it would be longer
 * than HELD_RECORD_MAX.
 */
int commit_mark_write(const struct commit_record *r, const char *base, char out[HELD_RECORD_MAX]);

/* Parses a record that the base at a path has.  0, or -1 with ST_CORRUPT recorded. */
int commit_mark_parse(struct commit_record *r, const char *base, const char *text);

void commit_mark_fini(struct commit_record *r);

#endif
