/*
 * location: where an image is, as the user writes it.
 *
 *	/path  path  ./a:b		here
 *	HOST:PATH  USER@HOST:PATH	on HOST; a relative PATH starts at home
 *	USER@[::1]:PATH			an address with colons goes in brackets
 *	ssh://[USER@]HOST[:PORT]/PATH	PATH is absolute
 *	HOST:				the host itself
 *	-				standard input or output
 */
#ifndef IMG_LOCATION_H
#define IMG_LOCATION_H

#include <stdbool.h>
#include <stdint.h>

struct location {
	char *text;    /* as given */
	char *user;    /* or NULL */
	char *host;    /* without brackets; NULL: here */
	uint16_t port; /* 0: not given */
	char *path;    /* "" for HOST: */
	bool is_stdio; /* "-" */
};

/*
 * 0, or -1 with ST_USAGE recorded: an empty location, an empty or bracketless
 * host, a host or user that begins with '-' or holds control characters,
 * blanks or shell metacharacters, a bad port.  Frees nothing before; on
 * failure loc is empty.
 */
int location_parse(struct location *loc, const char *text);
void location_fini(struct location *loc); /* accepts a zeroed one */

/* Whether both are on the same host as written (user, host and port agree). */
bool location_same_host(const struct location *a, const struct location *b);

/*
 * Another path on the same host, as a location to be given again.  The caller
 * frees it.  NULL with ST_FAILED recorded.
 */
char *location_at(const struct location *loc, const char *path);

/* The part after the last '/', without trailing slashes; "" if there is none.
 * The caller frees it. */
char *location_base_name(const struct location *loc);

#endif
