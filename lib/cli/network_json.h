/*
 * network_json: the JSON form of network_source.h, and what its two files share.
 */
#ifndef IMG_NETWORK_JSON_H
#define IMG_NETWORK_JSON_H

#include <stddef.h>

#include "lib/cli/network_source.h"

/* Parses what is behind "json:" into *s, of which only type is set.  Whether it could. */
bool network_json_parse(struct network_source *s, const char *text);

/* libvirt's name of a protocol, which lasts; NULL: not one of network_source.h. */
const char *network_source_protocol(const char *name);

/* Copies len bytes of text into out.  Whether they fit into size, and have no NUL. */
bool network_source_set(char *out, size_t size, const char *text, size_t len);

/* Adds an empty host.  NULL: there are too many. */
struct network_host *network_source_add_host(struct network_source *s);

/* Adds "HOST[:PORT]", where HOST may be an IPv6 address in brackets.  Whether it could. */
bool network_source_host(struct network_source *s, const char *text, size_t len);

/* Whether the port is one. */
bool network_source_set_port(struct network_host *h, const char *port, size_t len);

#endif
