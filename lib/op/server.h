/*
 * server: the helper's loop over requests.
 */
#ifndef IMG_SERVER_H
#define IMG_SERVER_H

#include <stdbool.h>

struct server_options {
	int in, out;		 /* the channel; server_run() closes both */
	bool has_stdio;		 /* descriptors 0 and 1 are the user's */
	bool is_local;		 /* the client is on this host: its silence does not count */
	unsigned rights;	 /* what requests may do (schema.h); others are refused */
	const char *user_config; /* --config, or NULL: ~/.config/img-tools/config */
};

/*
 * Prints WIRE_READY and the greeting, then serves requests until the client closes
 * the connection.  Blocks.  Returns the exit status of the process: 0 after an
 * orderly end, else the status of the error that ended it.
 */
int server_run(const struct server_options *opt);

#endif
