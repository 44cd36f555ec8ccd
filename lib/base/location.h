/*
 * location: where an image is, as the user writes it.
 *
 *	/path  path  ./a:b		on this host
 *	HOST:PATH  USER@HOST:PATH	on HOST; a relative PATH starts at the home directory
 *	~/PATH  HOST:~/PATH		likewise; on this host, the home directory is $HOME
 *	USER@[::1]:PATH			an IPv6 address is in brackets
 *	ssh://[USER@]HOST[:PORT]/PATH	PATH is absolute
 *	HOST:				the host itself
 *	-				standard input or output
 */
#ifndef IMG_LOCATION_H
#define IMG_LOCATION_H

#include <stdbool.h>
#include <stdint.h>

struct location {
	char *text;    /* as the user wrote it */
	char *user;    /* or NULL */
	char *host;    /* without brackets; NULL: this host */
	uint16_t port; /* 0: none given */
	char *path;    /* "" for HOST:, without "~/" */
	bool is_stdio; /* "-" */
};

/*
 * Parses text into loc, whose old content is not freed.  0, or -1 with ST_USAGE
 * recorded, and then loc is empty: the location or the host is empty, an IPv6
 * address is not in brackets, host or user begins with '-' or contains control
 * characters, blanks or shell metacharacters, or the port is invalid.
 */
int location_parse(struct location *loc, const char *text);
void location_fini(struct location *loc); /* accepts a zeroed one */

/* Whether both name the same host by the same text: user, host and port are equal. */
bool location_same_host(const struct location *a, const struct location *b);

/*
 * A location, as the user could write it, of path on loc's host.  The caller frees
 * it.  NULL with ST_FAILED recorded.
 */
char *location_at(const struct location *loc, const char *path);

/*
 * The last component of the path, without trailing slashes; "" if there is none.
 * The caller frees it.  NULL with ST_FAILED recorded.
 */
char *location_base_name(const struct location *loc);

#endif
